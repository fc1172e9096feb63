"""One store after the other."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from infrastructure.store import Store
from tests.infrastructure.redis.callers import KEYS
from tests.infrastructure.store.rig import STORES, Rig, open_rig
from tests.support.dynamodb import patience
from tests.support.fakes import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=STORES)
def rig(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[Rig]:
    with patience() if request.param.startswith("dynamodb") else nullcontext():
        rig = open_rig(request.param, KEYS, clock, request)
        yield rig
        rig.remove_log_level()
        rig.store.close()


@pytest.fixture
def store(rig: Rig) -> Store:
    return rig.store
