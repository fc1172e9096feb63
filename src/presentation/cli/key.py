"""`open-mfa key`: a fresh encryption key."""

import base64
import os
from argparse import ArgumentTypeError, Namespace
from datetime import UTC, datetime

from infrastructure.crypto.sealing import KEY_BYTES, EncryptionKey
from presentation.cli.conventions import DONE, AddParser, say


def add(add_parser: AddParser) -> None:
    """Adds the command."""
    parser = add_parser(
        "key",
        help="print a fresh encryption key",
        description="Prints a fresh encryption key for OPEN_MFA_ENCRYPTION_KEYS. To rotate, put it behind the present"
        " ones on every instance, with a comma between them; then before them, for the first seals; then run reseal.",
    )
    parser.add_argument("--id", type=_id, help="the key's name, stored beside what it sealed (default: k and the date)")
    parser.set_defaults(run=_run)


def _run(options: Namespace) -> int:
    key = EncryptionKey(options.id or f"k{datetime.now(UTC):%Y%m%d}", os.urandom(KEY_BYTES))
    say(f"{key.id}:{base64.b64encode(key.material).decode()}")
    return DONE


def _id(text: str) -> str:
    try:
        return EncryptionKey(text, bytes(KEY_BYTES)).id
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
