"""The keys of the auditor."""

import base64
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from typing import Final

from presentation.cli.arguments import secret
from presentation.cli.output import Refused

_KEY_BYTES: Final = 32


def keys_of(arguments: Sequence[str] | None, setting: Callable[[], bytes | None]) -> list[bytes]:
    """Return the audit keys that arguments describe; without arguments, the setting's key. Raise `Refused`.

    Args:
        arguments: the arguments.
        setting: returns the audit key of the settings, or raises `Refused`.
    """
    if arguments is not None:
        return [_key(each, "--key") for each in arguments]
    key = setting()
    if key is None:
        raise Refused("the audit key is required: --key, or OPEN_MFA_AUDIT_KEY")
    return [key]


def private_keys_of(arguments: Sequence[str] | None) -> list[bytes]:
    """Return the private keys that arguments describe. Raise `Refused`."""
    return [_key(each, "--private-key") for each in arguments or ()]


def _key(argument: str, name: str) -> bytes:
    try:
        key = base64.b64decode(secret(argument).strip(b"# \t\r\n"), validate=True)
    except ArgumentTypeError as error:
        raise Refused(f"{name} {error}") from None
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise Refused(f"{name} must be the base64 of {_KEY_BYTES} bytes")
    return key
