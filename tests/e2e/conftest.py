"""The service and the application, which all tests share."""

from collections.abc import Iterator

import pytest

from tests.e2e.application import Application, serving
from tests.e2e.people import Person
from tests.service.accounts import KEYS
from tests.support.service import Service

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.fixture(scope="session")
def application() -> Iterator[Application]:
    server = Application()
    with serving(server):
        yield server


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    settings = {"OPEN_MFA_GATE_SECRET": SECRET, "OPEN_MFA_GATE_TENANT": "shop", "OPEN_MFA_TRUSTED_PROXIES": "1"}
    with Service(**settings, **KEYS) as running:
        yield running


@pytest.fixture(scope="session")
def alice(service: Service) -> Person:
    return Person(service, "alice@example.com")
