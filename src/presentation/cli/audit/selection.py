"""The options that select audit lines, and the decision whether a line is selected."""

from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from domain.verdict import Reason
from presentation.cli.arguments import Parser
from presentation.cli.audit.cells import names_api_key
from presentation.cli.audit.times import time_argument, time_of
from presentation.cli.output import Refused

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

OUTCOMES: Final = ("accepted", "refused", *(reason.value for reason in Reason), "locked")
"""The values of the option for outcomes: outcomes, and reasons of refusals."""
_DIGEST_LENGTH: Final = 8
"""The shortest beginning of a digest that identifies a session."""
_EXACT: Final = {
    "account": ("ID", "the id of the account"),
    "tenant": ("TENANT", "the name of the tenant"),
    "event": ("EVENT", "the event, such as judged, locked, enrolled or removed"),
    "authenticator": ("ID", "the id of the authenticator, such as totp"),
    "key": ("ID", "the id of the API key that the request used"),
    "request-id": ("ID", "the id of the request"),
}
"""The options that are compared with a member of the line."""
_MEMBERS: Final = {"event": "message", "request-id": "request_id"}
"""The members whose names differ from those of their options."""

Test = Callable[[Mapping[str, Any]], bool]
"""A function that returns whether a line, given by its members, meets one condition."""


def add_options(parser: Parser) -> None:
    """Add the options that select lines."""
    options = parser.add_argument_group(
        "selection", "A line must meet all options. An option that is repeated selects each of its values."
    )
    for name, (metavar, text) in _EXACT.items():
        options.add_argument(f"--{name}", metavar=metavar, action="append", default=[], help=text)
    options.add_argument(
        "--session",
        metavar="DIGEST",
        type=_digest,
        action="append",
        default=[],
        help=f"the digest of the session, or its first {_DIGEST_LENGTH} or more characters",
    )
    options.add_argument(
        "--outcome",
        choices=OUTCOMES,
        action="append",
        default=[],
        help=f"the outcome of a code: {', '.join(OUTCOMES)}. refused means any reason; locked means during a lock",
    )
    options.add_argument(
        "--address",
        metavar="ADDRESS",
        type=_network,
        action="append",
        default=[],
        help="the address of the client, or a network such as 203.0.113.0/24",
    )
    options.add_argument(
        "--since",
        metavar="TIME",
        type=time_argument,
        help="at this time or later: a duration before now (30m, 2h, 7d), the last 22:00, 2026-11-28,"
        " '2026-11-28 22:00', or RFC 3339",
    )
    options.add_argument("--until", metavar="TIME", type=time_argument, help="before this time")


@dataclass(frozen=True, slots=True)
class Selection:
    """The conditions that a line must meet."""

    tests: tuple[Test, ...]

    @classmethod
    def of(cls, options: Namespace, now: datetime) -> "Selection":
        """Return the selection for these options. Raise `Refused` if no time can be selected."""
        return cls(tuple(_tests(options, now)))

    def accepts(self, members: Mapping[str, Any]) -> bool:
        """Return whether a line is selected."""
        return all(test(members) for test in self.tests)


def _tests(options: Namespace, now: datetime) -> Iterator[Test]:
    for name in _EXACT:
        values = getattr(options, name.replace("-", "_"))
        if values:
            yield _one_of(name, values)
    if options.session:
        yield lambda members: str(members.get("session", "")).startswith(tuple(options.session))
    if options.outcome:
        yield lambda members: not {_text(members, "outcome"), _text(members, "reason")}.isdisjoint(options.outcome)
    if options.address:
        yield lambda members: _is_in(members.get("address"), options.address)
    if options.since is not None or options.until is not None:
        since = None if options.since is None else options.since(now, None)
        until = None if options.until is None else options.until(now, since)
        if since is not None and until is not None and until <= since:
            raise Refused("--until is not after --since")
        yield _between(since, until)


def member_of(members: Mapping[str, Any], option: str) -> str | None:
    """Return the member that an option names if it is text, and otherwise None."""
    if option == "key" and not names_api_key(members):
        return None
    return _text(members, _MEMBERS.get(option, option))


def _text(members: Mapping[str, Any], name: str) -> str | None:
    value = members.get(name)
    return value if isinstance(value, str) else None


def _one_of(option: str, values: list[str]) -> Test:
    return lambda members: member_of(members, option) in values


def _between(since: datetime | None, until: datetime | None) -> Test:
    def test(members: Mapping[str, Any]) -> bool:
        moment = time_of(members.get("time"))
        return moment is not None and (since is None or since <= moment) and (until is None or moment < until)

    return test


def _digest(text: str) -> str:
    if len(text) < _DIGEST_LENGTH:
        raise ArgumentTypeError(f"must have at least {_DIGEST_LENGTH} characters")
    return text


def _network(text: str) -> "IPv4Network | IPv6Network":
    from ipaddress import ip_network  # noqa: PLC0415 - takes a while to load

    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise ArgumentTypeError("must be an IP address or a network such as 203.0.113.0/24") from None


def _is_in(address: object, networks: "list[IPv4Network | IPv6Network]") -> bool:
    from ipaddress import ip_address  # noqa: PLC0415 - likewise

    try:
        found = ip_address(str(address))
    except ValueError:
        return False
    return any(found in network for network in networks)
