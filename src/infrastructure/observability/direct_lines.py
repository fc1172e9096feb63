"""Lines for a process that a platform may freeze or end right after each response."""

from infrastructure.observability.lines import Lines
from infrastructure.observability.log_stream import StreamGone


class DirectLines(Lines):
    """Lines that the thread of the request writes itself, even if their reader is slow: no queue and no other thread.

    A line of the audit trail that cannot be written is an error, so its request does not succeed.
    """

    def queue(self, data: bytes) -> None:
        """Write whole lines of the audit trail."""
        while data:
            data = data[self._stream.write(data) :]

    def write_queued(self) -> None:
        """Do nothing: no line waits."""

    def offer(self, text: str) -> None:
        """Write other text, which consists of whole lines. If that fails, drop and count it."""
        try:
            super().offer(text)
        except (OSError, StreamGone):
            self.count_dropped(text.count("\n"))
