"""The system's clock and randomness."""

import secrets
import time

from domain.code import Code
from domain.recovery_codes import ALPHABET, CHARACTERS, RecoveryCode
from domain.secret import RECOMMENDED_SECRET, SharedSecret


class SystemClock:
    """The clock of this machine; NTP is expected to keep it accurate."""

    def now(self) -> int:
        """Return Unix time in whole seconds, rounded down."""
        return int(time.time())


class SystemRandomness:
    """The operating system's cryptographic generator."""

    def secret(self) -> SharedSecret:
        """Return a secret of 160 bits, as RFC 4226 section 4 (R6) recommends."""
        return SharedSecret(secrets.token_bytes(RECOMMENDED_SECRET))

    def code(self, digits: int) -> Code:
        """Return a code. All codes of this many digits are equally likely."""
        return Code(f"{secrets.randbelow(10**digits):0{digits}d}")

    def authenticator_suffix(self) -> str:
        """Return a suffix of ten digits and letters that cannot be confused."""
        return "".join(secrets.choice(ALPHABET.lower()) for _ in range(10))

    def recovery_code(self) -> RecoveryCode:
        """Return a recovery code of 80 bits."""
        return RecoveryCode("".join(secrets.choice(ALPHABET) for _ in range(CHARACTERS)))
