"""The positions of keys in a TOML document. `tomllib` returns only values.

The scanner reads documents that `tomllib` has accepted, so it distinguishes only what valid documents can contain.
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Final, NamedTuple

Path = tuple[str | int, ...]
"""The keys and the indexes of arrays that lead to a value."""


class Position(NamedTuple):
    """The place of a key, or of an element of an array. Both numbers begin with 1."""

    line: int
    column: int


_BLANK: Final = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_BASIC: Final = r'"(?:\\.|[^"\\])*"'
_LITERAL: Final = r"'[^']*'"
_KEY: Final = re.compile(rf"[A-Za-z0-9_-]+|{_BASIC}|{_LITERAL}")
_SCALAR: Final = re.compile(
    # A string on several lines may end with one or two quotation marks of its own.
    rf'"""(?:\\.|[^\\])*?""""{{0,2}}|\'\'\'.*?\'\'\'\'{{0,2}}|{_BASIC}|{_LITERAL}|[^,\]}}#\n]+',
    re.DOTALL,
)


def positions_in(text: str) -> Mapping[Path, Position]:
    """Return the positions of all keys and elements of a document that `tomllib` has accepted.

    A table that several headers or dotted keys mention has the position of the first one.
    """
    scanner = _Scanner(text.replace("\r\n", "\n"))
    scanner.scan()
    return scanner.positions


class _Scanner:
    def __init__(self, text: str) -> None:
        self.positions: dict[Path, Position] = {}
        self._text = text
        self._at = 0
        self._line, self._line_start = 1, 0
        self._counted = 0
        self._lengths: dict[Path, int] = {}

    def scan(self) -> None:
        """Read the whole document."""
        table: Path = ()
        while self._skip(_BLANK) < len(self._text):
            if self._text.startswith("[[", self._at):
                table = self._header(2)
            elif self._text.startswith("[", self._at):
                table = self._header(1)
            else:
                self._pair(table)

    def _header(self, brackets: int) -> Path:
        """Read the header of a table, or with two brackets of an element of an array. Return its path."""
        start = self._position()
        self._at += brackets
        *parents, (last, position) = self._keys()
        self._skip(_SPACE)
        self._at += brackets
        path: Path = ()
        for key, place in parents:
            path = self._latest(self._mark((*path, key), place))
        path = self._mark((*path, last), position)
        if brackets == 1:
            return path
        number = self._lengths.get(path, 0)
        self._lengths[path] = number + 1
        return self._mark((*path, number), start)

    def _latest(self, path: Path) -> Path:
        """Return the path of the last element if the path is that of an array of tables."""
        return (*path, self._lengths[path] - 1) if path in self._lengths else path

    def _pair(self, table: Path) -> None:
        for key, position in self._keys():
            table = self._mark((*table, key), position)
        self._skip(_SPACE)
        self._at += 1
        self._skip(_SPACE)
        self._value(table)

    def _keys(self) -> list[tuple[str, Position]]:
        """Read a dotted key. Return its parts with their positions."""
        keys = []
        while True:
            self._skip(_SPACE)
            position = self._position()
            keys.append((_decoded(self._take(_KEY)), position))
            self._skip(_SPACE)
            if not self._text.startswith(".", self._at):
                return keys
            self._at += 1

    def _value(self, path: Path) -> None:
        if self._text.startswith("[", self._at):
            self._array(path)
        elif self._text.startswith("{", self._at):
            self._inline_table(path)
        else:
            self._take(_SCALAR)

    def _array(self, path: Path) -> None:
        self._at += 1
        number = 0
        while not self._ends("]"):
            self._value(self._mark((*path, number), self._position()))
            number += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while not self._ends("}"):
            self._pair(path)

    def _ends(self, bracket: str) -> bool:
        """Go to the next element. Return whether there is none, after the bracket that ends the collection."""
        self._skip(_BLANK)
        if self._text.startswith(",", self._at):
            self._at += 1
            self._skip(_BLANK)
        if not self._text.startswith(bracket, self._at):
            return False
        self._at += 1
        return True

    def _mark(self, path: Path, position: Position) -> Path:
        self.positions.setdefault(path, position)
        return path

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError("the document is not valid TOML")
        self._at = match.end()
        return match.group()

    def _skip(self, pattern: re.Pattern[str]) -> int:
        self._take(pattern)
        return self._at

    def _position(self) -> Position:
        breaks = self._text.count("\n", self._counted, self._at)
        if breaks:
            self._line += breaks
            self._line_start = self._text.rfind("\n", 0, self._at) + 1
        self._counted = self._at
        return Position(self._line, self._at - self._line_start + 1)


def _decoded(key: str) -> str:
    return next(iter(tomllib.loads(f"{key} = 0"))) if key[0] in "\"'" else key
