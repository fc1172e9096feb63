"""Submitted codes."""

from dataclasses import dataclass
from hmac import compare_digest
from typing import Final

from domain.characters import compact, invisible_note
from domain.errors import MalformedCode

SHORTEST_CODE: Final = 6
"""Digits. RFC 4226 section 4, requirement R4: at least six."""
LONGEST_CODE: Final = 10
"""Digits."""


@dataclass(frozen=True, slots=True, repr=False)
class Code:
    """A submitted code in its normal form: 6 to 10 ASCII digits. `repr` does not show it, because it may be valid."""

    text: str

    @classmethod
    def parse(cls, typed: str) -> "Code":
        """Return the code in a typed text, without the characters that `compact` drops.

        Raises:
            MalformedCode: the rest is not 6 to 10 ASCII digits.
        """
        digits = compact(typed)
        if not (SHORTEST_CODE <= len(digits) <= LONGEST_CODE and digits.isascii() and digits.isdigit()):
            raise MalformedCode(f"must be {SHORTEST_CODE} to {LONGEST_CODE} digits{invisible_note(digits)}")
        return cls(digits)

    def equals(self, expected: str) -> bool:
        """Return whether the code has these digits. The duration does not depend on the position of a difference."""
        return compare_digest(self.text, expected)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(hidden)"
