"""The Redis topologies that tests share as long as they do them no harm."""

from collections.abc import Iterator

import pytest

from infrastructure.redis.client.embedded import embedded
from infrastructure.redis.client.url import Connect, connector
from tests.conftest import require_redis_server
from tests.support.redis_server import RedisServer
from tests.support.redis_topologies import Certificates, Cluster, SentinelSet


@pytest.fixture(scope="package")
def certificates() -> Iterator[Certificates]:
    with Certificates() as certificates:
        yield certificates


@pytest.fixture(scope="package")
def sentinel_set() -> Iterator[SentinelSet]:
    require_redis_server()
    with SentinelSet() as sentinels:
        yield sentinels


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    require_redis_server()
    with Cluster() as nodes:
        yield nodes


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    """One to do harm to."""
    require_redis_server()
    with RedisServer() as server:
        yield server


@pytest.fixture(params=["embedded", "standalone", "sentinel", "cluster"])
def connect(request: pytest.FixtureRequest) -> Connect:
    """A way to each kind of Redis in turn."""
    match request.param:
        case "embedded":
            return embedded()
        case "standalone":
            server: RedisServer = request.getfixturevalue("redis_server")
            return connector(server.url)
        case "sentinel":
            sentinels: SentinelSet = request.getfixturevalue("sentinel_set")
            return connector(sentinels.url)
        case _:
            nodes: Cluster = request.getfixturevalue("cluster")
            return connector(nodes.url)
