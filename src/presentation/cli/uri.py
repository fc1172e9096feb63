"""`open-mfa uri`: print a provisioning URI, which adds a secret to an authenticator."""

from argparse import ArgumentTypeError, Namespace
from typing import Final

from application.provisioning import key_uri
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
from presentation.cli.arguments import SECRETS_AS_ARGUMENTS, AddParser, Parser, digest, secret, text_secret, within
from presentation.cli.output import DONE, say

DEFAULT_LABEL: Final = "account"
_LABEL: Final = "the account's name, shown in the authenticator (default: account)"
_NEVER: Final = Lifecycle(created_at=0, expires_at=None)


def add(add_parser: AddParser) -> None:
    """Add the command."""
    parser = add_parser(
        "uri",
        help="print a provisioning URI",
        description="Print a provisioning URI (otpauth://…). It contains the given secret, or a new one of 160"
        " bits. Its parameter `secret` is the setup key, which people can type into an authenticator. The command does"
        " not store the secret in the service. `open-mfa qr` prints a URI as a QR code.",
        examples=("uri totp --label alice", "uri totp --label alice | open-mfa qr -", "uri totp --key -"),
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    totp = kinds.add_parser(
        "totp",
        help="time-based, RFC 6238",
        description="Print the provisioning URI of a TOTP secret (RFC 6238).",
        examples=("uri totp --label alice", "uri totp --label alice --issuer Example --secret @secret.txt"),
        notes=SECRETS_AS_ARGUMENTS,
    )
    totp.add_argument("--label", type=name, default=DEFAULT_LABEL, help=_LABEL)
    add_options(totp, Factor.TOTP)
    hotp = kinds.add_parser(
        "hotp",
        help="event-based, RFC 4226",
        description="Print the provisioning URI of an HOTP secret (RFC 4226).",
        examples=("uri hotp --label alice", "uri hotp --label alice --secret @secret.txt --counter 5"),
        notes=SECRETS_AS_ARGUMENTS,
    )
    hotp.add_argument("--label", type=name, default=DEFAULT_LABEL, help=_LABEL)
    add_options(hotp, Factor.HOTP)
    parser.set_defaults(run=_run)


def add_options(parser: Parser, *kinds: Factor) -> None:
    """Add the options for the URIs of these kinds, except the label."""
    secrets = parser.add_mutually_exclusive_group()
    secrets.add_argument(
        "--secret", metavar="BASE32", type=_secret, help="an existing secret in base32, 16 to 128 bytes"
    )
    secrets.add_argument(
        "--key", metavar="TEXT", dest="secret", type=_key, help="an existing secret as text, 16 to 128 bytes"
    )
    parser.add_argument("--issuer", type=name, default="Open-MFA", help="shown beside the label (default: Open-MFA)")
    parser.add_argument("--digest", type=digest, default=HashAlgorithm.SHA1, help="sha1 (default), sha256 or sha512")
    parser.add_argument(
        "--digits", metavar="N", type=within(DIGITS), default=DEFAULT_DIGITS, help="6 (default), 7 or 8"
    )
    if Factor.TOTP in kinds:
        parser.add_argument(
            "--interval",
            metavar="SECONDS",
            type=within(INTERVAL),
            default=DEFAULT_INTERVAL,
            help="the time step of TOTP, 15 to 300 (default: 30)",
        )
    if Factor.HOTP in kinds:
        parser.add_argument(
            "--counter", metavar="N", type=within(COUNTER), default=0, help="the next counter of HOTP (default: 0)"
        )


def _run(options: Namespace) -> int:
    say(provisioning_uri(options.kind, options))
    return DONE


def provisioning_uri(kind: str, options: Namespace) -> str:
    """Return the provisioning URI for these options."""
    shared = options.secret or SystemRandomness().secret()
    credential_id = CredentialId(Owner(OwnerKind.ACCOUNT, ""), Factor(kind))
    credential: TotpCredential | HotpCredential
    if kind == "totp":
        credential = TotpCredential(
            id=credential_id,
            lifecycle=_NEVER,
            secret=shared,
            parameters=TotpParameters(options.digest, options.digits, options.interval),
            label=options.label,
        )
    else:
        credential = HotpCredential(
            id=credential_id,
            lifecycle=_NEVER,
            secret=shared,
            parameters=HotpParameters(options.digest, options.digits),
            counter=options.counter,
            initial_counter=options.counter,
            label=options.label,
        )
    return key_uri(credential, options.issuer)


def name(text: str) -> str:
    """Return a label or an issuer from the command line."""
    try:
        return check_name(text)
    except InvalidValue as error:
        raise ArgumentTypeError(str(error)) from None


def _secret(text: str) -> SharedSecret:
    try:
        return SharedSecret.from_base32(text_secret(text))
    except InvalidSecret as error:
        raise ArgumentTypeError(str(error)) from None


def _key(text: str) -> SharedSecret:
    try:
        return SharedSecret(secret(text))
    except InvalidSecret as error:
        raise ArgumentTypeError(str(error)) from None
