"""Enrolling HOTP and TOTP secrets, and replacing them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

from application.errors import NoDerivation
from application.optimistic_update import OptimisticUpdate, OwnerChange
from application.ports.events import Action, Events
from application.ports.secrets import Randomness, SecretDerivation
from application.ports.stores import OwnerCredentials
from application.usage import TenantUsage
from domain.authenticators import Authenticators
from domain.credential import Credential, Lifecycle, Status
from domain.errors import AlreadyEnrolled, InvalidSecret, InvalidValue, NotEnrolled, SameSecretEnrolled
from domain.failures import NO_FAILURES, Failures
from domain.hotp import HotpCredential
from domain.owner import CredentialId, Factor, Owner, OwnerKind
from domain.parameters import HotpParameters, TotpParameters
from domain.secret import SharedSecret
from domain.secret_credential import REPLACEMENT_LIFETIME, SecretCredential
from domain.stored_state import AnySecretCredential, StoredState
from domain.totp import DRIFT, TotpCredential


@dataclass(frozen=True, slots=True)
class EnrolRequest:
    """A request for a new secret. The kind of parameters determines the factor.

    Attributes:
        owner: the owner of the credential.
        lifetime: in seconds, None for no end.
        parameters: how the codes are computed and accepted.
        initial_counter: the first counter, for HOTP only; None for 0. A confirmed secret requires it.
        label: account name for the authenticator, None for the default.
        issuer: issuer for the authenticator, None for the default.
        secret: the secret to enrol, None for a new one.
        derived: whether to derive the secret from the master secret instead of storing it.
        confirmed: whether the secret comes from another system, where a code has confirmed it. It then counts at once.
        drift: time steps that the authenticator's clock is ahead of ours, for a confirmed TOTP secret.
        suffix: the suffix of an additional authenticator; see `CredentialId`.
        name: the name of the authenticator, None without one. A replacement does not change the name.

    Raises:
        InvalidValue: `confirmed` lacks a secret or, for HOTP, the counter; or `drift` is out of range or has no use.
        InvalidSecret: the secret is weak, but neither confirmed nor the gate's own.
    """

    owner: Owner
    lifetime: int | None
    parameters: HotpParameters | TotpParameters
    initial_counter: int | None = None
    label: str | None = None
    issuer: str | None = None
    secret: SharedSecret | None = None
    derived: bool = False
    confirmed: bool = False
    drift: int = 0
    suffix: str = ""
    name: str | None = None

    def __post_init__(self) -> None:
        if self.confirmed and (self.secret is None or self.derived):
            raise InvalidValue("a confirmed credential requires its secret")
        if self.confirmed and isinstance(self.parameters, HotpParameters) and self.initial_counter is None:
            raise InvalidValue("a confirmed HOTP credential requires its counter")
        if self.drift and not (self.confirmed and isinstance(self.parameters, TotpParameters)):
            raise InvalidValue("only a confirmed TOTP credential has a drift")
        DRIFT.check("drift", self.drift)
        if (
            self.secret is not None
            and self.secret.weak
            and not self.confirmed
            and self.owner.kind is not OwnerKind.GATE
        ):
            # New secrets are strong. Only people who have a weak one in their authenticator may keep it.
            raise InvalidSecret("must have 128 bits or more unless it is confirmed")

    @property
    def credential_id(self) -> CredentialId:
        """Return the id of the credential."""
        match self.parameters:
            case HotpParameters():
                return CredentialId(self.owner, Factor.HOTP, self.suffix)
            case TotpParameters():
                return CredentialId(self.owner, Factor.TOTP, self.suffix)
            case _:
                assert_never(self.parameters)


_Decide = Callable[[Mapping[CredentialId, StoredState], Authenticators, int], tuple[AnySecretCredential, StoredState]]
"""Gets the owner's states and the time, Unix seconds. Returns the new credential, and the state to commit."""


