"""`open-mfa key`: print a new encryption key."""

import base64
import os
from argparse import ArgumentTypeError, Namespace
from datetime import UTC, datetime

from infrastructure.crypto.sealing import KEY_BYTES, EncryptionKey
from presentation.cli.arguments import AddParser
from presentation.cli.output import DONE, say


def add(add_parser: AddParser) -> None:
    """Add the command."""
    parser = add_parser(
        "key",
        help="print a new encryption key",
        description="Print a new encryption key for OPEN_MFA_ENCRYPTION_KEYS.",
        examples=("key", "key --id k2"),
        notes="To rotate keys: append the new key to the setting on every instance, after a comma. Then move it to"
        " the front on every instance, so that new secrets are sealed under it. Then run `open-mfa reseal`.",
    )
    parser.add_argument(
        "--id", type=_id, help="the key's name, which is stored beside the values that it seals (default: k and date)"
    )
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
