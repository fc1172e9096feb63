"""The real service, shared by all tests that only use it."""

from collections.abc import Iterator

import pytest

from tests.support.redis_server import RedisServer
from tests.support.service import Service

TWO_BY_EIGHT = {"WEB_CONCURRENCY": "2", "THREADS": "8"}


@pytest.fixture(scope="session")
def service(redis_server: RedisServer) -> Iterator[Service]:
    with Service(OPEN_MFA_REDIS_URL=redis_server.url, **TWO_BY_EIGHT) as running:
        yield running
