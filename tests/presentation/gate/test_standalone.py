"""The gate in standalone mode: a new process knows no spent code of the former one, and accepts none of them."""

from typing import Any

import pytest

from tests.presentation.api import Api, document
from tests.presentation.gate.support import GATE, code, log_in
from tests.support.fakes import NOON, FakeClock
from tests.support.redis_clients import embedded_redis

STANDALONE: dict[str, Any] = GATE | {"environment": "standalone"}
INTERVAL = 30
LONGEST = 60
"""Seconds after a start in which the gate may refuse every code."""


def started(clock: FakeClock) -> Api:
    """Return a new process, whose memory is empty."""
    return Api(embedded_redis(), clock, **STANDALONE)


def verify(api: Api, typed: str) -> tuple[int, Any]:
    answer = api.client.post("/api/v1/gate/verify", json={"token": typed})
    return answer.status_code, document(answer).get("reason")


@pytest.mark.parametrize("ahead", [-1, 0, 1])
def test_a_code_that_the_former_process_accepted_is_refused_as_spent(ahead: int) -> None:
    clock = FakeClock(NOON)
    before = started(clock)
    clock.advance(LONGEST + INTERVAL)
    typed = code(before, ahead)
    assert verify(before, typed) == (200, None)

    after = started(clock)

    assert verify(after, typed) == (403, "replayed")
    assert log_in(after, typed).status_code == 403


@pytest.mark.parametrize("offset", [0, 1, INTERVAL - 1])
def test_an_authenticator_is_refused_for_at_most_a_minute_after_a_start(offset: int) -> None:
    clock = FakeClock(NOON + offset)
    api = started(clock)
    begin = clock.now()
    while verify(api, code(api)) == (403, "replayed"):
        assert clock.now() - begin < LONGEST
        clock.advance(1)

    assert INTERVAL < clock.now() - begin <= LONGEST
    assert verify(api, code(api)) == (403, "replayed"), "the accepted code is spent"


def test_a_refused_code_after_a_start_is_not_counted() -> None:
    api = started(FakeClock(NOON))

    assert [verify(api, code(api)) for _ in range(6)] == [(403, "replayed")] * 6
