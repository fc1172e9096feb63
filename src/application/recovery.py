"""Issuing recovery codes."""

from dataclasses import dataclass, replace

from application.optimistic_update import Change, OptimisticUpdate
from application.ports.events import Action, Events
from application.ports.policies import Policies
from application.ports.secrets import Randomness
from application.usage import TenantUsage
from domain.credential import Lifecycle
from domain.keyed_digest import keyed_digest
from domain.owner import CredentialId, Factor, Owner
from domain.recovery_codes import RecoveryCode, RecoveryCodes
from domain.stored_state import StoredState, inherited_failures


@dataclass(frozen=True, slots=True, repr=False)
class IssuedRecoveryCodes:
    """The codes in clear text, available only now, and their credential."""

    codes: tuple[RecoveryCode, ...]
    credential: RecoveryCodes


class IssueRecoveryCodes:
    """Issue a new set of recovery codes. It replaces the former set; former failures still count.

    A set counts as an enrolment for the limit of the tenant (`usage`; None if enrolments are not limited).
    """

    def __init__(
        self,
        changes: OptimisticUpdate,
        randomness: Randomness,
        events: Events,
        policies: Policies,
        usage: TenantUsage | None = None,
    ) -> None:
        self._changes = changes
        self._randomness = randomness
        self._events = events
        self._policies = policies
        self._usage = usage

    def execute(self, owner: Owner) -> IssuedRecoveryCodes:
        """Return the new codes. Raise `LimitReached` or `StoreUnavailable`."""
        self._events.require_room()
        if self._usage is not None:
            self._usage.count_enrolment(owner)
        credential_id = CredentialId(owner, Factor.RECOVERY_CODES)
        codes = tuple(self._randomness.recovery_code() for _ in range(self._policies.of(owner).recovery_codes))
        secret = self._randomness.secret()
        digests = tuple(keyed_digest(secret, code.text) for code in codes)

        def decide(state: StoredState | None, now: int) -> Change[RecoveryCodes]:
            credential = RecoveryCodes(
                id=credential_id,
                # They need no confirmation: the response that contains them proves that the user has them.
                lifecycle=replace(Lifecycle.starting(now, None), confirmed_at=now),
                failures=inherited_failures(state),
                secret=secret,
                digests=digests,
            )
            return Change(credential, credential)

        credential = self._changes.apply(credential_id, decide)
        self._events.changed(Action.ISSUED, credential_id)
        return IssuedRecoveryCodes(codes, credential)
