"""The states that the golden records contain, and the keys that opened and derived their secrets."""

from dataclasses import replace
from typing import Final

from domain.credential import Lifecycle
from domain.failures import Failures
from domain.former_secret import FormerSecret
from domain.hotp import HotpCredential
from domain.keyed_digest import keyed_digest
from domain.one_time_code import OneTimeCode
from domain.owner import CredentialId, Factor, Owner, OwnerKind
from domain.parameters import HashAlgorithm, HotpParameters, TotpParameters
from domain.recovery_codes import RecoveryCodes
from domain.secret import Derivation, SharedSecret
from domain.stored_state import StoredState
from domain.tombstone import Tombstone
from domain.totp import TotpCredential
from infrastructure.crypto.sealing import EncryptionKey, KeyRing

KEYS: Final = KeyRing((EncryptionKey("golden", bytes(range(32))),))
MASTER: Final = "the master secret of the golden records"

ACCOUNT = Owner.of_account("shop", "alice@example.org")
SESSION = Owner(OwnerKind.SESSION, "5f" * 32)
GATE = Owner(OwnerKind.GATE, "0123456789abcdef" * 2)
SECRET = SharedSecret(b"12345678901234567890")
NEW_SECRET = SharedSecret(b"a new secret of 160 b")
WEAK = SharedSecret(b"1234567890", weak=True)
SHORT, LONG = SharedSecret(bytes(range(16))), SharedSecret(bytes(range(128)))
DERIVED_TOTP = SharedSecret(
    bytes.fromhex("fcc3f19241cd41bec655cd32d091691d67078066"),
    Derivation(salt=bytes(range(16)), check=bytes.fromhex("c86222c59519e07e")),
)
DERIVED_HOTP = SharedSecret(
    bytes.fromhex("84324227acac10fbf65d3fb083109c8f507db9b6"),
    Derivation(salt=bytes(range(16)), check=bytes.fromhex("ca3230898422b442")),
)
CREATED = 1_750_000_000
PENDING = Lifecycle(created_at=CREATED, expires_at=None)
CONFIRMED = Lifecycle(created_at=CREATED, expires_at=None, confirmed_at=CREATED + 20, last_used_at=CREATED + 86_400)
IMPORTED = Lifecycle(created_at=CREATED, expires_at=None, confirmed_at=CREATED)
IN_SESSION = Lifecycle(
    created_at=CREATED, expires_at=CREATED + 3600, confirmed_at=CREATED + 7, last_used_at=CREATED + 7
)
REPLACEMENT = Lifecycle(created_at=CREATED + 100_000, expires_at=CREATED + 103_600)
LAST = 253_402_300_799
LOCKED = Failures(5, CREATED + 90_030)
FORMER = (
    FormerSecret(bytes(range(8)), 58_333_400, 30),
    FormerSecret(bytes(range(8, 16)), 58_333_000, 60),
    FormerSecret(bytes(range(16, 24)), 0, 15),
    FormerSecret(bytes(range(24, 32)), 2**62, 300),
)
FORMER_COUNTERS = (FormerSecret(bytes(range(8)), 41), FormerSecret(bytes(8), 2**63))
RECOVERY_TEXTS = tuple(f"K7QM2X9D4HPW8RT{last}" for last in "0123456789")

HOTP = HotpCredential(
    id=CredentialId(ACCOUNT, Factor.HOTP),
    lifecycle=CONFIRMED,
    secret=SECRET,
    parameters=HotpParameters(),
    counter=7,
    initial_counter=0,
)
TOTP = TotpCredential(
    id=CredentialId(ACCOUNT, Factor.TOTP),
    lifecycle=CONFIRMED,
    secret=SECRET,
    parameters=TotpParameters(),
    last_step=58_333_334,
)
OTP = OneTimeCode(
    id=CredentialId(SESSION, Factor.OTP),
    lifecycle=Lifecycle(created_at=CREATED, expires_at=CREATED + 3600),
    secret=SECRET,
    code_digits=6,
    digest=keyed_digest(SECRET, "314159"),
    code_expires_at=CREATED + 300,
)
RECOVERY = RecoveryCodes(
    id=CredentialId(ACCOUNT, Factor.RECOVERY_CODES),
    lifecycle=Lifecycle(created_at=CREATED, expires_at=None, confirmed_at=CREATED),
    secret=SECRET,
    digests=tuple(keyed_digest(SECRET, text) for text in RECOVERY_TEXTS),
)
TOMBSTONE = Tombstone(id=OTP.id, failures=LOCKED, expires_at=CREATED + 93_600)

