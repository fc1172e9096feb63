"""`open-mfa code`: print the code that an authenticator shows."""

import hashlib
import hmac
import re
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from domain.characters import trim
from domain.code import LONGEST_CODE
from domain.errors import InvalidSecret
from domain.parameters import DEFAULT_DIGITS, DEFAULT_INTERVAL
from domain.secret import base32_bytes
from infrastructure.system import SystemClock
from presentation.cli.arguments import SECRETS_AS_ARGUMENTS, AddParser, Parser, secret, text_secret, whole
from presentation.cli.output import DONE, say

HIGHEST: Final = 2**64 - 1
"""The largest moving factor: it has 8 bytes (RFC 4226, section 5.1)."""
_DEFAULTS: Final = {"digest": "sha1", "digits": DEFAULT_DIGITS, "interval": DEFAULT_INTERVAL}
_PROGRAMS: Final[dict[str, dict[str, Any]]] = {"ns_totp": {"digest": "sha256", "digits": 8, "user_id": 0}}
"""The defaults of other programs, for `--as`."""
_OPENSSL_NAMES: Final = (
    *("SHA-1", "SHA2-224", "SHA2-256", "SHA2-384", "SHA2-512", "SHA2-512/224", "SHA2-512/256"),
    *("BLAKE2b512", "BLAKE2s256", "RIPEMD", "RMD160", "SSL3-MD5", "SSL3-SHA1"),
)
"""Further names of digests in OpenSSL. `hashlib.algorithms_available` lists only one name for each."""
_digits: Final = whole(1, LONGEST_CODE)
_interval: Final = whole(1, HIGHEST)
_counter: Final = whole(0, HIGHEST)


