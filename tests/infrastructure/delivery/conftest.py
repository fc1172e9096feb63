"""What the tests of both channels share."""

from collections.abc import Iterator

import pytest

from tests.support.redis_topologies import Certificates


@pytest.fixture(scope="package")
def certificates() -> Iterator[Certificates]:
    with Certificates() as certificates:
        yield certificates
