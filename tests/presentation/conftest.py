"""The application on the embedded store and, for some tests, on a real Redis."""

from collections.abc import Iterator

import pytest

from tests.presentation.api import Account, Api
from tests.support.redis_server import RedisServer


@pytest.fixture(scope="session")
def only_api() -> Api:
    return Api()


@pytest.fixture
def api(only_api: Api) -> Api:
    only_api.reset()
    return only_api


@pytest.fixture(scope="session")
def only_account() -> Account:
    return Account()


@pytest.fixture
def account(only_account: Account) -> Account:
    only_account.reset()
    return only_account


@pytest.fixture
def account_on_redis(redis_server: RedisServer) -> Iterator[Account]:
    """Return a client of a service on a real, empty Redis."""
    client = redis_server.service_client(2)
    client.flushdb()
    yield Account(client)
    client.flushdb()
    client.close()


@pytest.fixture
def api_on_redis(redis_server: RedisServer) -> Iterator[Api]:
    """Return a client of a service on a real, empty Redis."""
    client = redis_server.service_client(1)
    client.flushdb()
    yield Api(client)
    client.flushdb()
    client.close()
