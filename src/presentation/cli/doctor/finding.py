"""Findings of the doctor."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """The severity of a finding."""

    OK = "ok"
    WARNING = "warning"
    MUST_CHANGE = "must change"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis. The text begins with its subject, such as a setting, and ends with the remedy."""

    grade: Grade
    text: str

    def __str__(self) -> str:
        return f"{self.grade.value:<11}  {self.text}"

    @property
    def subject(self) -> str:
        """The first word of the text."""
        return subject_of(self.text)


def subject_of(text: str) -> str:
    """Return the first word, which is the name of a setting in findings and in notices."""
    return text.partition(" ")[0]
