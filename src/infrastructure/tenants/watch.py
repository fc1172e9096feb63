"""Noticing that the tenants file has changed."""

from dataclasses import dataclass
from typing import Self

from infrastructure.regular_file import UnusableFile, read_text


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a file.

    Attributes:
        text: the text; empty if the file is unusable.
        problem: why the file is unusable, None if it is usable.
    """

    text: str
    problem: str | None = None

    @classmethod
    def of(cls, path: str) -> Self:
        """Read the file with this path."""
        try:
            return cls(read_text(path))
        except UnusableFile as error:
            return cls("", f"the file {error}")


class TenantsWatch:
    """Looks at the content of a file.

    The time of the file and its number do not tell whether it has changed: Kubernetes replaces a link to its directory,
    and editors replace the file.

    Args:
        path: the path of the file.
        text: the content that is in force.
    """

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self._known = self._seen = Content(text)

    def changed(self) -> Content | None:
        """Look at the file, and return its content if that is another one than the one that was returned last.

        A content is returned once, at the second look in a row that finds it, so that a file that somebody is writing
        is not taken. A problem, such as a missing file, counts as a content.
        """
        content = Content.of(self.path)
        is_stable = content == self._seen
        self._seen = content
        if not is_stable or content == self._known:
            return None
        self._known = content
        return content

    def read(self) -> Content:
        """Return the content at once. `changed` does not return it again."""
        self._known = self._seen = Content.of(self.path)
        return self._known
