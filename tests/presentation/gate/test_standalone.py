"""The gate in standalone mode: a new process knows no spent code of the former one, and accepts none of them."""

from typing import Any

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.presentation.api import RFC_SECRET, Api, document
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


def accepts(api: Api, step: int) -> bool:
    status, reason = verify(api, pyotp.TOTP(RFC_SECRET).at(step * INTERVAL))
    assert (status, reason) in {(200, None), (403, "replayed"), (403, "wrong"), (429, "wrong"), (429, None)}
    return status == 200


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


@given(
    offset=st.integers(0, INTERVAL - 1),
    ahead=st.integers(-1, 1),
    pause=st.integers(0, 120),
    tries=st.lists(st.integers(0, 20), max_size=12),
)
def test_no_restart_at_any_time_lets_a_code_be_accepted_twice(
    offset: int, ahead: int, pause: int, tries: list[int]
) -> None:
    clock = FakeClock(NOON + offset)
    before = started(clock)
    clock.advance(LONGEST + INTERVAL)
    step = clock.now() // INTERVAL + ahead
    assert accepts(before, step)
    clock.advance(pause)

    after = started(clock)

    for seconds in (0, *tries):
        clock.advance(seconds)
        assert not accepts(after, step)


@given(offset=st.integers(0, INTERVAL - 1))
def test_an_authenticator_is_refused_for_at_most_a_minute_after_a_start(offset: int) -> None:
    clock = FakeClock(NOON + offset)
    api = started(clock)
    begin = clock.now()
    while verify(api, code(api)) == (403, "replayed"):
        clock.advance(1)

    assert INTERVAL < clock.now() - begin <= LONGEST
    assert verify(api, code(api)) == (403, "replayed"), "the accepted code is spent"


def test_a_refused_code_after_a_start_is_not_counted() -> None:
    api = started(FakeClock(NOON))

    assert [verify(api, code(api)) for _ in range(6)] == [(403, "replayed")] * 6
