"""Environments of AWS Lambda, with a real Redis."""

import base64
from collections.abc import Iterator

import pytest

from tests.support.lambda_events import KINDS, LambdaClient
from tests.support.redis_server import RedisServer
from tests.support.runtime_api import Environment

GATE_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
API_KEY = "the-key-of-the-shop-in-34-characters"
SETTINGS = {
    "OPEN_MFA_SECRET_KEY": "tests sign their cookies with this key",
    "OPEN_MFA_ENCRYPTION_KEYS": "test:" + base64.b64encode(bytes(range(32))).decode(),
    "OPEN_MFA_ADMIN_USER": "admin",
    "OPEN_MFA_ADMIN_PASSWORD": "correct horse battery staple",
    "OPEN_MFA_API_KEYS": f"shop:{API_KEY}",
    "OPEN_MFA_GATE_SECRET": GATE_SECRET,
    "OPEN_MFA_RATE_LIMIT": "off",
}
SECRETS = (*(value for name, value in SETTINGS.items() if name.endswith(("KEY", "PASSWORD", "SECRET"))), API_KEY)


@pytest.fixture(scope="session")
def settings(redis_server: RedisServer) -> dict[str, str]:
    return SETTINGS | {"OPEN_MFA_REDIS_URL": redis_server.url}


@pytest.fixture(scope="session")
def environment(settings: dict[str, str]) -> Iterator[Environment]:
    """An environment for tests that do not damage it."""
    with Environment(**settings) as running:
        yield running
        assert running.api.violations == []


@pytest.fixture(params=KINDS)
def client(request: pytest.FixtureRequest, environment: Environment) -> LambdaClient:
    """A client whose requests arrive as each kind of event."""
    return LambdaClient(environment.invoke, KINDS[request.param])
