"""`open-mfa uri`: what brings a secret into an authenticator."""

from argparse import ArgumentTypeError, Namespace
from typing import Final

from application.provisioning import Provisioning
from domain.credential import Lifecycle
from domain.errors import InvalidSecret, InvalidValue
from domain.hotp import HotpCredential
from domain.owner import CredentialId, Factor, Owner, OwnerKind
from domain.parameters import (
    COUNTER,
    DEFAULT_DIGITS,
    DEFAULT_INTERVAL,
    DIGITS,
    INTERVAL,
    HashAlgorithm,
    HotpParameters,
    TotpParameters,
    check_name,
)
from domain.secret import SharedSecret
from domain.totp import TotpCredential
from infrastructure.system import SystemRandomness
from presentation.cli.conventions import DONE, FROM_ELSEWHERE, AddParser, Parser, digest, say, text_secret, within

_NEVER: Final = Lifecycle(created_at=0, expires_at=None)


def add(add_parser: AddParser) -> None:
    """Adds the command."""
    parser = add_parser(
        "uri",
        help="print a provisioning URI",
        description="Prints a provisioning URI (otpauth://…), from which `open-mfa qr` makes a QR code. It holds the"
        " secret. The service itself learns nothing of it.",
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    totp = kinds.add_parser(
        "totp",
        help="time-based, RFC 6238",
        description="Prints the URI of a TOTP secret (RFC 6238).",
        epilog=FROM_ELSEWHERE,
    )
    _add_options(totp)
    totp.add_argument(
        "--interval",
        metavar="SECONDS",
        type=within(INTERVAL),
        default=DEFAULT_INTERVAL,
        help="the time step, 15 to 300 (default: 30)",
    )
    hotp = kinds.add_parser(
        "hotp",
        help="event-based, RFC 4226",
        description="Prints the URI of a HOTP secret (RFC 4226).",
        epilog=FROM_ELSEWHERE,
    )
    _add_options(hotp)
    hotp.add_argument("--counter", metavar="N", type=within(COUNTER), default=0, help="the next counter (default: 0)")
    parser.set_defaults(run=_run)


def _add_options(parser: Parser) -> None:
    parser.add_argument("--label", required=True, type=_name, help="the account's name, shown in the authenticator")
    parser.add_argument("--issuer", type=_name, default="Open-MFA", help="shown beside it (default: Open-MFA)")
    parser.add_argument(
        "--secret", metavar="BASE32", type=_secret, help="128 to 1024 bits in base32 (default: 160 random bits)"
    )
    parser.add_argument("--digest", type=digest, default=HashAlgorithm.SHA1, help="sha1 (default), sha256 or sha512")
    parser.add_argument(
        "--digits", metavar="N", type=within(DIGITS), default=DEFAULT_DIGITS, help="6 (default), 7 or 8"
    )


def _run(options: Namespace) -> int:
    secret = options.secret or SystemRandomness().secret()
    place = CredentialId(Owner(OwnerKind.ACCOUNT, ""), Factor(options.kind))
    credential: TotpCredential | HotpCredential
    if options.kind == "totp":
        credential = TotpCredential(
            id=place,
            lifecycle=_NEVER,
            secret=secret,
            parameters=TotpParameters(options.digest, options.digits, options.interval),
            label=options.label,
        )
    else:
        credential = HotpCredential(
            id=place,
            lifecycle=_NEVER,
            secret=secret,
            parameters=HotpParameters(options.digest, options.digits),
            counter=options.counter,
            initial_counter=options.counter,
            label=options.label,
        )
    say(Provisioning(options.issuer).uri(credential))
    return DONE


def _name(text: str) -> str:
    try:
        return check_name(text)
    except InvalidValue as error:
        raise ArgumentTypeError(str(error)) from None


def _secret(text: str) -> SharedSecret:
    try:
        return SharedSecret.from_base32(text_secret(text))
    except InvalidSecret as error:
        raise ArgumentTypeError(str(error)) from None
