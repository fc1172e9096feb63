"""`open-mfa code`: the code that an authenticator shows."""

import base64
import binascii
import hashlib
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from domain.code import LONGEST_CODE, SHORTEST_CODE
from domain.parameters import DEFAULT_DIGITS, DEFAULT_INTERVAL, HashAlgorithm
from domain.secret import SHORTEST_SECRET, SharedSecret
from infrastructure.hotp import PyotpHotp
from infrastructure.system import SystemClock
from presentation.cli.conventions import (
    DONE,
    FROM_ELSEWHERE,
    AddParser,
    Parser,
    digest,
    say,
    secret,
    text_secret,
    whole,
)

HIGHEST: Final = 2**64 - 1
"""The moving factor has 8 bytes, RFC 4226 section 5.1."""
_DEFAULTS: Final = {"digest": HashAlgorithm.SHA1, "digits": DEFAULT_DIGITS, "interval": DEFAULT_INTERVAL}
_digits: Final = whole(SHORTEST_CODE, LONGEST_CODE)
_interval: Final = whole(1, HIGHEST)
_counter: Final = whole(0, HIGHEST)


def add(add_parser: AddParser) -> None:
    """Adds the command."""
    parser = add_parser(
        "code",
        help="print a code",
        description="Prints the code that an authenticator with this secret shows. Nothing is verified or spent.",
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    totp = kinds.add_parser(
        "totp",
        help="time-based, RFC 6238",
        description="Prints the TOTP code (RFC 6238) of a secret, for now or for another time.",
        epilog=FROM_ELSEWHERE,
    )
    _add_options(totp)
    totp.add_argument("--interval", metavar="SECONDS", type=_interval, help="the time step (default: 30)")
    totp.add_argument("--time", metavar="EPOCH", type=_counter, help="Unix time in seconds (default: now)")
    hotp = kinds.add_parser(
        "hotp",
        help="event-based, RFC 4226",
        description="Prints the HOTP code (RFC 4226) of a secret and a counter.",
        epilog=FROM_ELSEWHERE,
    )
    _add_options(hotp)
    hotp.add_argument("--counter", metavar="N", type=_counter, help="the moving factor; required unless --uri has it")
    parser.set_defaults(run=_run)
    # The inner parsers know what is wrong with their own options.
    totp.set_defaults(error=totp.error)
    hotp.set_defaults(error=hotp.error)


def _add_options(parser: Parser) -> None:
    keys = parser.add_mutually_exclusive_group(required=True)
    keys.add_argument("--secret", metavar="BASE32", dest="key", type=_base32_secret, help="the shared secret in base32")
    keys.add_argument("--key", metavar="TEXT", type=secret, help="the shared secret as it is, of any length")
    keys.add_argument("--uri", type=_uri, help="a provisioning URI (otpauth://…); other options go before what it says")
    keys.add_argument(
        "--server-secret",
        metavar="SECRET",
        type=secret,
        help="with --user-id: derive the key as NaviServer's ns_totp does from its serversecret"
        " (ns_totp's own defaults are --digest sha256 --digits 8)",
    )
    parser.add_argument("--user-id", metavar="N", type=whole(0, HIGHEST), help="ns_totp's user_id")
    parser.add_argument("--digest", type=digest, help="sha1 (default), sha256 or sha512")
    parser.add_argument("--digits", metavar="N", type=_digits, help="6 (default) to 10")


def _run(options: Namespace) -> int:
    uri = options.uri or {}
    # What is told goes before what the URI says, and that before the defaults.
    told = {name: value for name, value in vars(options).items() if value is not None}
    values: dict[str, Any] = _DEFAULTS | uri | told
    if (options.user_id is None) != (options.server_secret is None):
        options.error("--user-id and --server-secret need each other")
    if uri.get("type", options.kind) != options.kind:
        options.error(f"argument --uri: is for another kind of code than {options.kind}")
    if options.kind == "totp":
        factor = values.get("time", SystemClock().now()) // values["interval"]
    elif (factor := values.get("counter")) is None:
        options.error("the following arguments are required: --counter")
    if options.server_secret is not None:
        values["key"] = _derived(options.server_secret, options.user_id)
    algorithm = values["digest"]
    say(PyotpHotp().codes(_shared(values["key"], algorithm), algorithm, values["digits"], [factor])[0])
    return DONE


def _derived(server_secret: bytes, user_id: int) -> bytes:
    """The key that NaviServer's `ns_totp` gives a user: the raw SHA-224 digest, 28 bytes, of `serversecret-user_id`.

    Its manual does not say whether raw or hexadecimal. Its source does (tcl/ns_crypto.tcl in NaviServer's repository):
    the older versions turn the hexadecimal digest into bytes, the newer ones ask for `-encoding binary`.
    """
    return hashlib.sha224(server_secret + b"-%d" % user_id).digest()


def _shared(key: bytes, algorithm: HashAlgorithm) -> SharedSecret:
    """The key in the form that HMAC itself brings it to (RFC 2104 section 2).

    Zero bytes at the end change nothing, and a key longer than a block is hashed first. So keys of any length can be
    tried out here, while what is enrolled keeps to the bounds of RFC 4226.
    """
    name = algorithm.value.lower()
    if len(key) > hashlib.new(name).block_size:
        key = hashlib.new(name, key).digest()
    return SharedSecret(key.ljust(SHORTEST_SECRET, b"\0"))


def _base32_secret(text: str) -> bytes:
    return _base32(secret(text).decode("latin-1"))


def _base32(text: str) -> bytes:
    """As `SharedSecret.from_base32` reads it, but of any length, for that is what `oathtool` takes."""
    compact = "".join(text.split()).replace("-", "").rstrip("=")
    try:
        key = base64.b32decode(compact + "=" * (-len(compact) % 8), casefold=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ArgumentTypeError("must be base32: the letters A to Z and the digits 2 to 7")
    return key


_IN_URI: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "secret": ("key", _base32),
    "algorithm": ("digest", digest),
    "digits": ("digits", _digits),
    "period": ("interval", _interval),
    "counter": ("counter", _counter),
}
"""The parameters of the Key URI Format: which option each stands for, and how it is read."""


def _uri(text: str) -> dict[str, Any]:
    """What a provisioning URI says, by the names of the options, and its `type`."""
    try:
        parts = urlsplit(text_secret(text))
    except ValueError:
        parts = urlsplit("")
    query = dict(parse_qsl(parts.query))
    if parts.scheme != "otpauth" or parts.netloc not in {"totp", "hotp"} or "secret" not in query:
        raise ArgumentTypeError("must be otpauth://totp/… or otpauth://hotp/… with a secret")
    values: dict[str, Any] = {"type": parts.netloc}
    for parameter, (name, read) in _IN_URI.items():
        if parameter in query:
            try:
                values[name] = read(query[parameter])
            except ArgumentTypeError as error:
                raise ArgumentTypeError(f"its {parameter} {error}") from None
    return values
