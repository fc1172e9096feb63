"""Connections to DynamoDB in a process that has many others."""

import os
import resource
from collections.abc import Iterator

import pytest

from domain.verdict import Accepted
from tests.infrastructure.dynamodb.instances import Instance
from tests.infrastructure.redis.callers import new_owner
from tests.support.dynamodb import DynamoServer

MANY = 1100
"""More descriptors than select(2) can watch, which are 1024."""


@pytest.fixture
def _many_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if soft < 2 * MANY else soft, hard))
    descriptors = [os.open(os.devnull, os.O_RDONLY) for _ in range(MANY)]
    yield
    for each in descriptors:
        os.close(each)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("_many_descriptors")
def test_a_process_with_many_connections_uses_the_table(dynalite: DynamoServer) -> None:
    with Instance(dynalite.new_table()) as instance:
        credential_id = instance.enrol(new_owner())
        assert instance.verify(credential_id, 0) == Accepted()