SECOND_TOTP = replace(
    TOTP,
    id=CredentialId(ACCOUNT, Factor.TOTP, "7k2m9q4x8d"),
    name="Tablet",
    replacement=replace(
        TOTP,
        id=CredentialId(ACCOUNT, Factor.TOTP, "7k2m9q4x8d"),
        lifecycle=REPLACEMENT,
        secret=NEW_SECRET,
        last_step=-1,
    ),
)
SECOND_HOTP = replace(HOTP, id=CredentialId(ACCOUNT, Factor.HOTP, "0123456789"), secret=LONG, former=FORMER_COUNTERS)
SHARED: Final = (
    SECOND_TOTP,
    SECOND_HOTP,
    Tombstone(
        id=TOTP.id.removed,
        failures=LOCKED,
        expires_at=CREATED + 93_600,
        failures_until=CREATED + 90_000,
        former=FORMER,
    ),
)
"""The entries of the shared record."""

STATES: Final[dict[str, StoredState]] = {
    "hotp pending": replace(HOTP, lifecycle=PENDING, counter=0),
    "hotp confirmed": HOTP,
    "hotp in a session": replace(HOTP, id=CredentialId(SESSION, Factor.HOTP), lifecycle=IN_SESSION),
    "hotp with the largest values": HotpCredential(
        id=HOTP.id,
        lifecycle=Lifecycle(created_at=LAST, expires_at=LAST, confirmed_at=LAST, last_used_at=LAST),
        failures=Failures(2**31, LAST),
        secret=LONG,
        parameters=HotpParameters(HashAlgorithm.SHA512, 8, 50),
        label="l" * 128,
        issuer="i" * 128,
        counter=2**64 - 1003,
        initial_counter=2**63 - 1,
    ),
    "hotp with failures": replace(HOTP, failures=Failures(3)),
    "hotp locked": replace(HOTP, failures=LOCKED),
    "hotp with labels": replace(HOTP, label="Zoë Łukasiewicz 山田 🔑", issuer="Ægir Ελλάς"),
    "hotp derived": replace(HOTP, secret=DERIVED_HOTP),
    "hotp with a replacement": replace(
        HOTP,
        replacement=HotpCredential(
            id=HOTP.id,
            lifecycle=REPLACEMENT,
            secret=NEW_SECRET,
            parameters=HotpParameters(HashAlgorithm.SHA256, 7, 0),
            label="new",
            counter=1000,
            initial_counter=1000,
        ),
    ),
    "hotp imported": replace(HOTP, secret=WEAK, lifecycle=IMPORTED, counter=4711),
    "hotp with former secrets": replace(HOTP, former=FORMER_COUNTERS),
    "totp pending": replace(TOTP, lifecycle=PENDING, last_step=-1),
    "totp confirmed": TOTP,
    "totp in a session": replace(TOTP, id=CredentialId(SESSION, Factor.TOTP), lifecycle=IN_SESSION),
    "totp of the gate": replace(TOTP, id=CredentialId(GATE, Factor.TOTP), secret=SHORT),
    "totp with the largest values": TotpCredential(
        id=TOTP.id,
        lifecycle=Lifecycle(created_at=LAST, expires_at=LAST, confirmed_at=LAST, last_used_at=LAST),
        failures=Failures(2**31, LAST),
        secret=LONG,
        parameters=TotpParameters(HashAlgorithm.SHA512, 8, 300, 10),
        label="l" * 128,
        issuer="i" * 128,
        last_step=LAST,
        drift=20,
    ),
    "totp with the smallest values": TotpCredential(
        id=TOTP.id,
        lifecycle=Lifecycle(created_at=0, expires_at=0, confirmed_at=0, last_used_at=0),
        secret=SHORT,
        parameters=TotpParameters(HashAlgorithm.SHA1, 6, 15, 0),
        label="l",
        issuer="i",
        last_step=0,
        drift=-20,
    ),
    "totp with failures": replace(TOTP, failures=Failures(4), drift=-3),
    "totp locked": replace(TOTP, failures=LOCKED, parameters=TotpParameters(HashAlgorithm.SHA256, 7, 60, 2)),
    "totp with labels": replace(TOTP, label="Zoë Łukasiewicz 山田 🔑", issuer="Ægir Ελλάς"),
    "totp with an empty label": replace(TOTP, label=""),
    "totp derived": replace(TOTP, secret=DERIVED_TOTP),
    "totp with a replacement": replace(
        TOTP,
        replacement=TotpCredential(
            id=TOTP.id,
            lifecycle=REPLACEMENT,
            secret=NEW_SECRET,
            parameters=TotpParameters(HashAlgorithm.SHA256, 8, 45, 3),
            issuer="山田",
            last_step=-1,
        ),
    ),
    "totp with a derived replacement": replace(
        TOTP,
        replacement=TotpCredential(
            id=TOTP.id, lifecycle=REPLACEMENT, secret=DERIVED_TOTP, parameters=TotpParameters(), last_step=5
        ),
    ),
    "totp with former secrets": replace(TOTP, former=FORMER),
    "totp imported": replace(TOTP, secret=WEAK, lifecycle=IMPORTED, last_step=CREATED // 30 + 1),
    "totp with everything": replace(
        TOTP,
        failures=LOCKED,
        label="alice",
        issuer="Shop",
        drift=1,
        former=FORMER[:1],
        replacement=replace(TOTP, lifecycle=REPLACEMENT, secret=NEW_SECRET, label="Zoë", last_step=58_336_666),
    ),
    "totp with a name": replace(TOTP, name="Phone"),
    "hotp with a name and former secrets": replace(HOTP, name="Ключ 🔑", former=FORMER_COUNTERS),
    "totp of an additional authenticator": SECOND_TOTP,
    "hotp of an additional authenticator": SECOND_HOTP,
    "otp": OTP,
    "otp of an account": replace(
        OTP,
        id=CredentialId(ACCOUNT, Factor.OTP),
        code_digits=10,
        digest=keyed_digest(SECRET, "3141592653"),
        lifecycle=Lifecycle(created_at=CREATED, expires_at=CREATED + 3900),
    ),
    "otp spent": replace(OTP, lifecycle=IN_SESSION),
    "otp with failures": replace(OTP, failures=Failures(4)),
    "otp locked": replace(OTP, failures=LOCKED),
    "recovery codes": RECOVERY,
    "recovery codes partly spent": replace(
        RECOVERY, spent=0b1000000101, lifecycle=replace(RECOVERY.lifecycle, last_used_at=CREATED + 5)
    ),
    "recovery codes all spent": replace(RECOVERY, spent=2**10 - 1, failures=Failures(2)),
    "recovery codes locked": replace(RECOVERY, failures=LOCKED),
    "tombstone": TOMBSTONE,
    "tombstone without end": replace(TOMBSTONE, expires_at=None),
    "tombstone of hotp with former secrets": Tombstone(
        id=HOTP.id,
        failures=Failures(1),
        expires_at=None,
        failures_until=CREATED + 3600,
        former=FORMER_COUNTERS,
    ),
    "tombstone of totp with former secrets": Tombstone(
        id=TOTP.id,
        failures=LOCKED,
        expires_at=CREATED + 93_600,
        failures_until=CREATED + 90_000,
        former=FORMER,
    ),
    "tombstone without failures": Tombstone(
        id=TOTP.id, failures=Failures(), expires_at=CREATED + 93_600, failures_until=None, former=FORMER[:1]
    ),
    "hotp before former secrets": replace(
        HOTP,
        failures=LOCKED,
        label="Zoë",
        replacement=HotpCredential(
            id=HOTP.id,
            lifecycle=REPLACEMENT,
            secret=NEW_SECRET,
            parameters=HotpParameters(HashAlgorithm.SHA256, 7, 0),
            label="new",
            counter=1000,
            initial_counter=1000,
        ),
    ),
    "totp before former secrets": replace(TOTP, failures=Failures(2), issuer="Shop", drift=-3),
    "otp before former secrets": OTP,
    "recovery codes before former secrets": replace(RECOVERY, spent=5),
    "tombstone before former secrets": TOMBSTONE,
}
