"""Enrolling HOTP and TOTP secrets, and issuing one-time codes."""

from dataclasses import dataclass
from typing import Any

from application.ports import Action, Events, Randomness
from application.state_change import Change, StateChange
from domain.code import Code
from domain.credential import REMEMBERED_AFTER_REMOVAL, Credential, Lifecycle, Remnant
from domain.errors import AlreadyEnrolled
from domain.failures import NO_FAILURES, Failures
from domain.hotp import HotpCredential
from domain.keyed_digest import keyed_digest
from domain.one_time_code import OneTimeCode
from domain.owner import CredentialId, Factor, Owner
from domain.parameters import HotpParameters, TotpParameters
from domain.secret import SharedSecret
from domain.secret_credential import SecretCredential
from domain.totp import TotpCredential


@dataclass(frozen=True, slots=True)
class EnrolRequest:
    """What to enrol; the kind of parameters says which factor.

    `lifetime` is in seconds, None for ever; `secret` brings one along instead of a random one; `initial_counter` is
    HOTP's alone.
    """

    owner: Owner
    lifetime: int | None
    parameters: HotpParameters | TotpParameters
    initial_counter: int = 0
    label: str | None = None
    issuer: str | None = None
    secret: SharedSecret | None = None


@dataclass(frozen=True, slots=True)
class IssueCodeRequest:
    """`lifetime` is the owner's, `code_lifetime` the code's, both in seconds."""

    owner: Owner
    lifetime: int | None
    digits: int
    code_lifetime: int


@dataclass(frozen=True, slots=True, repr=False)
class IssuedCode:
    """The code in the clear, for this once, and its record."""

    code: Code
    record: OneTimeCode


class Enrol:
    """A new HOTP or TOTP credential, pending until its first accepted code.

    An existing one has to be removed first. Failures counted before go on counting.
    """

    def __init__(self, changes: StateChange, randomness: Randomness, events: Events) -> None:
        self._changes = changes
        self._randomness = randomness
        self._events = events

    def execute(self, request: EnrolRequest) -> SecretCredential:
        """Raises `AlreadyEnrolled` or `StoreUnavailable`."""
        hotp = isinstance(request.parameters, HotpParameters)
        credential_id = CredentialId(request.owner, Factor.HOTP if hotp else Factor.TOTP)
        secret = request.secret or self._randomness.secret()

        def decide(content: Remnant | None, now: int) -> Change[SecretCredential]:
            if isinstance(content, Credential):
                raise AlreadyEnrolled
            credential = build(request, secret, now, credential_id, inherited(content))
            return Change(credential, credential)

        credential = self._changes.apply(credential_id, decide)
        self._events.changed(Action.ENROLLED, credential_id)
        return credential


class IssueCode:
    """A new random code for a single use; it replaces the one before. Failures counted before go on counting."""

    def __init__(self, changes: StateChange, randomness: Randomness, events: Events) -> None:
        self._changes = changes
        self._randomness = randomness
        self._events = events

    def execute(self, request: IssueCodeRequest) -> IssuedCode:
        """Raises `StoreUnavailable`."""
        credential_id = CredentialId(request.owner, Factor.OTP)
        code = self._randomness.code(request.digits)
        secret = self._randomness.secret()

        def decide(content: Remnant | None, now: int) -> Change[OneTimeCode]:
            end = now + request.code_lifetime
            # An account has no end, but nothing is left of a code that is long past.
            forgotten_after = request.code_lifetime + REMEMBERED_AFTER_REMOVAL
            life = lifecycle(now, forgotten_after if request.lifetime is None else request.lifetime)
            record = OneTimeCode(
                id=credential_id,
                lifecycle=life,
                failures=inherited(content),
                code_digits=request.digits,
                secret=secret,
                digest=keyed_digest(secret, code.digits),
                code_expires_at=end if life.expires_at is None else min(end, life.expires_at),
            )
            return Change(record, record)

        record = self._changes.apply(credential_id, decide)
        self._events.changed(Action.ISSUED, credential_id)
        return IssuedCode(code, record)


def lifecycle(now: int, lifetime: int | None) -> Lifecycle:
    """A life that starts now and lasts `lifetime` seconds, None for ever."""
    return Lifecycle(created_at=now, expires_at=None if lifetime is None else now + lifetime)


def inherited(content: Remnant | None) -> Failures:
    """The failures that whatever lay in a place leaves to its successor."""
    return NO_FAILURES if content is None else content.failures


def build(
    request: EnrolRequest, secret: SharedSecret, now: int, credential_id: CredentialId, failures: Failures
) -> SecretCredential:
    """The credential that a request asks for."""
    common: dict[str, Any] = {
        "id": credential_id,
        "lifecycle": lifecycle(now, request.lifetime),
        "failures": failures,
        "secret": secret,
        "parameters": request.parameters,
        "label": request.label,
        "issuer": request.issuer,
    }
    if isinstance(request.parameters, HotpParameters):
        return HotpCredential(**common, counter=request.initial_counter, initial_counter=request.initial_counter)
    return TotpCredential(**common)
