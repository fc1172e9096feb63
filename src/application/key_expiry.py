"""The notices about API keys that expire."""

from collections.abc import Iterable, Iterator

from application.timestamps import rfc3339
from domain.api_key import ApiKey


def expiry_notices(keys: Iterable[ApiKey], now: int) -> Iterator[str]:
    """Yield a notice for each API key that has expired, or that expires within 30 days.

    Args:
        keys: the API keys.
        now: Unix time in seconds.
    """
    for key in keys:
        if key.expires_at is not None and key.expires_soon(now):
            # The first word differs for each key, because the doctor shows each subject once.
            verb = "expired" if key.expired(now) else "expires"
            remedy = "remove it from the tenants file" if key.expired(now) else "replace it before"
            yield f"{key.tenant}/{key.id} is an API key that {verb} at {rfc3339(key.expires_at)}: {remedy}."
