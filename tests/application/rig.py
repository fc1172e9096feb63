"""The use cases as the service connects them, with fakes of time, randomness, store and audit trail."""

from typing import TYPE_CHECKING

from application.challenge import Challenge, ChallengeOutcome, ChallengeRequest
from application.enrolment import Enrol, EnrolRequest
from application.errors import AuditUnavailable, DeliveryFailed
from application.importing import ImportAuthenticators
from application.issuing import ConfiguredChannel, IssueCode, IssueCodeRequest, IssuedCode
from application.optimistic_update import OptimisticUpdate
from application.ports.delivery import Channel, Message
from application.ports.events import Action, Purpose
from application.ports.stores import RefusedSend, RequestCounters
from application.reading import Describe, DescribeAll
from application.recovery import IssueRecoveryCodes
from application.removal import DropReplacement, Forget, Remove, Unlock
from application.renaming import Rename
from application.usage import TenantUsage
from application.verification import (
    ConfirmReplacement,
    Disable,
    Resynchronize,
    ResynchronizeRequest,
    VerdictCommitter,
    Verify,
    VerifyRequest,
)
from domain.algorithms import HotpAlgorithm
from domain.code import Code
from domain.owner import CredentialId, Factor, Owner
from domain.parameters import HotpParameters, TotpParameters
from domain.policy import Policy
from domain.stored_state import Outcome
from domain.usage import LimitName
from domain.verdict import Verdict
from infrastructure.crypto.derivation import HkdfDerivation
from infrastructure.crypto.hotp import PyotpHotp
from infrastructure.records.codec import RecordCodec
from tests.domain.examples import ALICE, KEYS
from tests.support.fakes import FakeClock, FakeRandomness
from tests.support.memory_repository import MemoryRepository
from tests.support.redis_clients import embedded_redis
from tests.support.stored_repository import StoredRepository

if TYPE_CHECKING:
    from collections.abc import Callable

OTP, HOTP, TOTP, RECOVERY_CODES = (CredentialId(ALICE, factor) for factor in Factor)
SECOND_HOTP = CredentialId(ALICE, Factor.HOTP, "0000000002")
SECOND_TOTP = CredentialId(ALICE, Factor.TOTP, "0000000002")


class RecordedEvents:
    """An audit trail that tests can read."""

    def __init__(self) -> None:
        self.all: list[tuple[object, ...]] = []
        self.full = False

    def require_room(self) -> None:
        if self.full:
            raise AuditUnavailable

    def changed(self, action: Action, credential_id: CredentialId) -> None:
        self.all.append((action, credential_id))

    def enrolled(self, credential_id: CredentialId, *, imported: bool, weak: bool) -> None:
        marks = [mark for mark, marked in (("imported", imported), ("weak", weak)) if marked]
        self.all.append((Action.ENROLLED, credential_id, *marks))

    def judged(self, purpose: Purpose, credential_id: CredentialId, verdict: Verdict) -> None:
        self.all.append((purpose, credential_id, verdict))

    def locked(self, credential_id: CredentialId, until: int) -> None:
        self.all.append(("locked", credential_id, until))

    def forgotten(self, owner: Owner) -> None:
        self.all.append(("forgotten", owner))

    def exported(self, tenant: str, file_format: str, count: int, *, complete: bool) -> None:
        self.all.append(("exported", tenant, file_format, count, complete))


