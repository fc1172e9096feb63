"""The real service, for tests in a browser."""

from collections.abc import Iterator

import pytest

from tests.service.conftest import TWO_BY_EIGHT
from tests.support.redis_server import RedisServer
from tests.support.service import Service


@pytest.fixture(scope="session")
def service(redis_server: RedisServer) -> Iterator[Service]:
    with Service(OPEN_MFA_REDIS_URL=redis_server.url, **TWO_BY_EIGHT) as running:
        yield running
