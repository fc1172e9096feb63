"""Field types for codes, secrets and names."""

import math
from typing import Any, Final

from marshmallow import fields, validate

from domain.characters import compact, invisible_note
from domain.code import LONGEST_CODE, SHORTEST_CODE, Code
from domain.errors import MalformedCode
from domain.owner import Factor
from domain.parameters import LONGEST_NAME, check_name
from domain.recovery_codes import RecoveryCode
from domain.secret import LONGEST_SECRET, SHORTEST_SECRET, SHORTEST_WEAK_SECRET, SharedSecret
from presentation.http.framework.fields import LONGEST_TYPED, ParsedField, response_field

EXAMPLE_SECRET: Final = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105 - RFC 4226 appendix D
_NAME: Final = r"^[^:\x00-\x1f\x7f]*[^\s:\x00-\x1f\x7f][^:\x00-\x1f\x7f]*$"
"""The pattern is exact only for ASCII: regular expressions that work in all tools cannot use Unicode properties."""
_GAP: Final = "[^0-9A-Za-z]*"
"""Characters between those of a code. The service ignores white space and dashes of all scripts there."""


class CodeField(ParsedField):
    """A code as people type it; read as a `Code`."""

    def __init__(self, example: str = "492 039", *, required: bool = True) -> None:
        super().__init__(
            required=required,
            metadata={
                "description": f"{SHORTEST_CODE} to {LONGEST_CODE} ASCII digits, as many as the codes of the factor "
                "have. White space and hyphens are ignored.",
                "pattern": rf"^{_GAP}([0-9]{_GAP}){{{SHORTEST_CODE},{LONGEST_CODE}}}$",
                "maxLength": LONGEST_TYPED,
                "example": example,
            },
        )

    def parse(self, text: str) -> Code:
        """Return the code, or raise `MalformedCode`."""
        return Code.parse(text)


class RecoveryCodeField(ParsedField):
    """A recovery code as people type it; read as a `RecoveryCode`."""

    def __init__(self) -> None:
        super().__init__(
            required=True,
            metadata={
                "description": "16 letters and digits, in upper or lower case. White space and hyphens are ignored. I, "
                "L and O count as the digits that they resemble.",
                "pattern": rf"^{_GAP}([0-9A-Za-z]{_GAP}){{16}}$",
                "maxLength": LONGEST_TYPED,
                "example": "K7QM-2X9D-4HPW-8RTC",
            },
        )

    def parse(self, text: str) -> RecoveryCode:
        """Return the recovery code, or raise `MalformedCode`."""
        return RecoveryCode.parse(text)


class AnyCodeField(ParsedField):
    """A code of an authenticator or a recovery code; read as a `Code` or a `RecoveryCode`."""

    def __init__(self) -> None:
        super().__init__(
            required=True,
            metadata={
                "description": "The code that the authenticator shows, or a recovery code. White space and hyphens are "
                "ignored.",
                "pattern": rf"^{_GAP}([0-9A-Za-z]{_GAP}){{6,16}}$",
                "maxLength": LONGEST_TYPED,
                "example": "492 039",
            },
        )

    def parse(self, text: str) -> Code:
        """Return the code, or raise `MalformedCode`."""
        try:
            return Code.parse(text)
        except MalformedCode:
            pass
        try:
            return RecoveryCode.parse(text)
        except MalformedCode:
            raise MalformedCode(
                f"must be {SHORTEST_CODE} to {LONGEST_CODE} digits, or a recovery code{invisible_note(compact(text))}"
            ) from None


class SecretField(ParsedField):
    """A shared secret that the client supplies; read as a `SharedSecret`.

    Args:
        accept_weak: whether the secret may be weak. The schema then has to check whether the request accepts that.
    """

    def __init__(self, *, accept_weak: bool = False) -> None:
        self._accept_weak = accept_weak
        shortest = SHORTEST_WEAK_SECRET if accept_weak else SHORTEST_SECRET
        weak = f", or {shortest * 8} bits with `weak_secret`" if accept_weak else ""
        super().__init__(
            metadata={
                "description": "A secret that replaces the random one: base32, "
                f"{SHORTEST_SECRET * 8} to {LONGEST_SECRET * 8} bits{weak}. Case, white space, hyphens and padding are "
                "ignored.",
                "minLength": math.ceil(shortest * 8 / 5),
                "maxLength": LONGEST_TYPED,
                "example": EXAMPLE_SECRET,
            }
        )

    def parse(self, text: str) -> SharedSecret:
        """Return the secret, or raise `InvalidSecret`."""
        return SharedSecret.from_base32(text, accept_weak=self._accept_weak)


class NameField(ParsedField):
    """A label or an issuer that the authenticator shows."""

    def __init__(self, description: str, example: str) -> None:
        super().__init__(
            metadata={
                "description": f"{description} 1 to {LONGEST_NAME} bytes in UTF-8, visible, without colons, line "
                "breaks, control characters or marks that change the direction of the text.",
                "pattern": _NAME,
                "minLength": 1,
                "maxLength": LONGEST_NAME,
                "example": example,
            }
        )

    def parse(self, text: str) -> str:
        """Return the name, or raise `InvalidValue`."""
        return check_name(text)


def factor_field(factor: Factor) -> Any:
    """Return a field of a response that always has the same value: the name of the factor."""
    return response_field(fields.String, "The factor.", factor.value, validate=validate.OneOf([factor]))