class Outbox:
    """A channel that keeps its messages, and a limit that can be reached."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.refused: list[Message] = []
        self.failing = False
        self.wait = 0
        self.limit: LimitName | None = None
        self.admitted: list[int | None] = []
        self.before_failure: Callable[[], object] = lambda: None

    def send(self, message: Message) -> None:
        (self.refused if self.failing else self.messages).append(message)
        self.before_failure()
        if self.failing:
            raise DeliveryFailed

    def admit(
        self, _owner: Owner, _channel: Channel, _to: str, _client: str, per_day: int | None = None
    ) -> RefusedSend | None:
        self.admitted.append(per_day)
        return RefusedSend(self.wait, self.limit) if self.wait else None

    def allows(self, to: str, recipients: tuple[str, ...]) -> bool:
        return to.endswith(recipients)

    def check(self, to: str) -> None:
        if "@" not in to:
            raise ValueError("must be an address")


class FixedPolicy:
    """One policy for all owners. Tests may replace it."""

    def __init__(self) -> None:
        self.policy = Policy(issuer="Open-MFA")

    def of(self, _owner: Owner) -> Policy:
        return self.policy


class RecordedRefusals:
    """The refusals by the limits of tenants, which tests can read."""

    def __init__(self) -> None:
        self.all: list[tuple[str, LimitName, int]] = []

    def refused(self, tenant: str, limit: LimitName, wait: int) -> None:
        self.all.append((tenant, limit, wait))


class Rig:
    """The use cases and fakes for tests. Alice owns all credentials.

    Args:
        algorithm: replaces HOTP.
        stored: whether the state is in the embedded store instead of memory.
        counters: counts the use of each tenant; None if nothing is counted.
    """

    def __init__(
        self,
        algorithm: HotpAlgorithm | None = None,
        *,
        stored: bool = False,
        counters: RequestCounters | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.derivation = HkdfDerivation("a master secret for the tests")
        self.repository = MemoryRepository()
        self.repository.now = self.clock.now
        if stored:
            self.repository = StoredRepository(embedded_redis(), RecordCodec(KEYS, self.derivation), self.clock)
        self.events = RecordedEvents()
        self.changes = OptimisticUpdate(self.repository, self.clock)
        randomness = FakeRandomness()
        algorithm = algorithm or PyotpHotp()
        self.policies = FixedPolicy()
        self.refusals = RecordedRefusals()
        self.monotonic = 0.0
        usage = (
            None if counters is None else TenantUsage(self.policies, counters, self.refusals, lambda: self.monotonic)
        )
        judge = VerdictCommitter(self.changes, self.events, self.policies, usage)
        self.outbox = Outbox()
        self.enrol = Enrol(self.changes, randomness, self.derivation, self.events, usage)
        channels = {Channel.EMAIL: ConfiguredChannel(self.outbox, self.outbox.check, self.outbox.allows)}
        self.issue = IssueCode(
            self.changes,
            randomness,
            self.events,
            lambda _, channel: channels.get(channel),
            self.outbox,
            self.policies,
            self.refusals,
        )
        self.confirm_replacement = ConfirmReplacement(judge, algorithm)
        self.drop_replacement = DropReplacement(self.changes, self.events)
        self.disable = Disable(judge, algorithm, self.events)
        self.challenge = Challenge(self.changes, judge, algorithm)
        self.issue_recovery_codes = IssueRecoveryCodes(self.changes, randomness, self.events, self.policies, usage)
        self.unlock = Unlock(self.changes, self.events)
        self.verify = Verify(judge, algorithm)
        self.resynchronize = Resynchronize(judge, algorithm)
        self.rename = Rename(self.changes, self.events)
        self.remove = Remove(self.changes, self.repository, self.events)
        self.forget = Forget(self.repository, self.events)
        self.importing = ImportAuthenticators(self.changes, self.repository, randomness, self.clock, self.events)
        self.describe = Describe(self.repository, self.clock)
        self.describe_all = DescribeAll(self.repository, self.clock)

    def enrolled_hotp(self, lifetime: int | None = None) -> bytes:
        """Enrol and return the key."""
        return self.enrol.execute(EnrolRequest(ALICE, lifetime, HotpParameters())).secret.key

    def enrolled_totp(self, lifetime: int | None = None) -> bytes:
        """Enrol and return the key."""
        return self.enrol.execute(EnrolRequest(ALICE, lifetime, TotpParameters())).secret.key

    def issued(self, lifetime: int | None = None, code_lifetime: int = 300) -> IssuedCode:
        return self.issue.execute(IssueCodeRequest(ALICE, lifetime, 6, code_lifetime))

    def challenged(
        self, code: Code, factor: Factor | None = None, authenticator: str | None = None
    ) -> ChallengeOutcome:
        return self.challenge.execute(ChallengeRequest(ALICE, code, factor, authenticator))

    def submit(self, credential_id: CredentialId, digits: str) -> Outcome:
        return self.verify.execute(VerifyRequest(credential_id, Code(digits)))

    def submit_pair(self, credential_id: CredentialId, first: str, second: str) -> Outcome:
        return self.resynchronize.execute(ResynchronizeRequest(credential_id, Code(first), Code(second)))
