"""The limits of sent codes, which every store counts under keyed digests."""

import hmac
import logging
from dataclasses import dataclass
from typing import Final

from application.ports.delivery import Channel
from application.request_context import FIELDS
from domain.owner import Owner, OwnerKind
from infrastructure.delivery.recipients import counted_as

MOST_SENDS: Final = 5
WINDOW: Final = 600
"""Seconds."""
HOUR: Final = 3600
"""Seconds."""
CLIENT_SHARE: Final = 20
"""The sessions of one client address may send one in `CLIENT_SHARE` of the codes that all sessions may send."""
_LIMITS: Final = ("none", "recipient", "all recipients", "client address")
_log = logging.getLogger("open_mfa.delivery")


@dataclass(frozen=True, slots=True)
class Counted:
    """What a code counts for.

    Attributes:
        channel: the channel that sends it.
        sender: the tenant, or all sessions together.
        recipients: the digests of the spellings of the recipient.
        client: the digest of the network of the client, for sessions; None for accounts.
    """

    channel: Channel
    sender: str
    recipients: tuple[str, ...]
    client: str | None

    def log_refusal(self, limit: int, wait: int) -> None:
        """Log that a limit is reached.

        Args:
            limit: the number of the limit: 1 for the recipient's, 2 for the one of all recipients, 3 for the client's.
            wait: the seconds until a code may be sent.
        """
        fields = {"channel": self.channel.value, "limit": _LIMITS[limit], "sender": self.sender, "wait": wait}
        _log.warning("too many codes", extra={FIELDS: fields})


class SendLimits:
    """The limits: for one recipient, for all recipients, and for one client address.

    At most 5 codes are sent to one recipient in any 10 minutes, for each tenant and for all sessions together. The two
    other limits do not depend on the spelling of a recipient. Stores keep keyed digests of recipients and addresses, so
    they do not reveal the recipients of codes.

    Attributes:
        per_hour: the number of codes in an hour, for each tenant and for all sessions together.
        per_client: the number of codes in an hour for the sessions of one client address.

    Args:
        key: the key of the digests.
        per_hour: see the attribute.
    """

    def __init__(self, key: str, per_hour: int) -> None:
        self._key = key.encode()
        self.per_hour = per_hour
        self.per_client = max(MOST_SENDS, per_hour // CLIENT_SHARE)

    def counted(self, owner: Owner, channel: Channel, to: str, client: str) -> Counted:
        """Return what a code counts for."""
        scope = (owner.kind.value, owner.tenant or "", channel.value)
        return Counted(
            channel=channel,
            sender=f"{owner.kind.value}:{owner.tenant or ''}",
            recipients=tuple(self._digest(*scope, spelling) for spelling in counted_as(channel, to)),
            client=self._digest("client", client) if owner.kind is OwnerKind.SESSION else None,
        )

    def _digest(self, *parts: str) -> str:
        return hmac.digest(self._key, "\0".join(("open-mfa sends", *parts)).encode(), "sha256").hex()
