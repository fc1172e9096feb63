"""The anchors in exports and in the store."""

from collections.abc import Iterable
from pathlib import Path

from infrastructure.observability.audit_chain.anchor import Anchor, read_anchor
from presentation.cli.output import Refused


class Anchors:
    """Reads anchors, and collects the places of texts that should be anchors but are not.

    Attributes:
        unreadable: these places.
    """

    def __init__(self) -> None:
        self.unreadable: list[str] = []

    def in_files(self, names: Iterable[str]) -> list[Anchor]:
        """Return the anchors in exports. Raise `Refused` if one cannot be read."""
        anchors = []
        for name in names:
            try:
                lines = Path(name).read_text("ascii", "replace").split("\n")
            except OSError as error:
                raise Refused(f"can't read {name}: {error.strerror}") from None
            anchors += self.among(lines, name)
        return anchors

    def among(self, lines: Iterable[str], name: str) -> list[Anchor]:
        """Return the anchors in lines. Empty lines are ignored."""
        anchors = []
        for number, line in enumerate(lines, start=1):
            text = line.rstrip(" \t\r")
            try:
                anchors += [read_anchor(text)] if text else []
            except ValueError:
                self.unreadable.append(f"line {number} of {name}")
        return anchors
