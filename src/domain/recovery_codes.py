"""Codes to be kept on paper for the day on which the authenticator is lost."""

import re
from dataclasses import dataclass, replace
from hmac import compare_digest
from typing import Final

from domain.algorithms import HotpAlgorithm
from domain.characters import compact, invisible_note
from domain.code import Code
from domain.credential import Credential
from domain.errors import InvalidValue, MalformedCode
from domain.keyed_digest import DIGEST_BYTES, keyed_digest
from domain.verdict import Reason

RECOVERY_CODES: Final = 10
"""How many there are in a set."""
CHARACTERS: Final = 16
"""Of 5 bits each: 80 bits."""
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base32, which has no letter that looks like another or like a digit."""
_GROUP: Final = 4
_LOOK_ALIKES: Final = str.maketrans("ILO", "110")
_SHAPE: Final = re.compile(rf"[{ALPHABET}]{{{CHARACTERS}}}")
_MUST: Final = f"must be {CHARACTERS} letters and digits"


@dataclass(frozen=True, slots=True, repr=False)
class RecoveryCode(Code):
    """A recovery code as it is compared: 16 characters of `ALPHABET`. It hides from `repr`."""

    @classmethod
    def parse(cls, typed: str) -> "RecoveryCode":
        """Reads it in either case, with the groups' hyphens or without, and I, L and O as the digits they look like.

        Raises:
            MalformedCode: what is left is no recovery code.
        """
        left = compact(typed)
        # Only ASCII is folded: `str.upper` makes letters of the alphabet out of some that are none.
        text = left.upper().translate(_LOOK_ALIKES) if left.isascii() else ""
        if not _SHAPE.fullmatch(text):
            raise MalformedCode(f"{_MUST}{invisible_note(left)}")
        return cls(text)

    @property
    def grouped(self) -> str:
        """As it is shown: `K7QM-2X9D-4HPW-8RTC`."""
        return "-".join(self.text[start : start + _GROUP] for start in range(0, CHARACTERS, _GROUP))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodes(Credential):
    """A set of codes, each good once; only their digests are known, keyed with the credential's own secret.

    Attributes:
        digests: of all codes of the set.
        spent: which of them are, bit by bit from the first.
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
        """As many characters as every recovery code has."""
        return _MUST

    @property
    def remaining(self) -> int:
        """How many codes are still good."""
        return len(self.digests) - self.spent.bit_count()

    def fits(self, code: Code) -> bool:
        """Whether it is a recovery code at all."""
        return isinstance(code, RecoveryCode)

    def match(self, code: Code, now: int, algorithm: HotpAlgorithm) -> Credential | Reason:  # noqa: ARG002 - no HOTP here
        """All are compared, also after a hit."""
        digest = keyed_digest(self.secret, code.text)
        hits = [number for number, known in enumerate(self.digests) if compare_digest(known, digest)]
        if not hits:
            return Reason.WRONG
        bit = 1 << hits[0]
        return Reason.REPLAYED if self.spent & bit else replace(self, spent=self.spent | bit)
