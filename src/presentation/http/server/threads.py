"""The threads that respond to requests."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any, Final

_log: Final = logging.getLogger("open_mfa.server")


class Threads:
    """A fixed number of threads that make the calls of one queue, in its order.

    A `ThreadPoolExecutor` keeps a future for each call and wakes its waiters. Nobody reads the results here, and the
    futures would take a thirtieth of the CPU time of a verification.

    Args:
        number: the number of threads.
    """

    def __init__(self, number: int) -> None:
        self._calls: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"request-{index}", daemon=True) for index in range(number)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, function: Callable[..., object], *arguments: Any) -> None:
        """Let a thread call a function with these arguments."""
        self._calls.put(partial(function, *arguments))

    def shutdown(self, wait: bool = True) -> None:
        """End the threads after the calls that are queued. With `wait`, return when they have ended."""
        for _ in self._threads:
            self._calls.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                call()
            except Exception:  # noqa: BLE001 - the thread must survive every failure
                _log.exception("unexpected failure")
