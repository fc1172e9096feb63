"""The threads that respond to requests."""

import threading
from queue import SimpleQueue

import pytest

from presentation.http.server.threads import Threads

WAIT = 10.0


def test_one_thread_makes_all_calls_in_their_order() -> None:
    made: list[int] = []
    threads = Threads(1)

    for number in range(1000):
        threads.submit(made.append, number)
    threads.shutdown()

    assert made == list(range(1000))


def test_as_many_calls_run_at_once_as_there_are_threads() -> None:
    together = threading.Barrier(5)
    threads = Threads(4)

    for _ in range(4):
        threads.submit(together.wait, WAIT)
    together.wait(WAIT)
    threads.shutdown()

    assert not together.broken


def test_a_thread_survives_the_failure_of_a_call(caplog: pytest.LogCaptureFixture) -> None:
    made: SimpleQueue[str] = SimpleQueue()
    threads = Threads(1)

    def fail() -> None:
        raise ValueError("a test")

    threads.submit(fail)
    threads.submit(made.put, "the next call")

    assert made.get(timeout=WAIT) == "the next call"
    assert [record.message for record in caplog.records] == ["unexpected failure"]
    threads.shutdown()


def test_shutdown_does_not_wait_for_a_call_unless_it_is_told_to() -> None:
    end = threading.Event()
    made: list[str] = []
    threads = Threads(1)

    def wait_then_append() -> None:
        assert end.wait(WAIT)
        made.append("the call under way")

    threads.submit(wait_then_append)
    threads.shutdown(wait=False)
    assert made == []

    end.set()
    threads.shutdown()
    assert made == ["the call under way"]
