"""The real service, shared by all tests that only use it."""

import uuid
from collections.abc import Iterator

import pytest

from tests.service.deliveries import World, open_world
from tests.support.redis_server import RedisServer
from tests.support.service import Service

TWO_BY_EIGHT = {"WEB_CONCURRENCY": "2", "THREADS": "8"}


@pytest.fixture(scope="session")
def service(redis_server: RedisServer) -> Iterator[Service]:
    with Service(OPEN_MFA_REDIS_URL=redis_server.url, **TWO_BY_EIGHT) as running:
        yield running


@pytest.fixture(scope="session")
def only_world(redis_server: RedisServer) -> Iterator[World]:
    with open_world(redis_server) as opened:
        yield opened


@pytest.fixture
def world(only_world: World) -> World:
    only_world.reset()
    return only_world


@pytest.fixture
def recipient() -> str:
    """A recipient that no other test uses."""
    # Without digits, it can't be read as a telephone number, which would have several spellings.
    return f"ada-{uuid.uuid4().hex.translate(str.maketrans('0123456789', 'ghijklmnop'))}@example.org"
