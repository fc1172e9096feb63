"""The parser of the command line, and the types of arguments that several commands share."""

import argparse
import os
import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn

from domain.parameters import HashAlgorithm, Range
from presentation.cli.output import USAGE, Refused

SECRETS_AS_ARGUMENTS: Final = (
    "Every user of the machine can read the arguments of a command in the process list. To hide a secret, write - to"
    " read it from standard input, or @FILE to read it from a file. A line break at its end is dropped."
)
"""A part of the help of every command that takes a secret."""

_REPEATED: Final = re.compile(r"(invalid choice|explicit argument):? (?:.*(?= \(choose from)|.*)", re.DOTALL)


class Parser(argparse.ArgumentParser):
    """A parser whose errors fit on one line and repeat no value, because a value may be a secret.

    The help ends with examples and notes, whose line breaks are kept.

    Args:
        examples: the commands to show, without the name of the program.
        notes: paragraphs that follow the examples.
        options: the options of `argparse.ArgumentParser`.
    """

    def __init__(self, *, examples: tuple[str, ...] = (), notes: str = "", **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)
        self._examples = examples
        self._notes = notes

    def format_help(self) -> str:
        """Return the help, with the examples and the notes at its end."""
        parts = [super().format_help()]
        if self._examples:
            parts.append("".join(("examples:\n", *(f"  open-mfa {each}\n" for each in self._examples))))
        if self._notes:
            formatter = self._get_formatter()
            formatter.add_text(self._notes)
            parts.append(formatter.format_help())
        return "\n".join(parts)

    def error(self, message: str) -> NoReturn:
        """Print the error without the values that argparse repeats, and exit with `USAGE`."""
        problem = _REPEATED.sub(r"\1", message)
        self.exit(USAGE, f"{self.prog}: {problem}; see {self.prog} --help\n")


AddParser = Callable[..., Parser]
"""The function with which a command adds its parser: `add_parser` of argparse's subparsers."""


def secret(text: str) -> bytes:
    """Return a secret from the command line, from standard input, or from a file (see `SECRETS_AS_ARGUMENTS`).

    Raises:
        ArgumentTypeError: the secret is empty.
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
        # The message does not contain the path, because it may be a secret that begins with @.
        source = "standard input" if text == "-" else "the file that is named after the @"
        raise Refused(f"can't read {source}: {error.strerror}") from None


def text_secret(text: str) -> str:
    """Return a secret that must be text. Raise the same errors as `secret`, and `ArgumentTypeError` for other bytes."""
    try:
        return secret(text).decode()
    except UnicodeDecodeError:
        raise ArgumentTypeError("must be UTF-8") from None


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return a type of argument: a whole number from `low` to `high`."""

    def read(text: str) -> int:
        if text.isascii() and text.isdecimal() and len(text) <= len(str(high)) and low <= int(text) <= high:
            return int(text)
        raise ArgumentTypeError(f"must be a whole number from {low} to {high}")

    return read


def within(bounds: Range) -> Callable[[str], int]:
    """Return a type of argument: a whole number in a range of the domain."""
    return whole(bounds.low, bounds.high)


def digest(text: str) -> HashAlgorithm:
    """Return a hash algorithm by its name, in any case, with or without a hyphen."""
    try:
        return HashAlgorithm(text.upper().replace("-", ""))
    except ValueError:
        raise ArgumentTypeError("must be sha1, sha256 or sha512") from None
