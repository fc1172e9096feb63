"""Clients of every topology."""

import pytest

from infrastructure.redis.client.url import Connect
from tests.infrastructure.redis.topologies import TOPOLOGIES, connect_to


@pytest.fixture(params=TOPOLOGIES)
def connect(request: pytest.FixtureRequest) -> Connect:
    """A factory of clients, for one topology after the other."""
    return connect_to(request.param, request)
