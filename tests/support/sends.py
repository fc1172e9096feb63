"""Limits of sent codes, as tests use them."""

from application.ports.delivery import Channel
from application.ports.stores import SendLimit
from domain.owner import Owner


def wait_of(
    limit: SendLimit, owner: Owner, channel: Channel, to: str, client: str = "192.0.2.1", per_day: int | None = None
) -> int:
    """Return the seconds until a code may be sent; 0 if this one may be sent."""
    refused = limit.admit(owner, channel, to, client, per_day)
    return 0 if refused is None else refused.wait
