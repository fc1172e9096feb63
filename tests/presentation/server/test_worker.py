"""The worker and failures that no layer below it handles."""

from typing import Any

import pytest

from presentation.http.server.worker import Worker


class FailingWorker(Worker):
    """A worker whose handling of requests fails. It records what it leaves to the event loop."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.deferred: list[tuple[Any, ...]] = []
        self.method_queue = self

    def handle(self, _conn: Any) -> Any:
        raise self.error

    def defer(self, *call: Any) -> None:
        self.deferred.append(call)


@pytest.mark.parametrize("error", [RuntimeError(), SystemExit(1), KeyboardInterrupt()])
def test_the_event_loop_ends_the_connection_of_a_request_that_failed(error: BaseException) -> None:
    worker = FailingWorker(error)

    worker._serve("connection")

    assert worker.deferred == [(worker._finish, "connection", False)]
