"""Strategies for all states of credentials."""

from dataclasses import replace
from typing import TypeVar

from hypothesis import strategies as st

from domain.credential import Credential, Lifecycle
from domain.failures import NO_FAILURES, Failures
from domain.former_secret import FORMER_DIGEST_BYTES, FORMER_SECRETS, FormerSecret
from domain.hotp import HotpCredential
from domain.keyed_digest import keyed_digest
from domain.one_time_code import OneTimeCode
from domain.owner import CredentialId, Factor, Owner, OwnerKind
from domain.parameters import HashAlgorithm, HotpParameters, TotpParameters
from domain.recovery_codes import ALPHABET, RecoveryCodes
from domain.secret import SharedSecret
from domain.stored_state import StoredState
from domain.tombstone import Tombstone
from domain.totp import NO_STEP, TotpCredential

Secret = TypeVar("Secret", HotpCredential, TotpCredential)
MOMENTS = st.integers(0, 253_402_300_799)
NAMES = st.none() | st.text(min_size=1, max_size=128)
FAILURES = st.builds(Failures, st.integers(0, 2**31), MOMENTS)
SECRETS = st.builds(SharedSecret.accepting_weak, st.binary(min_size=10, max_size=128))
OWNERS = st.builds(Owner, st.sampled_from(OwnerKind), st.text("abcXYZ019._@+:-/", min_size=1, max_size=40))
FORMER = st.lists(
    st.builds(
        FormerSecret,
        digest=st.binary(min_size=FORMER_DIGEST_BYTES, max_size=FORMER_DIGEST_BYTES),
        last=st.integers(0, 2**63 - 1),
        interval=st.none() | st.integers(15, 300),
    ),
    max_size=FORMER_SECRETS,
).map(tuple)
LIVES = st.builds(
    Lifecycle,
    created_at=MOMENTS,
    expires_at=st.none() | MOMENTS,
    confirmed_at=st.none() | MOMENTS,
    last_used_at=st.none() | MOMENTS,
)


SUFFIXES = st.text(ALPHABET.lower(), min_size=10, max_size=10)


def credential_ids(factor: Factor) -> st.SearchStrategy[CredentialId]:
    """Draw the id of a credential, for HOTP and TOTP sometimes of an additional authenticator."""
    suffixes = st.just("") | SUFFIXES if factor in {Factor.HOTP, Factor.TOTP} else st.just("")
    return st.builds(CredentialId, OWNERS, st.just(factor), suffixes)


@st.composite
def one_time_codes(draw: st.DrawFn) -> OneTimeCode:
    credential_id = draw(credential_ids(Factor.OTP))
    digits = draw(st.text("0123456789", min_size=6, max_size=10))
    secret = draw(SECRETS)
    return OneTimeCode(
        id=credential_id,
        lifecycle=draw(LIVES),
        failures=draw(FAILURES),
        code_digits=len(digits),
        secret=secret,
        digest=keyed_digest(secret, digits),
        code_expires_at=draw(MOMENTS),
    )


@st.composite
def recovery_codes(draw: st.DrawFn) -> RecoveryCodes:
    secret = draw(SECRETS)
    texts = draw(st.lists(st.text(ALPHABET, min_size=16, max_size=16), min_size=1, max_size=10, unique=True))
    return RecoveryCodes(
        id=draw(credential_ids(Factor.RECOVERY_CODES)),
        lifecycle=draw(LIVES),
        failures=draw(FAILURES),
        secret=secret,
        digests=tuple(keyed_digest(secret, text) for text in texts),
        spent=draw(st.integers(0, 2 ** len(texts) - 1)),
    )


@st.composite
def hotp_credentials(draw: st.DrawFn, credential_id: CredentialId | None = None) -> HotpCredential:
    """Draw a credential, sometimes with a replacement; with `credential_id`, draw a replacement of this credential."""
    initial_counter = draw(st.integers(0, 2**63 - 1))
    own = credential_id or draw(credential_ids(Factor.HOTP))
    return HotpCredential(
        id=own,
        replacement=None if credential_id else draw(st.none() | hotp_credentials(own).map(pending)),
        former=() if credential_id else draw(FORMER),
        name=None if credential_id else draw(NAMES),
        lifecycle=draw(LIVES),
        failures=draw(FAILURES),
        secret=draw(SECRETS),
        parameters=HotpParameters(
            draw(st.sampled_from(HashAlgorithm)), draw(st.integers(6, 8)), draw(st.integers(0, 50))
        ),
        label=draw(NAMES),
        issuer=draw(NAMES),
        initial_counter=initial_counter,
        counter=initial_counter + draw(st.integers(0, 2**40)),
    )


@st.composite
def totp_credentials(draw: st.DrawFn, credential_id: CredentialId | None = None) -> TotpCredential:
    """Draw a credential or a replacement like `hotp_credentials`."""
    own = credential_id or draw(credential_ids(Factor.TOTP))
    return TotpCredential(
        id=own,
        replacement=None if credential_id else draw(st.none() | totp_credentials(own).map(pending)),
        former=() if credential_id else draw(FORMER),
        name=None if credential_id else draw(NAMES),
        lifecycle=draw(LIVES),
        failures=draw(FAILURES),
        secret=draw(SECRETS),
        parameters=TotpParameters(
            draw(st.sampled_from(HashAlgorithm)),
            draw(st.integers(6, 8)),
            draw(st.integers(15, 300)),
            draw(st.integers(0, 10)),
        ),
        label=draw(NAMES),
        issuer=draw(NAMES),
        last_step=draw(st.just(NO_STEP) | st.integers(0, 2**36)),
        drift=draw(st.integers(-20, 20)),
    )


def pending(credential: Secret) -> Secret:
    """Return the credential as a replacement: unconfirmed, with an expiry and without failures of its own."""
    life = Lifecycle(created_at=credential.lifecycle.created_at, expires_at=credential.lifecycle.created_at)
    return replace(credential, lifecycle=life, failures=NO_FAILURES)


@st.composite
def tombstones(draw: st.DrawFn) -> Tombstone:
    former = draw(FORMER)
    return Tombstone(
        id=draw(st.sampled_from(Factor).flatmap(credential_ids)),
        failures=draw(FAILURES),
        expires_at=draw(st.none() | MOMENTS),
        failures_until=draw(st.none() | MOMENTS) if former else None,
        former=former,
    )


def credentials() -> st.SearchStrategy[Credential]:
    return st.one_of(one_time_codes(), hotp_credentials(), totp_credentials(), recovery_codes())


def stored_states() -> st.SearchStrategy[StoredState]:
    return st.one_of(credentials(), tombstones())
