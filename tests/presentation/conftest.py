"""The application on the embedded store, and where it matters on a real Redis too."""

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
    """On a real Redis that holds nothing else."""
    client = redis_server.client()
    client.select(2)
    client.flushdb()
    yield Account(client)
    client.flushdb()
    client.close()


@pytest.fixture
def api_on_redis(redis_server: RedisServer) -> Iterator[Api]:
    """On a real Redis that holds nothing else."""
    client = redis_server.client()
    client.select(1)
    client.flushdb()
    yield Api(client)
    client.flushdb()
    client.close()
