"""`open-mfa qr`: a provisioning URI as a QR code."""

import os
import sys
import tempfile
from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import Final

import segno

from application.ports import QrFormat
from infrastructure.qr import SegnoQrRenderer, qr_on_terminal
from presentation.cli.conventions import DONE, FROM_ELSEWHERE, AddParser, Refused, say, text_secret

_FORMATS: Final = {".svg": QrFormat.SVG, ".png": QrFormat.PNG}


def add(add_parser: AddParser) -> None:
    """Adds the command."""
    parser = add_parser(
        "qr",
        help="print a QR code",
        description="Prints a provisioning URI as a QR code on the terminal, or writes it to a picture that only you"
        " may read.",
        epilog=FROM_ELSEWHERE,
    )
    parser.add_argument("uri", metavar="URI", type=text_secret, help="a provisioning URI; - reads standard input")
    parser.add_argument("-o", metavar="FILE", dest="file", type=_picture, help="an .svg or .png file to write instead")
    parser.set_defaults(run=_run)


def _run(options: Namespace) -> int:
    try:
        if options.file is None:
            say(qr_on_terminal(options.uri, colours=sys.stdout.isatty()))
        else:
            picture = SegnoQrRenderer().render(options.uri, _FORMATS[options.file.suffix.lower()])
            _write(options.file, picture)
    except segno.DataOverflowError:
        raise Refused("the URI is too long for a QR code: shorten its label or issuer") from None
    except UnicodeEncodeError:
        raise Refused("the terminal's encoding has no blocks to draw with: use -o FILE.png, or UTF-8") from None
    except OSError as error:
        raise Refused(f"can't write {options.file}: {error.strerror}") from None
    return DONE


def _write(file: Path, picture: bytes) -> None:
    """The picture holds the secret: a new file that only its owner may read takes the place of whatever was there."""
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
