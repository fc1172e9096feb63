"""Each process follows the log level that all processes share."""

import logging
import threading
import time
from typing import Final

from application.errors import StoreUnavailable
from application.log_level import SharedLogLevel
from application.request_context import FIELDS
from infrastructure.observability.logs import set_level

POLL_SECONDS: Final = 2.0
"""The time between two reads of the shared level. A worker must follow a change within 5 s."""

_log = logging.getLogger("open_mfa.store")


class LogLevelFollower:
    """A thread that keeps this process at the shared level.

    It reads the level every `POLL_SECONDS`, because a change must also reach a worker that handles no request. So it is
    also the first to notice that the store is unavailable, or available again.
    """

    def __init__(self, shared: SharedLogLevel) -> None:
        self._shared = shared
        self._stopped = threading.Event()
        self._available = True
        self._read_at = 0.0

    def start(self) -> None:
        """Follow the shared level until `stop`. The thread does not keep the process alive."""
        threading.Thread(target=self._follow, name="log-level", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end."""
        self._stopped.set()

    def follow_now(self) -> None:
        """Set the level of this process to the shared one. While the store is unavailable, keep the current level."""
        try:
            level = self._shared.read()
        except StoreUnavailable as error:
            if self._available:
                _log.warning("the store is unavailable; requests get 503", extra={FIELDS: {"problem": str(error)}})
            self._available = False
            return
        if not self._available:
            _log.warning("the store is available again")
        self._available = True
        set_level(level)

    def follow_if_due(self) -> None:
        """Follow the shared level, unless this process has read it in the last `POLL_SECONDS`.

        This is for a process that has no thread between its requests. While a platform freezes such a process, its
        monotonic clock may stop, so the time of day counts.
        """
        now = time.time()
        if abs(now - self._read_at) >= POLL_SECONDS:
            self._read_at = now
            self.follow_now()

    def _follow(self) -> None:
        while True:
            try:
                self.follow_now()
            except Exception:  # noqa: BLE001 - without this thread, the process would keep its level for ever
                _log.exception("unexpected failure")
            if self._stopped.wait(POLL_SECONDS):
                return