class Enrol:
    """Enrol an HOTP or TOTP credential.

    It is pending until its first accepted code, unless the request says that another system has confirmed it. Then all
    codes that the other system can have accepted are spent. An existing credential is never overwritten and has to be
    removed first. The failures of removed authenticators still count, and all spent codes of the owner stay spent.

    A change is committed only if no authenticator of the owner has changed in the meantime. So an owner never has more
    authenticators than allowed, nor two that accept the same codes.

    Only an enrolment that nothing else refuses counts for the limit of the tenant. A client that repeats a refused
    request does not use up the limit.

    Args:
        changes: applies the changes.
        randomness: makes secrets.
        derivation: derives secrets.
        events: the audit trail.
        usage: counts the enrolments of each tenant; None if they are not limited.
    """

    def __init__(
        self,
        changes: OptimisticUpdate,
        randomness: Randomness,
        derivation: SecretDerivation,
        events: Events,
        usage: TenantUsage | None = None,
    ) -> None:
        self._changes = changes
        self._randomness = randomness
        self._derivation = derivation
        self._events = events
        self._usage = usage

    def execute(self, request: EnrolRequest) -> AnySecretCredential:
        """Return the new credential.

        Raises:
            SameSecretEnrolled: a confirmed authenticator of the owner has the same codes already.
            DuplicateSecret: another authenticator of the owner has the secret.
            AlreadyEnrolled: the credential exists.
            TooManyAuthenticators: the owner has as many authenticators as allowed.
            NoDerivation, LimitReached, StoreUnavailable: nothing was changed.
        """
        credential_id, secret = request.credential_id, self._secret(request)

        def decide(
            states: Mapping[CredentialId, StoredState], authenticators: Authenticators, now: int
        ) -> tuple[AnySecretCredential, StoredState]:
            state = states.get(credential_id)
            failures = authenticators.inherited_failures(credential_id.factor)
            credential = build(request, secret, Lifecycle.starting(now, request.lifetime), failures)
            if request.confirmed:
                credential = credential.imported(now)
            authenticators.require_new_secret(credential)
            if isinstance(state, Credential):
                raise _refusal(state, credential)
            authenticators.require_room()
            credential = credential.after(authenticators.former_secrets(credential_id.factor))
            if state is not None:
                credential = replace(credential, former=state.former)
            return credential, credential

        credential = self._commit(credential_id, decide)
        self._events.enrolled(credential.id, imported=request.confirmed, weak=credential.secret.weak)
        return credential

    def add(self, request: EnrolRequest) -> AnySecretCredential:
        """Enrol an additional authenticator, which gets an id of its own; see `execute`."""
        return self.execute(replace(request, suffix=self._randomness.authenticator_suffix()))

    def replace(self, request: EnrolRequest) -> AnySecretCredential:
        """Return a replacement of a confirmed secret, which stays valid. `request.lifetime` has no effect.

        The replacement expires after an hour unless its first code is accepted.

        Raises:
            NotEnrolled: there is no credential to replace.
            AlreadyEnrolled: the credential is pending, or has an unexpired replacement.
            InvalidSecret: the request contains the current secret.
            DuplicateSecret: another authenticator of the owner has the secret.
            InvalidValue: the request says that the replacement is confirmed, but only a code can confirm it.
            NoDerivation, LimitReached, StoreUnavailable: nothing was changed.
        """
        if request.confirmed:
            raise InvalidValue("a replacement is confirmed by its first code")
        credential_id, secret = request.credential_id, self._secret(request)

        def decide(
            states: Mapping[CredentialId, StoredState], authenticators: Authenticators, now: int
        ) -> tuple[AnySecretCredential, StoredState]:
            state = states.get(credential_id)
            if not isinstance(state, SecretCredential):
                raise NotEnrolled
            ends = [end for end in (now + REPLACEMENT_LIFETIME, state.expires_at) if end is not None]
            lifecycle = Lifecycle(created_at=now, expires_at=min(ends))
            replacement = build(request, secret, lifecycle, NO_FAILURES)
            authenticators.require_new_secret(replacement)
            former = authenticators.former_secrets(credential_id.factor)
            replacement = replacement.after((*state.remembered(now), *former))
            return replacement, state.with_replacement(replacement, now)

        replacement = self._commit(credential_id, decide)
        self._events.changed(Action.REPLACEMENT_ENROLLED, replacement.id)
        return replacement

    def _commit(self, credential_id: CredentialId, decide: _Decide) -> AnySecretCredential:
        counted = False

        def change(credentials: OwnerCredentials, now: int) -> OwnerChange[AnySecretCredential]:
            nonlocal counted
            # An unreadable authenticator of this factor may have the same secret.
            credentials.require_readable(credential_id.factor)
            states = credentials.states(now)
            answer, state = decide(states, Authenticators(states.values(), now, credentials.unreadable), now)
            if self._usage is not None and not counted:
                self._usage.count_enrolment(credential_id.owner)
                counted = True
            return OwnerChange(answer, {credential_id: state})

        self._events.require_room()
        return self._changes.apply_to_owner(credential_id.owner, change, exclusive=True)

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
        "name": request.name,
    }
    match request.parameters:
        case HotpParameters() as parameters:
            counter = request.initial_counter or 0
            return HotpCredential(**common, parameters=parameters, counter=counter, initial_counter=counter)
        case TotpParameters() as parameters:
            return TotpCredential(**common, parameters=parameters, drift=request.drift)
        case parameters:
            assert_never(parameters)


def _refusal(present: Credential, requested: AnySecretCredential) -> AlreadyEnrolled:
    """Return the error for a request to enrol a factor that is enrolled."""
    if isinstance(present, SecretCredential) and present.status is Status.CONFIRMED and present.has_codes_of(requested):
        return SameSecretEnrolled(present.id.authenticator)
    return AlreadyEnrolled()
