"""Enrolling HOTP and TOTP secrets, and replacing them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, assert_never

from application.errors import NoDerivation
from application.optimistic_update import Change, OptimisticUpdate
from application.ports.events import Action, Events
from application.ports.secrets import Randomness, SecretDerivation
from domain.credential import Credential, Lifecycle
from domain.errors import AlreadyEnrolled, NotEnrolled
from domain.failures import NO_FAILURES, Failures
from domain.hotp import HotpCredential
from domain.owner import CredentialId, Factor, Owner
from domain.parameters import HotpParameters, TotpParameters
from domain.secret import SharedSecret
from domain.secret_credential import REPLACEMENT_LIFETIME, SecretCredential
from domain.stored_state import AnySecretCredential, StoredState, inherited_failures
from domain.totp import TotpCredential


@dataclass(frozen=True, slots=True)
class EnrolRequest:
    """A request for a new secret. The kind of parameters determines the factor.

    Attributes:
        owner: the owner of the credential.
        lifetime: in seconds, None for no end.
        parameters: how the codes are computed and accepted.
        initial_counter: the first counter, for HOTP only.
        label: account name for the authenticator, None for the default.
        issuer: issuer for the authenticator, None for the default.
        secret: the secret to enrol, None for a new one.
        derived: whether to derive the secret from the master secret instead of storing it.
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
        """Return the id of the credential."""
        match self.parameters:
            case HotpParameters():
                return CredentialId(self.owner, Factor.HOTP)
            case TotpParameters():
                return CredentialId(self.owner, Factor.TOTP)
            case _:
                assert_never(self.parameters)


class Enrol:
    """Enrol a HOTP or TOTP credential, which is pending until its first accepted code.

    An existing credential has to be removed first. Former failures still count, and spent codes stay spent.
    """

    def __init__(
        self, changes: OptimisticUpdate, randomness: Randomness, derivation: SecretDerivation, events: Events
    ) -> None:
        self._changes = changes
        self._randomness = randomness
        self._derivation = derivation
        self._events = events

    def execute(self, request: EnrolRequest) -> AnySecretCredential:
        """Return the new credential. Raise `AlreadyEnrolled`, `NoDerivation` or `StoreUnavailable`."""

        def decide(state: StoredState | None, now: int, secret: SharedSecret) -> Change[AnySecretCredential]:
            if isinstance(state, Credential):
                raise AlreadyEnrolled
            lifecycle = Lifecycle.starting(now, request.lifetime)
            credential = build(request, secret, lifecycle, inherited_failures(state))
            if state is not None:
                credential = replace(credential.after(state.former), former=state.former)
            return Change(credential, credential)

        return self._commit(Action.ENROLLED, request, decide)

    def replace(self, request: EnrolRequest) -> AnySecretCredential:
        """Return a replacement of a confirmed secret, which stays valid. `request.lifetime` has no effect.

        The replacement expires after an hour unless its first code is accepted.

        Raises:
            NotEnrolled: there is no credential to replace.
            AlreadyEnrolled: the credential is pending, or has an unexpired replacement.
            InvalidSecret: the request contains the current secret.
            NoDerivation, StoreUnavailable: nothing was changed.
        """

        def decide(state: StoredState | None, now: int, secret: SharedSecret) -> Change[AnySecretCredential]:
            if not isinstance(state, SecretCredential):
                raise NotEnrolled
            ends = [end for end in (now + REPLACEMENT_LIFETIME, state.expires_at) if end is not None]
            lifecycle = Lifecycle(created_at=now, expires_at=min(ends))
            replacement = build(request, secret, lifecycle, NO_FAILURES).after(state.remembered(now))
            return Change(replacement, state.with_replacement(replacement, now))

        return self._commit(Action.REPLACEMENT_ENROLLED, request, decide)

    def _commit(
        self,
        action: Action,
        request: EnrolRequest,
        decide: Callable[[StoredState | None, int, SharedSecret], Change[AnySecretCredential]],
    ) -> AnySecretCredential:
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


def build(request: EnrolRequest, secret: SharedSecret, lifecycle: Lifecycle, failures: Failures) -> AnySecretCredential:
    """Return the requested credential."""
    common: dict[str, Any] = {
        "id": request.credential_id,
        "lifecycle": lifecycle,
        "failures": failures,
        "secret": secret,
        "label": request.label,
        "issuer": request.issuer,
    }
    match request.parameters:
        case HotpParameters() as parameters:
            counter = request.initial_counter
            return HotpCredential(**common, parameters=parameters, counter=counter, initial_counter=counter)
        case TotpParameters() as parameters:
            return TotpCredential(**common, parameters=parameters)
        case parameters:
            assert_never(parameters)