def add(add_parser: AddParser) -> None:
    """Add the command."""
    parser = add_parser(
        "code",
        help="print the code that an authenticator shows",
        description="Print the code that an authenticator with this secret shows. The code is not spent.",
        examples=("code totp --secret JBSWY3DPEHPK3PXP", "code hotp --secret JBSWY3DPEHPK3PXP --counter 0"),
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    totp = kinds.add_parser(
        "totp",
        help="time-based, RFC 6238",
        description="Print the TOTP code (RFC 6238) of a secret for the current time or for another time.",
        examples=(
            "code totp --secret JBSWY3DPEHPK3PXP",
            "code totp --secret @secret.txt --digest sha256 --digits 8",
            "code totp --uri - <uri.txt",
            "code totp --server-secret @serversecret --user-id 7 --as ns_totp",
        ),
        notes=SECRETS_AS_ARGUMENTS,
    )
    _add_options(totp)
    totp.add_argument("--interval", metavar="SECONDS", type=_interval, help="the time step (default: 30)")
    totp.add_argument(
        "--as",
        choices=_PROGRAMS,
        dest="program",
        help="use the defaults of NaviServer's ns_totp: --digest sha256 --digits 8",
    )
    totp.add_argument("--time", metavar="EPOCH", type=_counter, help="Unix time in seconds (default: now)")
    hotp = kinds.add_parser(
        "hotp",
        help="event-based, RFC 4226",
        description="Print the HOTP code (RFC 4226) of a secret and a counter.",
        examples=("code hotp --secret JBSWY3DPEHPK3PXP --counter 0", "code hotp --uri @uri.txt"),
        notes=SECRETS_AS_ARGUMENTS,
    )
    _add_options(hotp)
    hotp.add_argument("--counter", metavar="N", type=_counter, help="the counter; required unless the URI contains it")
    parser.set_defaults(run=_run)
    # An error names the parser of the kind, because its --help describes the options.
    totp.set_defaults(error=totp.error)
    hotp.set_defaults(error=hotp.error)


def _add_options(parser: Parser) -> None:
    keys = parser.add_mutually_exclusive_group(required=True)
    keys.add_argument("--secret", metavar="BASE32", dest="key", type=_base32_secret, help="the shared secret in base32")
    keys.add_argument("--key", metavar="TEXT", type=secret, help="the shared secret as text, of any length")
    keys.add_argument("--uri", type=_uri, help="a provisioning URI (otpauth://…); other options override it")
    keys.add_argument(
        "--server-secret",
        metavar="SECRET",
        type=secret,
        help="with --user-id: NaviServer's serversecret, from which ns_totp derives the key",
    )
    parser.add_argument("--user-id", metavar="N", type=whole(0, HIGHEST), help="the user_id of ns_totp")
    parser.add_argument(
        "--digest",
        type=_digest,
        help="the hash function of HMAC, any that OpenSSL supports: sha1 (default), sha256, sha3-256, sha512-256, "
        "blake2b512, …",
    )
    parser.add_argument("--digits", metavar="N", type=_digits, help="1 to 10 (default: 6)")


def _run(options: Namespace) -> int:
    uri = options.uri or {}
    given = {name: value for name, value in vars(options).items() if value is not None}
    # Options override the program named by --as, which overrides the URI, which overrides the defaults.
    values: dict[str, Any] = _DEFAULTS | uri | _PROGRAMS.get(given.get("program", ""), {}) | given
    if options.server_secret is None and options.user_id is not None:
        options.error("--user-id needs --server-secret")
    if options.server_secret is not None and "user_id" not in values:
        options.error("--server-secret needs --user-id")
    if uri.get("type", options.kind) != options.kind:
        options.error(f"argument --uri: is not for a {options.kind} code")
    if options.kind == "totp":
        factor = values.get("time", SystemClock().now()) // values["interval"]
    elif (factor := values.get("counter")) is None:
        options.error("the following arguments are required: --counter")
    if options.server_secret is not None:
        values["key"] = _derived(options.server_secret, values["user_id"])
    say(_hotp(values["key"], factor, values["digest"], values["digits"]))
    return DONE


def _hotp(key: bytes, factor: int, digest: str, digits: int) -> str:
    """Return HOTP(K, C) of RFC 4226 section 5.3, under any hash and with any number of digits.

    The service uses pyotp, which needs digests of at least 18 bytes. In an MD5 digest, an offset of 13 to 15 leaves
    fewer than 4 bytes. The value then consists of the remaining bytes, as in NaviServer.
    """
    mac = hmac.digest(key, factor.to_bytes(8, "big"), digest)
    offset = mac[-1] & 15
    value = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{value % 10**digits:0{digits}d}"


def _derived(server_secret: bytes, user_id: int) -> bytes:
    """Return the key that NaviServer's `ns_totp` derives for a user: the SHA-224 digest of `serversecret-user_id`.

    The digest is raw, 28 bytes. NaviServer's manual does not state this, but its source does (tcl/ns_crypto.tcl): older
    versions convert the hexadecimal digest into bytes, newer ones use `-encoding binary`.
    """
    return hashlib.sha224(server_secret + b"-%d" % user_id).digest()


def _words(name: str) -> tuple[str, ...]:
    """Return the words and numbers of a digest's name. They are equal for SHA-512/256, sha512_256 and sha512-256."""
    return tuple(re.findall("[a-z]+|[0-9]+", name.lower().removeprefix("hmac")))


def _serves_hmac(digest: str) -> bool:
    """Return whether OpenSSL has the digest and HMAC can use it. Extendable-output functions have no fixed length."""
    try:
        return bool(hmac.digest(b"key", b"", digest))
    except ValueError:
        return False


_DIGESTS: Final = {
    _words(name): name for name in (*_OPENSSL_NAMES, *hashlib.algorithms_available) if _serves_hmac(name)
}
_UNSEPARATED: Final = {"".join(words): name for words, name in _DIGESTS.items()}


def _digest(text: str) -> str:
    """Return OpenSSL's name of a digest that is given in any usual spelling."""
    name = _DIGESTS.get(_words(text)) or _UNSEPARATED.get(text.lower().removeprefix("hmac"))
    if name is None:
        raise ArgumentTypeError(
            f"must be one of {', '.join(sorted(hashlib.algorithms_available & {*_DIGESTS.values()}))}"
        )
    return name


def _base32_secret(text: str) -> bytes:
    return _base32(text_secret(text))


def _base32(text: str) -> bytes:
    """Return the bytes of a secret in base32 of any length: unlike the service, `oathtool` accepts short ones."""
    try:
        key = base32_bytes(text)
    except InvalidSecret as error:
        raise ArgumentTypeError(str(error)) from None
    if not key:
        raise ArgumentTypeError("must not be empty")
    return key


_IN_URI: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "secret": ("key", _base32),
    "algorithm": ("digest", _digest),
    "digits": ("digits", _digits),
    "period": ("interval", _interval),
    "counter": ("counter", _counter),
}
"""The parameters of the Key URI Format, each with the name of its option and the function that reads its value."""


def _uri(text: str) -> dict[str, Any]:
    """Return the values of a provisioning URI by the names of the options, and its `type`.

    The scheme, the type and the names of the parameters may be in any case.
    """
    try:
        parts = urlsplit(trim(text_secret(text)))
    except ValueError:
        parts = urlsplit("")
    query = {parameter.lower(): value for parameter, value in parse_qsl(parts.query)}
    kind = parts.netloc.lower()
    if parts.scheme != "otpauth" or kind not in {"totp", "hotp"} or "secret" not in query:
        raise ArgumentTypeError("must be otpauth://totp/… or otpauth://hotp/… with a secret")
    values: dict[str, Any] = {"type": kind}
    for parameter, (name, read) in _IN_URI.items():
        if parameter in query:
            try:
                values[name] = read(query[parameter])
            except ArgumentTypeError as error:
                raise ArgumentTypeError(f"its {parameter} {error}") from None
    return values
