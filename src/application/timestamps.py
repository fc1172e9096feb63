"""Times in the form that clients, operators and logs use."""

from datetime import UTC, datetime


def rfc3339(seconds: int) -> str:
    """Return a Unix time in seconds in the form of RFC 3339, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def timestamp(seconds: int | None) -> str | None:
    """Return a time in the format of RFC 3339; None for None.

    Args:
        seconds: Unix time in seconds.
    """
    return None if seconds is None else rfc3339(seconds)
