"""Recovery codes."""

from dataclasses import dataclass, replace

from application.enrolment import inherited, lifecycle
from application.optimistic_update import Change, OptimisticUpdate
from application.ports.events import Action, Events
from application.ports.secrets import Randomness
from domain.credential import StoredState
from domain.keyed_digest import keyed_digest
from domain.owner import CredentialId, Factor, Owner
from domain.recovery_codes import RECOVERY_CODES, RecoveryCode, RecoveryCodes


@dataclass(frozen=True, slots=True, repr=False)
class IssuedRecoveryCodes:
    """The codes in the clear, for this once, and their record."""

    codes: tuple[RecoveryCode, ...]
    record: RecoveryCodes


class IssueRecoveryCodes:
    """A new set of codes; it replaces the one before. Failures counted before go on counting."""

    def __init__(self, changes: OptimisticUpdate, randomness: Randomness, events: Events) -> None:
        self._changes = changes
        self._randomness = randomness
        self._events = events

    def execute(self, owner: Owner) -> IssuedRecoveryCodes:
        """Raises `StoreUnavailable`."""
        self._events.require_room()
        credential_id = CredentialId(owner, Factor.RECOVERY_CODES)
        codes = tuple(self._randomness.recovery_code() for _ in range(RECOVERY_CODES))
        secret = self._randomness.secret()
        digests = tuple(keyed_digest(secret, code.text) for code in codes)

        def decide(state: StoredState | None, now: int) -> Change[RecoveryCodes]:
            record = RecoveryCodes(
                id=credential_id,
                # There is nothing to confirm: whoever was shown them has them.
                lifecycle=replace(lifecycle(now, None), confirmed_at=now),
                failures=inherited(state),
                secret=secret,
                digests=digests,
            )
            return Change(record, record)

        record = self._changes.apply(credential_id, decide)
        self._events.changed(Action.ISSUED, credential_id)
        return IssuedRecoveryCodes(codes, record)
