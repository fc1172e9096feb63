"""What all commands share: how they read what they are told, secrets above all, and how they answer."""

import argparse
import os
import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn

from domain.parameters import HashAlgorithm, Range

DONE: Final = 0
REFUSED: Final = 1
USAGE: Final = 2
FROM_ELSEWHERE: Final = (
    "A secret on the command line stands in the process list, for every user of the machine to read. So a value that"
    " is - is read from standard input, and one that begins with @ from the file whose path follows; the last line's"
    " end is dropped."
)
"""For the help of every command that takes a secret."""

_REPEATED: Final = re.compile(r"(invalid choice|explicit argument):? (?:.*(?= \(choose from)|.*)", re.DOTALL)


class Refused(Exception):
    """Understood, but it can't be done; the message says why, and holds nothing secret."""


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, and repeats no value: it may be a secret in the wrong place."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        what = _REPEATED.sub(r"\1", message)
        self.exit(USAGE, f"{self.prog}: {what}; see {self.prog} --help\n")


AddParser = Callable[..., Parser]
"""How a command adds itself: `add_parser` of argparse's subparsers."""


def say(text: str) -> None:
    """One line of what was asked for, on standard output. Raises `Refused` when that takes no more."""
    try:
        print(text, flush=True)  # noqa: T201 - the command line's own output
    except UnicodeEncodeError:
        raise
    except OSError as error:
        # Python would try once more at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise Refused(f"can't write to standard output: {error.strerror}") from None


def secret(text: str) -> bytes:
    """Reads a secret as `FROM_ELSEWHERE` says.

    Raises:
        ArgumentTypeError: it is empty.
        Refused: the file or standard input can't be read.
    """
    if not text.startswith("@") and text != "-":
        value = os.fsencode(text)
    else:
        value = _read(text).removesuffix(b"\n").removesuffix(b"\r")
    if not value:
        raise ArgumentTypeError("must not be empty")
    return value


def _read(text: str) -> bytes:
    try:
        if text == "-":
            with open(0, "rb", closefd=False) as stdin:
                return stdin.read()
        return Path(text[1:]).read_bytes()
    except OSError as error:
        # Not the path: it may be a secret that happens to begin with @.
        source = "standard input" if text == "-" else "the file that is named after the @"
        raise Refused(f"can't read {source}: {error.strerror}") from None


def text_secret(text: str) -> str:
    """The same, where it has to be text. Raises `ArgumentTypeError` and `Refused`."""
    try:
        return secret(text).decode()
    except UnicodeDecodeError:
        raise ArgumentTypeError("must be UTF-8") from None


def whole(low: int, high: int) -> Callable[[str], int]:
    """Reads a whole number in its range."""

    def read(text: str) -> int:
        if text.isascii() and text.isdecimal() and len(text) <= len(str(high)) and low <= int(text) <= high:
            return int(text)
        raise ArgumentTypeError(f"must be a whole number from {low} to {high}")

    return read


def within(bounds: Range) -> Callable[[str], int]:
    """Reads a whole number that the domain allows."""
    return whole(bounds.low, bounds.high)


def digest(text: str) -> HashAlgorithm:
    """Reads the name of a hash, in any case, with or without a hyphen."""
    try:
        return HashAlgorithm(text.upper().replace("-", ""))
    except ValueError:
        raise ArgumentTypeError("must be sha1, sha256 or sha512") from None
