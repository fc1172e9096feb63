"""Secrets in files: the variable NAME_FILE names a file with the value of the variable NAME."""

import os
import re
import stat
from collections.abc import Mapping
from typing import Final

LARGEST_FILE: Final = 2**20
"""Bytes: the limits of a Secret in Kubernetes and of a credential in systemd."""

_LIKE_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{32,}={0,2}\s*")
"""Every 64th random key begins with / in base64. Most paths of this length contain other characters."""


class _UnusableFile(Exception):
    """The file cannot be read, or has no usable text. The message repeats neither the text nor the path."""


def with_secrets_of_files(
    texts: Mapping[str, str], file_variables: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the texts with the contents of the files, and the problems of the variables without a usable file.

    A variable with a problem has an empty text, so that it does not count as missing.

    Args:
        texts: the texts of the variables that are set.
        file_variables: the variables of secrets, and for each the variable that names a file.
    """
    contents: dict[str, str] = {}
    problems: dict[str, str] = {}
    for name, file_name in file_variables.items():
        if file_name not in texts:
            continue
        contents[name] = ""
        if name in texts:
            problems[name] = f"Must not be set together with {name}: a setting has one value."
            continue
        try:
            contents[name] = _content(texts[file_name])
        except _UnusableFile as error:
            problems[name] = f"{_named(texts[file_name])} {error}."
    return {**texts, **contents}, problems


def _content(path: str) -> str:
    """Return the text of a file without the line break at its end. Raise `_UnusableFile`."""
    content = _read(path)
    if len(content) > LARGEST_FILE:
        raise _UnusableFile(f"is larger than {LARGEST_FILE} bytes")
    content = content.removesuffix(b"\n").removesuffix(b"\r")
    if not content:
        raise _UnusableFile("is empty")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise _UnusableFile("is not text in UTF-8") from None
    if "\0" in text:
        raise _UnusableFile("contains a NUL character, which no setting may contain")
    return text


def _read(path: str) -> bytes:
    """Return at most one byte more than the largest file has. Raise `_UnusableFile`."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _UnusableFile("is not a regular file")
            return file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise _UnusableFile(f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise _UnusableFile("is not a path") from None


def _open_at_once(path: str, flags: int) -> int:
    """Open a file. Opening a named pipe would otherwise wait for a writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def _named(path: str) -> str:
    """Return the beginning of a problem: the path, unless somebody may have set the secret itself instead of a path."""
    if path.startswith(("/", ".")) and not _LIKE_BASE64.fullmatch(path):
        return f"The file {path}"
    return "The file (not named here, because the variable may contain the secret itself instead of a path)"
