"""The URL of a table: `dynamodb://TABLE?region=REGION`."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from infrastructure.network.address import Address
from infrastructure.network.urls import options_in, split_url

_TABLE: Final = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_REGION: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_OPTIONS: Final = {"region", "endpoint"}
PORTS: Final = {"https": 443, "http": 80}


class InvalidTableUrl(ValueError):
    """Raised if a URL names no table. The message does not repeat the URL."""


@dataclass(frozen=True, slots=True)
class TableUrl:
    """The parts of the URL of a table. It contains no credentials.

    Attributes:
        table: the name of the table.
        region: the region of the table, such as `eu-central-1`.
        endpoint: the URL of another server than the public one of the region; None for that one.
    """

    table: str
    region: str
    endpoint: str | None = None

    @classmethod
    def parse(cls, text: str) -> "TableUrl":
        """Read `dynamodb://TABLE?region=REGION`, with an optional `&endpoint=URL`.

        Raises:
            InvalidTableUrl: the text is no such URL. The message does not repeat it.
        """
        if text.lower().startswith(("redis://", "rediss://")):
            raise InvalidTableUrl("must begin with dynamodb://; for Redis, set OPEN_MFA_REDIS_URL instead")
        try:
            parts = split_url(text, ["dynamodb"], has_user=False)
        except ValueError as error:
            raise InvalidTableUrl(str(error)) from None
        if not _TABLE.fullmatch(parts.hosts) or parts.path not in {"", "/"}:
            raise InvalidTableUrl(
                "must be dynamodb:// and the name of a table: 3 to 255 letters, digits or characters of _.-"
            )
        options = _options(parts.query or "")
        if not _REGION.fullmatch(options.get("region", "")):
            raise InvalidTableUrl("must end with the region of the table, such as ?region=eu-central-1")
        if "endpoint" in options:
            _check_endpoint(options["endpoint"])
        return cls(parts.hosts, options["region"], options.get("endpoint"))

    def __str__(self) -> str:
        """Return the table, its region and another endpoint, for people."""
        endpoint = f" at {urlsplit(self.endpoint).netloc}" if self.endpoint else ""
        return f"{self.table} in {self.region}{endpoint}"

    @property
    def is_unencrypted(self) -> bool:
        """Whether others can read what is sent on its way to the endpoint."""
        if self.endpoint is None:
            return False
        parts = urlsplit(self.endpoint)
        return parts.scheme == "http" and not address_of(parts).is_loopback


def address_of(url: SplitResult) -> Address:
    """Return the host and the port of a URL. Raise `ValueError`."""
    return Address.parse(url.netloc, PORTS[url.scheme])


def _options(query: str) -> dict[str, str]:
    try:
        pairs = options_in(query)
    except ValueError:
        pairs = [("", "")]
    options = dict(pairs)
    if not options.keys() <= _OPTIONS or len(options) < len(pairs):
        raise InvalidTableUrl("the part after the ? must be region=REGION, and optionally &endpoint=URL, once each")
    return options


def _check_endpoint(text: str) -> None:
    try:
        parts = split_url(text, PORTS, has_user=False)
        Address.parse(parts.hosts, PORTS[parts.scheme])
    except ValueError:
        parts = None
    if parts is None or parts.path not in {"", "/"} or parts.query is not None or "@" in text:
        raise InvalidTableUrl("the endpoint must be a URL without a path, such as http://127.0.0.1:8000")
