"""Files with text that operators name in settings. Reading one neither waits nor fills the memory."""

import os
import stat
from typing import Final

LARGEST_FILE: Final = 2**20
"""Bytes: the limits of a Secret or a ConfigMap in Kubernetes and of a credential in systemd."""


class UnusableFile(ValueError):
    """The file cannot be read, or has no usable text.

    The message is a predicate, such as `is empty`. It repeats neither the text nor the path.
    """


def read_text(path: str) -> str:
    """Return the text of a regular file in UTF-8. Raise `UnusableFile`."""
    content = _read(path)
    if content is None:
        raise UnusableFile("is not a regular file")
    if len(content) > LARGEST_FILE:
        raise UnusableFile(f"is larger than {LARGEST_FILE} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise UnusableFile("is not text in UTF-8") from None


def secret_text(path: str) -> str:
    """Return the secret in a file: its text without the line break at its end. Raise `UnusableFile`."""
    text = read_text(path).removesuffix("\n").removesuffix("\r")
    if not text:
        raise UnusableFile("is empty")
    if "\0" in text:
        raise UnusableFile("contains a NUL character, which no setting may contain")
    return text


def _read(path: str) -> bytes | None:
    """Return at most one byte more than the largest file has, None without a regular file. Raise `UnusableFile`."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            is_regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            return file.read(LARGEST_FILE + 1) if is_regular else None
    except OSError as error:
        raise UnusableFile(f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise UnusableFile("is not a path") from None


def _open_at_once(path: str, flags: int) -> int:
    """Open a file. Opening a named pipe would otherwise wait for a writer."""
    return os.open(path, flags | os.O_NONBLOCK)
