"""The stand-ins for DynamoDB, one after the other."""

from collections.abc import Iterator

import pytest

from tests.infrastructure.dynamodb.instances import Instance
from tests.support.dynamodb import STAND_INS, DynamoServer
from tests.support.dynamodb_faults import FaultyDynamo


@pytest.fixture(params=STAND_INS)
def stand_in(request: pytest.FixtureRequest) -> DynamoServer:
    server: DynamoServer = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def instance(stand_in: DynamoServer) -> Iterator[Instance]:
    with Instance(stand_in.new_table()) as instance:
        yield instance


@pytest.fixture(scope="package")
def faulty_server(dynalite: DynamoServer) -> Iterator[FaultyDynamo]:
    with FaultyDynamo(dynalite) as server:
        yield server


@pytest.fixture
def faulty(faulty_server: FaultyDynamo) -> Iterator[FaultyDynamo]:
    faulty_server.requests.clear()
    yield faulty_server
    faulty_server.fault = None


@pytest.fixture
def behind(faulty: FaultyDynamo, dynalite: DynamoServer) -> Iterator[Instance]:
    """An instance whose calls pass the faulty server."""
    table = dynalite.new_table().partition("//")[2].partition("?")[0]
    with Instance(dynalite.url_of(table, faulty.port)) as instance:
        yield instance
