"""The key or the passphrase of a file that is imported or exported."""

import base64
from argparse import ArgumentTypeError
from typing import Final

from presentation.cli.arguments import secret
from presentation.cli.output import Refused

_KEY_BYTES: Final = {16, 24, 32}
"""The key lengths of AES."""


def key_of_file(argument: str | None) -> bytes | None:
    """Return the key that the argument `--key` describes; None without the argument.

    Raises:
        Refused: the key can't be read, or is not base64 or hexadecimal digits of a key. The message does not repeat it.
    """
    if argument is None:
        return None
    compact = b"".join(_secret(argument, "--key").split())
    # 32 hexadecimal digits are base64, too. Base64 that happens to have no other characters does not occur.
    for decode in (bytes.fromhex, _base64):
        try:
            key = decode(compact.decode("ascii"))
        except ValueError:
            continue
        if len(key) in _KEY_BYTES:
            return key
    raise Refused("the key must be base64 or hexadecimal digits of 16, 24 or 32 bytes")


def passphrase_of_file(argument: str | None) -> bytes | None:
    """Return the passphrase that the argument `--passphrase` describes; None without it. Raise `Refused`."""
    return None if argument is None else _secret(argument, "--passphrase")


def _secret(text: str, name: str) -> bytes:
    try:
        return secret(text)
    except ArgumentTypeError as error:
        raise Refused(f"{name} {error}") from None


def _base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
