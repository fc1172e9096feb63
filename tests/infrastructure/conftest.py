"""The Redis topologies and the stand-ins for DynamoDB that the tests of the infrastructure share.

A test that harms one starts its own.
"""

from collections.abc import Iterator

import pytest

from tests.conftest import require_redis_server
from tests.support.dynamodb import DynamoServer, running
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
    """A server that the test may harm."""
    require_redis_server()
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="package")
def moto() -> Iterator[DynamoServer]:
    with running("moto") as server:
        yield server


@pytest.fixture(scope="package")
def dynalite() -> Iterator[DynamoServer]:
    with running("dynalite") as server:
        yield server
