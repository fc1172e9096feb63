"""How the members of a table in a TOML document are declared, and how all of their problems are found."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from domain.errors import DomainError
from infrastructure.tenants.toml_positions import Path, Position

T = TypeVar("T")

_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")
"""Keys that a message repeats. Others may be secrets in the wrong place."""


class Problems:
    """The problems of a document.

    Args:
        positions: the positions of all keys and elements.
    """

    def __init__(self, positions: Mapping[Path, Position]) -> None:
        self._positions = positions
        self._found: list[tuple[Position, str]] = []

    def add(self, path: Path, problem: str) -> None:
        """Add a problem of a key.

        Args:
            path: the key.
            problem: a predicate that says what is allowed and repeats no value, such as `must be true or false`.
        """
        position = self._positions.get(path, Position(1, 1))
        self._found.append((position, f"{self.place(path)} {problem}"))

    def place(self, path: Path) -> str:
        """Return the line, the column, the table and the key, for people."""
        line, column = self._positions.get(path, Position(1, 1))
        return f"line {line}, column {column}: {_named(path)}"

    @property
    def lines(self) -> list[str]:
        """The problems in the order of their positions."""
        return [text for _, text in sorted(self._found)]


def _named(path: Path) -> str:
    table, *rest = (_shown(part) for part in path)
    key = "".join(rest).removeprefix(".")
    return f"[{table.removeprefix('.')}]{' ' if key else ''}{key}"


def _shown(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if _PLAIN_KEY.fullmatch(part) else f".(a key of {len(part)} characters)"


@dataclass(frozen=True, slots=True)
class Place:
    """A value of the document: its path, and the list of problems."""

    problems: Problems
    path: Path

    def __truediv__(self, key: str | int) -> "Place":
        return Place(self.problems, (*self.path, key))

    def refuse(self, problem: str) -> None:
        """Add a problem of this value."""
        self.problems.add(self.path, problem)

    def __str__(self) -> str:
        return self.problems.place(self.path)


Reader = Callable[[Any, Place], T | None]
"""Returns what a value means, or refuses it at its place and returns None."""


def checked(kind: type, must: str, parse: Callable[[Any], T]) -> Reader[T]:
    """Return a reader of values of one TOML type.

    Args:
        kind: the Python type of the values. `bool` is not an `int` here.
        must: the predicate for values of another type.
        parse: returns what a value means, or raises `ValueError` with a predicate that does not repeat the value.
    """

    def read(value: Any, place: Place) -> T | None:
        if type(value) is not kind:
            place.refuse(must)
            return None
        try:
            return parse(value)
        except (ValueError, DomainError) as error:
            place.refuse(str(error))
            return None

    return read


def text(parse: Callable[[str], T]) -> Reader[T]:
    """Return a reader of strings."""
    return checked(str, "must be a string in quotation marks", parse)


def whole_number(low: int, high: int) -> Reader[int]:
    """Return a reader of whole numbers. Both bounds are allowed."""
    must = f"must be a whole number from {low} to {high}"

    def parse(value: int) -> int:
        if not low <= value <= high:
            raise ValueError(must)
        return value

    return checked(int, must, parse)


def one_of(options: Sequence[T]) -> Reader[T]:
    """Return a reader of one of several words."""
    must = f"must be one of {', '.join(str(option) for option in options)}"
    words = {str(option): option for option in options}

    def parse(value: str) -> T:
        if value not in words:
            raise ValueError(must)
        return words[value]

    return checked(str, must, parse)


def array(read: Reader[T], must: str) -> Reader[tuple[T, ...]]:
    """Return a reader of arrays with at least one element. Refused elements are left out.

    Args:
        read: the reader of an element.
        must: the predicate for values that are not such an array.
    """

    def read_array(value: Any, place: Place) -> tuple[T, ...] | None:
        if not isinstance(value, list) or not value:
            place.refuse(must)
            return None
        elements = [read(each, place / number) for number, each in enumerate(value)]
        return tuple(each for each in elements if each is not None) or None

    return read_array


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a table.

    Attributes:
        read: the reader of its value.
        meaning: one or two sentences for operators, in Markdown.
        default: what a table without the member has, in Markdown; empty if the member is required.
        example: a value in TOML.
    """

    read: Reader[Any]
    meaning: str
    default: str
    example: str


@dataclass(frozen=True, slots=True)
class Table:
    """The declaration of a table.

    Attributes:
        members: the members by their keys.
        must: the predicate for values that are not a table.
    """

    members: Mapping[str, Member]
    must: str

    def read(self, value: Any, place: Place) -> dict[str, Any] | None:
        """Return the values of the members that the table has. A refused member has the value None.

        Return None if the value is not a table, or a required member is missing or refused.
        """
        if not isinstance(value, dict):
            place.refuse(self.must)
            return None
        for key in value.keys() - self.members.keys():
            (place / key).refuse(unknown(key, self.members))
        values = {key: member.read(value[key], place / key) for key, member in self.members.items() if key in value}
        required = [key for key, member in self.members.items() if not member.default]
        for key in required:
            if key not in value:
                place.refuse(f"must have {key}")
        return None if any(values.get(key) is None for key in required) else values


def unknown(key: str, known: Iterable[str]) -> str:
    """Return the predicate for a key that the schema does not have."""
    known = list(known)
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"it can have {', '.join(known)}"
    return f"is not a key of this table; {hint}"
