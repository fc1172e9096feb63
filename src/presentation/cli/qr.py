"""`open-mfa qr`: show a provisioning URI as a QR code."""

import os
import sys
import tempfile
from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import Final

import segno

from application.ports.qr_code import QrFormat
from domain.owner import Factor
from infrastructure.qr import SegnoQrRenderer, qr_on_terminal
from presentation.cli.arguments import SECRETS_AS_ARGUMENTS, AddParser, text_secret
from presentation.cli.output import DONE, Refused, say
from presentation.cli.uri import DEFAULT_LABEL, add_options, name, provisioning_uri

_FORMATS: Final = {".svg": QrFormat.SVG, ".png": QrFormat.PNG}


def add(add_parser: AddParser) -> None:
    """Add the command."""
    parser = add_parser(
        "qr",
        help="print a QR code",
        description="Print a provisioning URI as a QR code on the terminal, or write it to an image file that"
        " only you can read. With --key or --secret, build the URI from the same options as `open-mfa uri`.",
        examples=(
            "uri totp --label alice | open-mfa qr -",
            "qr @uri.txt -o alice.png",
            "qr totp --label alice --secret @secret.txt",
        ),
        notes=SECRETS_AS_ARGUMENTS,
    )
    parser.add_argument(
        "uri",
        metavar="URI",
        nargs="?",
        type=text_secret,
        help="a provisioning URI, or with --key or --secret: totp (default) or hotp",
    )
    parser.add_argument("-o", metavar="FILE", dest="file", type=_picture, help="write an .svg or .png file instead")
    parser.add_argument("--label", type=name, default=DEFAULT_LABEL, help="the account's name (default: account)")
    add_options(parser, Factor.TOTP, Factor.HOTP)
    parser.set_defaults(run=_run, error=parser.error)


def _run(options: Namespace) -> int:
    uri = _uri(options)
    try:
        if options.file is None:
            say(qr_on_terminal(uri, colours=sys.stdout.isatty()))
        else:
            picture = SegnoQrRenderer().render(uri, _FORMATS[options.file.suffix.lower()])
            _write(options.file, picture)
    except segno.DataOverflowError:
        raise Refused("the URI is too long for a QR code: shorten its label or its issuer") from None
    except UnicodeEncodeError:
        raise Refused("the encoding of the terminal has no block characters: use UTF-8, or -o FILE.png") from None
    except OSError as error:
        raise Refused(f"can't write {options.file}: {error.strerror}") from None
    return DONE


def _uri(options: Namespace) -> str:
    """Return the given URI, or a new one of the given secret."""
    if options.secret is None:
        if options.uri is None:
            options.error("one of URI, --key and --secret is required")
        uri: str = options.uri
        return uri
    kind = options.uri or Factor.TOTP.value
    if kind not in (Factor.TOTP.value, Factor.HOTP.value):
        options.error("--key and --secret build a URI: give totp or hotp instead of a URI")
    return provisioning_uri(kind, options)


def _write(file: Path, picture: bytes) -> None:
    """Write a file that only its owner can read, because the picture contains the secret. Replace an existing file."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(picture)
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _picture(text: str) -> Path:
    file = Path(text)
    if file.suffix.lower() not in _FORMATS:
        raise ArgumentTypeError(f"must end with {' or '.join(_FORMATS)}")
    return file
