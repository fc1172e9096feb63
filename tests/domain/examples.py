"""Example credentials, and the codes that an authenticator displays for them."""

from collections.abc import Iterator
from typing import Any

from domain.code import Code
from domain.credential import Lifecycle
from domain.failures import NO_FAILURES, Failures
from domain.hotp import HotpCredential
from domain.keyed_digest import keyed_digest
from domain.one_time_code import OneTimeCode
from domain.owner import CredentialId, Factor, Owner
from domain.parameters import HotpParameters, TotpParameters
from domain.recovery_codes import RecoveryCodes
from domain.secret import SharedSecret
from domain.secret_credential import SecretCredential
from domain.totp import NO_STEP, TotpCredential
from infrastructure.crypto.hotp import PyotpHotp
from infrastructure.crypto.sealing import EncryptionKey, KeyRing
from tests.domain.reference import hotp_value
from tests.support.fakes import NOON

STEP = NOON // 30
"""The time step of 30 s at noon."""
KEYS = KeyRing((EncryptionKey("test", bytes(range(32))),))
ALGORITHM = PyotpHotp()
ALICE = Owner.of_account("shop", "alice")
BOB = Owner.of_account("shop", "bob")
SECRET = SharedSecret(b"12345678901234567890")
"""The secret of RFC 4226 appendix D."""


def code_of(credential: SecretCredential, factor: int) -> Code:
    """Return the code that an authenticator displays for a counter or a time step."""
    digest = credential.parameters.algorithm.value.lower()
    return Code(hotp_value(credential.secret.key, factor, credential.digits, digest))


def wrong_codes(credential: SecretCredential, *near: int) -> Iterator[Code]:
    """Yield different codes that no counter or time step within 1100 of the given ones has."""
    good = {code_of(credential, abs(factor + d)).text for factor in near for d in range(-1100, 1101)}
    numbers = (f"{number:0{credential.digits}d}" for number in range(10**credential.digits))
    return (Code(number) for number in numbers if number not in good)


def hotp(
    counter: int = 0,
    *,
    initial_counter: int = 0,
    failures: Failures = NO_FAILURES,
    secret: SharedSecret = SECRET,
    **parameters: Any,
) -> HotpCredential:
    return HotpCredential(
        id=CredentialId(ALICE, Factor.HOTP),
        lifecycle=Lifecycle(created_at=NOON, expires_at=None),
        failures=failures,
        secret=secret,
        parameters=HotpParameters(**parameters),
        counter=counter,
        initial_counter=initial_counter,
    )


def totp(
    last_step: int = NO_STEP,
    *,
    drift: int = 0,
    failures: Failures = NO_FAILURES,
    secret: SharedSecret = SECRET,
    **parameters: Any,
) -> TotpCredential:
    return TotpCredential(
        id=CredentialId(ALICE, Factor.TOTP),
        lifecycle=Lifecycle(created_at=NOON, expires_at=None),
        failures=failures,
        secret=secret,
        parameters=TotpParameters(**parameters),
        last_step=last_step,
        drift=drift,
    )


RECOVERY_TEXTS = ("K7QM2X9D4HPW8RTC", "00000000000000ZZ", "ABCDEFGHJKMNPQRS")


def recovery_codes(spent: int = 0, failures: Failures = NO_FAILURES) -> RecoveryCodes:
    return RecoveryCodes(
        id=CredentialId(ALICE, Factor.RECOVERY_CODES),
        lifecycle=Lifecycle(created_at=NOON, expires_at=None, confirmed_at=NOON),
        failures=failures,
        secret=SECRET,
        digests=tuple(keyed_digest(SECRET, text) for text in RECOVERY_TEXTS),
        spent=spent,
    )


def one_time_code(
    digits: str = "314159", *, lifetime: int = 300, failures: Failures = NO_FAILURES, owner: Owner = ALICE
) -> OneTimeCode:
    credential_id = CredentialId(owner, Factor.OTP)
    return OneTimeCode(
        id=credential_id,
        lifecycle=Lifecycle(created_at=NOON, expires_at=None),
        failures=failures,
        code_digits=len(digits),
        secret=SECRET,
        digest=keyed_digest(SECRET, digits),
        code_expires_at=NOON + lifetime,
    )
