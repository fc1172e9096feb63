"""Generated TOML documents in many notations, and the positions of their keys."""

import json
from dataclasses import dataclass, field

from hypothesis import strategies as st

from infrastructure.tenants.toml_positions import Path, Position

BARE = st.text("abcXYZ019_-", min_size=1, max_size=4)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=6)
SCALARS = st.sampled_from(
    ["1", "+1_000", "0xdead_beef", "-0.5e3", "inf", "true", "1979-05-27T07:32:00Z", "1979-05-27 07:32:00", "07:32:00"]
)
LINES = st.lists(
    st.sampled_from(["a", "'", "''", '\\"', "[x]", "# no comment", "k = 1", "\\\\", "]]", "{"]), max_size=3
).map("\n".join)
SPACE = st.sampled_from(["", " ", "\t "])
BREAK = st.sampled_from(["\n", "\n\n", " # [x] = 'comment'\n", "\t\n  "])


@st.composite
def keys(draw: st.DrawFn) -> tuple[str, str]:
    """A key and one of its notations."""
    key = draw(BARE | TEXTS | st.sampled_from(["a.b", 'a"b', "a'b", "a = b", "#", "]", ""]))
    escaped = "".join(f"\\U{ord(each):08X}" if each in '"\\' or not each.isascii() else each for each in key)
    notations = [basic(key), f'"{escaped}"']
    if key and all(each.isascii() and (each.isalnum() or each in "_-") for each in key):
        notations.append(key)
    if "'" not in key:
        notations.append(f"'{key}'")
    return key, draw(st.sampled_from(notations))


def basic(text: str) -> str:
    """A text as a basic string."""
    return json.dumps(text, ensure_ascii=False)


@dataclass
class Writer:
    """A document while it is written."""

    draw: st.DrawFn
    text: str = ""
    positions: dict[Path, Position] = field(default_factory=dict)
    lengths: dict[Path, int] = field(default_factory=dict)

    def mark(self, path: Path) -> Path:
        line = self.text.count("\n") + 1
        column = len(self.text) - (self.text.rfind("\n") + 1) + 1
        self.positions.setdefault(path, Position(line, column))
        return path

    def add(self, text: st.SearchStrategy[str] | str) -> None:
        self.text += text if isinstance(text, str) else self.draw(text)

    def key(self, path: Path, taken: set[str]) -> Path:
        """Write a key that the table does not have yet."""
        key, notation = self.draw(keys().filter(lambda each: each[0] not in taken))
        taken.add(key)
        self.mark((*path, key))
        self.add(notation)
        return (*path, key)

    def pair(self, path: Path, taken: set[str], depth: int) -> None:
        """Write a key, often a dotted one, and its value."""
        path = self.key(path, taken)
        while self.draw(st.integers(0, 3)) == 0:
            self.add(SPACE)
            self.add(".")
            self.add(SPACE)
            path = self.key(path, set())
        self.add(SPACE)
        self.add("=")
        self.add(SPACE)
        self.value(path, depth)

    def value(self, path: Path, depth: int) -> None:
        kind = self.draw(st.sampled_from(["scalar", "basic", "literal", "lines", "literal lines", "array", "table"]))
        if depth > 2 and kind in {"array", "table"}:
            kind = "scalar"
        match kind:
            case "scalar":
                self.add(SCALARS)
            case "basic":
                self.add(TEXTS.map(basic))
            case "literal":
                self.add(TEXTS.map(lambda text: "'" + text.replace("'", "") + "'"))
            case "lines":
                self.add('"""')
                self.add(LINES)
                self.add(st.sampled_from(['"""', '""""', '"""""']))
            case "literal lines":
                self.add("'''")
                self.add(LINES.map(lambda text: text.replace("''", "x")).map(lambda text: text.removesuffix("'")))
                self.add(st.sampled_from(["'''", "''''", "'''''"]))
            case "array":
                self.array(path, depth)
            case "table":
                self.inline_table(path, depth)

    def array(self, path: Path, depth: int) -> None:
        self.add("[")
        count = self.draw(st.integers(0, 3))
        for number in range(count):
            self.add(SPACE | BREAK)
            self.value(self.mark((*path, number)), depth + 1)
            self.add(SPACE | BREAK)
            if number < count - 1 or self.draw(st.booleans()):
                self.add(",")
        self.add(SPACE | BREAK)
        self.add("]")

    def inline_table(self, path: Path, depth: int) -> None:
        self.add("{")
        taken: set[str] = set()
        count = self.draw(st.integers(0, 3))
        for number in range(count):
            self.add(SPACE)
            self.pair(path, taken, depth + 1)
            self.add(SPACE)
            if number < count - 1:
                self.add(",")
        self.add("}")

    def header(self, taken: set[str]) -> tuple[Path, set[str]]:
        """Write the header of a table or of an element of an array of tables."""
        arrays = [path for path in self.lengths if len(path) == 1]
        if arrays and self.draw(st.booleans()):
            path = self.draw(st.sampled_from(arrays))
            return self.element(path, basic(str(path[0]))), set()
        if self.draw(st.booleans()):
            self.add("[")
            path = self.key((), taken)
            self.add(SPACE)
            self.add("]")
            return path, set()
        start = self.text
        path = self.key((), taken)
        notation = self.text[len(start) :]
        self.text = start
        del self.positions[path]
        return self.element(path, notation), set()

    def element(self, path: Path, notation: str) -> Path:
        number = self.lengths.get(path, 0)
        self.lengths[path] = number + 1
        self.mark((*path, number))
        self.add("[[")
        self.add(SPACE)
        self.mark(path)
        self.add(notation)
        self.add(SPACE)
        self.add("]]")
        if self.draw(st.booleans()):
            return (*path, number)
        # A table inside of the last element.
        self.add("\n[")
        self.add(notation)
        self.add(".")
        inner = self.mark((*path, number, "inner"))
        self.add("inner]")
        return inner


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[Path, Position]]:
    """A valid document and the positions of all its keys and elements."""
    writer = Writer(draw)
    taken: set[str] = set()
    table, members = (), taken
    for _ in range(draw(st.integers(0, 8))):
        writer.add(st.just("") | BREAK)
        writer.add(SPACE)
        if draw(st.integers(0, 2)) == 0:
            table, members = writer.header(taken)
        else:
            writer.pair(table, members, 0)
        writer.add(BREAK)
    text = writer.text
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return text, writer.positions
