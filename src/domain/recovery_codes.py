"""Recovery codes, which replace a lost authenticator."""

import re
from dataclasses import dataclass, replace
from hmac import compare_digest
from typing import Final, Self

from domain.algorithms import HotpAlgorithm
from domain.characters import compact, invisible_note
from domain.code import Code
from domain.credential import Credential
from domain.errors import InvalidValue, MalformedCode
from domain.keyed_digest import DIGEST_BYTES, keyed_digest
from domain.parameters import Range
from domain.verdict import Reason

RECOVERY_CODES: Final = 10
"""The number of codes in a set, unless the policy of the tenant has another one."""
RECOVERY_CODE_COUNT: Final = Range(1, 20)
"""The numbers of codes that a set can have."""
CHARACTERS: Final = 16
"""Each character has 5 bits: 80 bits."""
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base32. None of its letters looks like another letter or like a digit."""
_GROUP: Final = 4
_LOOK_ALIKES: Final = str.maketrans("ILO", "110")
_SHAPE: Final = re.compile(rf"[{ALPHABET}]{{{CHARACTERS}}}")
_MUST: Final = f"must be {CHARACTERS} letters and digits"


@dataclass(frozen=True, slots=True, repr=False)
class RecoveryCode(Code):
    """A submitted recovery code in its normal form: 16 characters of `ALPHABET`. `repr` does not show it."""

    @classmethod
    def parse(cls, typed: str) -> "RecoveryCode":
        """Return the recovery code in a typed text.

        Case and the characters that `compact` drops are ignored. I, L and O are read as the digits that they look like.

        Raises:
            MalformedCode: the rest is not 16 characters of `ALPHABET`.
        """
        left = compact(typed)
        # Only ASCII: `str.upper` turns some other characters into letters of the alphabet.
        text = left.upper().translate(_LOOK_ALIKES) if left.isascii() else ""
        if not _SHAPE.fullmatch(text):
            raise MalformedCode(f"{_MUST}{invisible_note(left)}")
        return cls(text)

    @property
    def grouped(self) -> str:
        """Return the code in groups: `K7QM-2X9D-4HPW-8RTC`."""
        return "-".join(self.text[start : start + _GROUP] for start in range(0, CHARACTERS, _GROUP))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodes(Credential):
    """A set of codes, each accepted once. It contains only their digests, keyed with its own secret.

    Attributes:
        digests: the digests of all codes.
        spent: the spent codes, one bit each; the first code has the lowest bit.
    """

    digests: tuple[bytes, ...]
    spent: int = 0

    def __post_init__(self) -> None:
        if any(len(digest) != DIGEST_BYTES for digest in self.digests):
            raise InvalidValue(f"digests must have {DIGEST_BYTES} bytes")
        if self.spent >> len(self.digests):
            raise InvalidValue("more codes are spent than there are")

    @property
    def shape(self) -> str:
        """Return the number of characters of a recovery code."""
        return _MUST

    @property
    def remaining(self) -> int:
        """Return the number of unspent codes."""
        return len(self.digests) - self.spent.bit_count()

    def fits(self, code: Code) -> bool:
        """Return whether the code is a recovery code."""
        return isinstance(code, RecoveryCode)

    def match(self, code: Code, now: int, algorithm: HotpAlgorithm) -> Self | Reason:  # noqa: ARG002 - no HOTP
        """Compare the code with all digests, even after a hit, so the duration does not depend on the code."""
        digest = keyed_digest(self.secret, code.text)
        hits = [number for number, known in enumerate(self.digests) if compare_digest(known, digest)]
        if not hits:
            return Reason.WRONG
        bit = 1 << hits[0]
        return Reason.REPLAYED if self.spent & bit else replace(self, spent=self.spent | bit)
