"""The topologies of Redis that tests run on."""

from typing import Final

import pytest

from infrastructure.redis.client.embedded import embedded
from infrastructure.redis.client.url import Connect, connector

_FIXTURES: Final = {"standalone": "redis_server", "sentinel": "sentinel_set", "cluster": "cluster"}
TOPOLOGIES: Final = ("embedded", *_FIXTURES)


def connect_to(topology: str, request: pytest.FixtureRequest) -> Connect:
    """Return a factory of clients of a shared topology, which starts if it is not running."""
    if topology == "embedded":
        return embedded()
    return connector(request.getfixturevalue(_FIXTURES[topology]).url)
