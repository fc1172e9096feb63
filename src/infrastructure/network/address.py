"""Host and port: the only parser of them, and of internationalized host names."""

import re
from ipaddress import AddressValueError, IPv6Address, ip_address
from typing import Final, NamedTuple

import idna

HIGHEST_PORT: Final = 65535
_HOST_AND_PORT: Final = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._\-\u0080-\U0010ffff]+))(?::(?P<port>[0-9]{1,5}))?"
)


class Address(NamedTuple):
    """A host and a port.

    Attributes:
        host: an IP address without brackets, or a name in ASCII.
        port: 1 to 65535; 0 where the kernel chooses one.
    """

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, default_port: int) -> "Address":
        """Read `host`, `host:port`, `[IPv6]` or `[IPv6]:port`.

        An internationalized name becomes A-labels, because resolvers and certificates need them.

        Raises:
            ValueError: the text is none of these. The message does not repeat it.
        """
        parts = _HOST_AND_PORT.fullmatch(text)
        port = int(parts["port"] or default_port) if parts else 0
        if parts is None or not 0 < port <= HIGHEST_PORT:
            raise ValueError("must name one host, as host or host:port")
        if parts["v6"]:
            try:
                IPv6Address(parts["v6"])
            except AddressValueError:
                raise ValueError("must have an IPv6 address in the brackets") from None
            return cls(parts["v6"], port)
        try:
            return cls(ascii_name(parts["name"]), port)
        except ValueError:
            raise ValueError("must have a host whose name is valid in IDNA 2008") from None

    def __str__(self) -> str:
        """Return host:port, with the brackets that an IPv6 address needs."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether data that is sent to the host stays on this machine. Names other than `localhost` may leave it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"


def is_ip_address(host: str) -> bool:
    """Return whether the text is an IP address rather than a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def ascii_name(name: str) -> str:
    """Return a host name with A-labels in place of internationalized labels (IDNA 2008, mapped as in UTS 46).

    Raises:
        ValueError: the name is not valid in IDNA 2008.
    """
    return name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")
