"""gunicorn's master process, changed for the worker (ADR 19), for state in memory (ADR 38) and for reloads (ADR 39)."""

import logging
import os
import queue
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from application.request_context import FIELDS

_MEMORY: Final = "/dev/shm"  # noqa: S108 - the file of a heartbeat must not wait for a disk

ENDING: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})
"""The signals that end a worker. A new worker blocks them until it has installed its own handlers."""

_log = logging.getLogger("open_mfa.server")


def heartbeat_directory() -> str | None:
    """Return the directory for the files of the workers' heartbeats; None means the one for temporary files."""
    return _MEMORY if Path(_MEMORY).is_dir() else None


class Master(Arbiter):
    """A master process that logs its end, tolerates pauses of the machine, and continues if no worker can start.

    Args:
        app: gunicorn's application.
        single: whether there is never more than one worker at a time, because each would accept the same codes.
        before_reload: called before SIGHUP replaces the workers.
        needs_reload: called about once a second. If it returns true, the workers are replaced.
    """

    def __init__(
        self,
        app: BaseApplication,
        *,
        single: bool = False,
        before_reload: Callable[[], object] = lambda: None,
        needs_reload: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(app)
        self._single = single
        self._before_reload = before_reload
        self._needs_reload = needs_reload
        self._is_reloading = False
        self._last_check = time.monotonic()
        self._stopping = False
        self._umask = os.umask(0)
        os.umask(self._umask)

    def stop(self, graceful: bool = True) -> None:
        """Stop the workers. A graceful stop lets them finish their requests."""
        if not self._stopping:
            self._stopping = True
            _log.info("stopping", extra={FIELDS: {"workers": len(self.WORKERS)}})
        super().stop(graceful)

    def handle_hup(self) -> None:
        """Replace the workers. During that, there are two generations of them."""
        if self._allows_more_workers("SIGHUP"):
            self._before_reload()
            super().handle_hup()

    def reload(self) -> None:
        """Replace the workers, and wait until the former ones have finished their requests."""
        self._is_reloading = True
        try:
            super().reload()
        finally:
            self._is_reloading = False

    def reap_workers(self) -> None:
        """Note the workers that have ended. During a reload, a signal to stop takes effect at once."""
        super().reap_workers()
        if self._is_reloading and not self._stopping:
            self._handle_stop_signals()

    def _handle_stop_signals(self) -> None:
        """Stop if a signal says so, and leave the other signals for later."""
        waiting = []
        while True:
            try:
                waiting.append(self.SIG_QUEUE.get_nowait())
            except queue.Empty:
                break
        for each in waiting:
            if each not in ENDING:
                self.SIG_QUEUE.put_nowait(each)
        for each in waiting:
            if each in ENDING:
                getattr(self, f"handle_{self.SIG_NAMES[each]}")()

    def wait_for_signals(self, timeout: float | None = 1.0) -> list[int]:
        """Return the next signals. Several SIGHUP count as one, because one reload is enough for all of them."""
        signals = super().wait_for_signals(timeout)
        return [each for number, each in enumerate(signals) if each != signal.SIGHUP or each not in signals[:number]]

    def handle_ttin(self) -> None:
        """Add a worker."""
        if self._allows_more_workers("SIGTTIN"):
            super().handle_ttin()

    def handle_usr2(self) -> None:
        """Start a second master with workers of its own."""
        if self._allows_more_workers("SIGUSR2"):
            super().handle_usr2()

    def _allows_more_workers(self, name: str) -> bool:
        if self._single:
            _log.warning(
                "ignored a signal: only one process has the state. Restart it instead",
                extra={FIELDS: {"signal": name}},
            )
        return not self._single

    def spawn_worker(self) -> int:
        """Start a worker. If the machine lacks a resource for it, such as an inode, log that and try again soon.

        The next attempt creates the file of the heartbeat in another directory.
        """
        # Until a new worker has installed its own handlers, it has those of the master. They would lose the SIGTERM
        # that ends it, and gunicorn sends no second one. A blocked signal waits.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        try:
            return super().spawn_worker()
        except OSError as error:
            if os.getpid() != self.pid:
                raise
            # gunicorn leaves the umask at 0 if it can't create the file.
            os.umask(self._umask)
            self.cfg.set("worker_tmp_dir", None if self.cfg.worker_tmp_dir else heartbeat_directory())
            _log.error("no worker could be started", extra={FIELDS: {"problem": error.strerror}})
            return 0
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    def murder_workers(self) -> None:
        """Kill the workers without a heartbeat during the whole timeout, and replace all workers if that is needed.

        The master checks this every second. If its last check is more than half of the timeout ago, the machine was
        paused, and the workers could not run either. Every worker then gets the whole timeout again.
        """
        now = time.monotonic()
        if now - self._last_check > self.timeout / 2:
            for worker in self.WORKERS.values():
                worker.tmp.notify()
        self._last_check = now
        super().murder_workers()
        if self._needs_reload():
            self.reload()


def free_slot(server: Any, slots: int) -> int | None:
    """Return the first of `slots` slots of metrics that no living worker of the master has, None if all are taken."""
    taken = {worker.metrics_slot for worker in server.WORKERS.values()}
    return next((slot for slot in range(slots) if slot not in taken), None)
