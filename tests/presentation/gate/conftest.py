"""The gate in three configurations."""

import pytest

from tests.presentation.api import Api
from tests.presentation.gate.support import DOMAIN, GATE, TENANT


@pytest.fixture(scope="module")
def only_gate() -> Api:
    return Api(**GATE)


@pytest.fixture(scope="module")
def only_staff() -> Api:
    return Api(**TENANT)


@pytest.fixture(scope="module")
def only_domain() -> Api:
    return Api(**DOMAIN)


@pytest.fixture
def gate(only_gate: Api) -> Api:
    only_gate.reset()
    return only_gate
