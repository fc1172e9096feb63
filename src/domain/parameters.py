"""The parameters by which HOTP and TOTP credentials compute and accept codes."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from domain.characters import is_blank, is_line
from domain.errors import InvalidValue


class HashAlgorithm(StrEnum):
    """The hash function of the HMAC. RFC 4226 uses SHA-1; RFC 6238 section 1.2 adds SHA-256 and SHA-512."""

    SHA1 = "SHA1"
    SHA256 = "SHA256"
    SHA512 = "SHA512"


class Range(NamedTuple):
    """Whole numbers from `low` to `high`, both included."""

    low: int
    high: int

    def check(self, name: str, value: int) -> None:
        """Raise `InvalidValue` with the name of the parameter if the value is outside of the range."""
        if not self.low <= value <= self.high:
            raise InvalidValue(f"{name} must be {self.low} to {self.high}")


DIGITS: Final = Range(6, 8)
"""RFC 4226 section 5.3: at least six digits; seven and eight are possible."""
LOOK_AHEAD: Final = Range(0, 50)
"""Counters. The look-ahead window s of RFC 4226 section 7.4."""
COUNTER: Final = Range(0, 2**63 - 1)
"""The initial moving factor C of RFC 4226 section 5.1, limited to a signed 64-bit number."""
INTERVAL: Final = Range(15, 300)
"""Seconds. The time step X of RFC 6238 section 4.1."""
WINDOW: Final = Range(0, 10)
"""Time steps accepted on either side of the current one, RFC 6238 section 5.2."""

DEFAULT_DIGITS: Final = 6
DEFAULT_LOOK_AHEAD: Final = 10
DEFAULT_INTERVAL: Final = 30
DEFAULT_WINDOW: Final = 1


@dataclass(frozen=True, slots=True)
class HotpParameters:
    """The parameters of HOTP that RFC 4226 does not fix."""

    algorithm: HashAlgorithm = HashAlgorithm.SHA1
    digits: int = DEFAULT_DIGITS
    look_ahead: int = DEFAULT_LOOK_AHEAD

    def __post_init__(self) -> None:
        DIGITS.check("digits", self.digits)
        LOOK_AHEAD.check("look_ahead", self.look_ahead)

    def changed(
        self, *, algorithm: HashAlgorithm | None = None, digits: int | None = None, look_ahead: int | None = None
    ) -> "HotpParameters":
        """Return the parameters with those values that are not None."""
        return HotpParameters(
            self.algorithm if algorithm is None else algorithm,
            self.digits if digits is None else digits,
            self.look_ahead if look_ahead is None else look_ahead,
        )


@dataclass(frozen=True, slots=True)
class TotpParameters:
    """The parameters of TOTP that RFC 6238 does not fix. T0 is the Unix epoch."""

    algorithm: HashAlgorithm = HashAlgorithm.SHA1
    digits: int = DEFAULT_DIGITS
    interval: int = DEFAULT_INTERVAL
    window: int = DEFAULT_WINDOW

    def __post_init__(self) -> None:
        DIGITS.check("digits", self.digits)
        INTERVAL.check("interval", self.interval)
        WINDOW.check("window", self.window)

    def changed(
        self,
        *,
        algorithm: HashAlgorithm | None = None,
        digits: int | None = None,
        interval: int | None = None,
        window: int | None = None,
    ) -> "TotpParameters":
        """Return the parameters with those values that are not None."""
        return TotpParameters(
            self.algorithm if algorithm is None else algorithm,
            self.digits if digits is None else digits,
            self.interval if interval is None else interval,
            self.window if window is None else window,
        )


LONGEST_NAME: Final = 128
"""Bytes of UTF-8. In the URI of a QR code, many of them become three characters, and the issuer occurs twice."""


def check_name(text: str) -> str:
    """Return a label or an issuer unchanged.

    Raises:
        InvalidValue: the text is invisible, too long or not one line, or has a colon. A colon separates the issuer from
            the account's name in the Key URI Format.
    """
    if ":" in text or not is_line(text):
        raise InvalidValue(
            "must have no colon, line break, control character or mark that changes the direction of the text"
        )
    if not 1 <= len(text.encode()) <= LONGEST_NAME:
        raise InvalidValue(f"must have 1 to {LONGEST_NAME} bytes in UTF-8")
    if is_blank(text):
        raise InvalidValue("must have a visible character")
    return text
