"""Enrolling HOTP and TOTP secrets, and replacing them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from application.errors import NoDerivation
from application.optimistic_update import Change, OptimisticUpdate
from application.ports.events import Action, Events
from application.ports.secrets import Randomness, SecretDerivation
from domain.credential import Credential, Lifecycle, StoredState
from domain.errors import AlreadyEnrolled, NotEnrolled
from domain.failures import NO_FAILURES, Failures
from domain.hotp import HotpCredential
from domain.owner import CredentialId, Factor, Owner
from domain.parameters import HotpParameters, TotpParameters
from domain.secret import SharedSecret
from domain.secret_credential import REPLACEMENT_LIFETIME, SecretCredential
from domain.totp import TotpCredential


@dataclass(frozen=True, slots=True)
class EnrolRequest:
    """What to enrol; the kind of parameters says which factor.

    Attributes:
        owner: for whom.
        lifetime: in seconds, None for ever.
        parameters: what both sides agree on.
        initial_counter: HOTP's alone.
        label: account name for the authenticator, None for the default.
        issuer: issuer for the authenticator, None for the default.
        secret: brings one along instead of a random one.
        derived: derives one instead, so that none has to be kept.
    """

    owner: Owner
    lifetime: int | None
    parameters: HotpParameters | TotpParameters
    initial_counter: int = 0
    label: str | None = None
    issuer: str | None = None
    secret: SharedSecret | None = None
    derived: bool = False

    @property
    def credential_id(self) -> CredentialId:
        """The place to enrol in."""
        return CredentialId(self.owner, Factor.HOTP if isinstance(self.parameters, HotpParameters) else Factor.TOTP)


class Enrol:
    """A new HOTP or TOTP credential, pending until its first accepted code.

    An existing one has to be removed first. Failures counted before go on counting, and codes spent before stay spent.
    """

    def __init__(
        self, changes: OptimisticUpdate, randomness: Randomness, derivation: SecretDerivation, events: Events
    ) -> None:
        self._changes = changes
        self._randomness = randomness
        self._derivation = derivation
        self._events = events

    def execute(self, request: EnrolRequest) -> SecretCredential:
        """Raises `AlreadyEnrolled`, `NoDerivation` or `StoreUnavailable`."""

        def decide(state: StoredState | None, now: int, secret: SharedSecret) -> Change[SecretCredential]:
            if isinstance(state, Credential):
                raise AlreadyEnrolled
            credential = build(request, secret, lifecycle(now, request.lifetime), inherited(state))
            if state is not None:
                credential = replace(credential.after(state.former), former=state.former)
            return Change(credential, credential)

        return self._commit(Action.ENROLLED, request, decide)

    def replace(self, request: EnrolRequest) -> SecretCredential:
        """A pending secret beside the confirmed one, which goes on working; `request.lifetime` does not matter.

        Returns:
            The replacement, gone after an hour unless its first code is accepted.

        Raises:
            NotEnrolled: there is nothing to replace.
            AlreadyEnrolled: what is there is pending itself, or has a replacement that is.
            InvalidSecret: it brings the present secret along.
            NoDerivation, StoreUnavailable: nothing was changed.
        """

        def decide(state: StoredState | None, now: int, secret: SharedSecret) -> Change[SecretCredential]:
            if not isinstance(state, SecretCredential):
                raise NotEnrolled
            ends = [end for end in (now + REPLACEMENT_LIFETIME, state.expires_at) if end is not None]
            life = Lifecycle(created_at=now, expires_at=min(ends))
            replacement = build(request, secret, life, NO_FAILURES).after(state.remembered(now))
            return Change(replacement, state.with_replacement(replacement, now))

        return self._commit(Action.REPLACEMENT_ENROLLED, request, decide)

    def _commit(
        self,
        action: Action,
        request: EnrolRequest,
        decide: Callable[[StoredState | None, int, SharedSecret], Change[SecretCredential]],
    ) -> SecretCredential:
        self._events.require_room()
        credential_id = request.credential_id
        secret = self._secret(request)
        credential = self._changes.apply(credential_id, lambda state, now: decide(state, now, secret))
        self._events.changed(action, credential_id)
        return credential

    def _secret(self, request: EnrolRequest) -> SharedSecret:
        if not request.derived:
            return request.secret or self._randomness.secret()
        if not self._derivation.is_set_up:
            raise NoDerivation
        return self._derivation.new(request.credential_id)


def lifecycle(now: int, lifetime: int | None) -> Lifecycle:
    """A life that starts now and lasts `lifetime` seconds, None for ever."""
    return Lifecycle(created_at=now, expires_at=None if lifetime is None else now + lifetime)


def inherited(state: StoredState | None) -> Failures:
    """The failures that whatever lay in a place leaves to its successor."""
    return NO_FAILURES if state is None else state.failures


def build(request: EnrolRequest, secret: SharedSecret, life: Lifecycle, failures: Failures) -> SecretCredential:
    """The credential that a request asks for."""
    common: dict[str, Any] = {
        "id": request.credential_id,
        "lifecycle": life,
        "failures": failures,
        "secret": secret,
        "parameters": request.parameters,
        "label": request.label,
        "issuer": request.issuer,
    }
    if isinstance(request.parameters, HotpParameters):
        return HotpCredential(**common, counter=request.initial_counter, initial_counter=request.initial_counter)
    return TotpCredential(**common)
