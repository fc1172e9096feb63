"""The container: adapters and use cases, for the HTTP application and for the command line."""

import time
from functools import cached_property
from hashlib import scrypt
from typing import Final

from application.account_list import ListAccounts
from application.challenge import Challenge
from application.enrolment import Enrol
from application.export import Export
from application.gate import LogInAtGate, VerifyShared
from application.importing import ImportAuthenticators
from application.issuing import IssueCode
from application.optimistic_update import OptimisticUpdate
from application.ports.clock import Clock
from application.ports.secrets import Randomness
from application.provisioning import Provisioning
from application.reading import Describe, DescribeAll, ShowQrCode
from application.recovery import IssueRecoveryCodes
from application.removal import DropReplacement, Forget, Remove, Unlock
from application.renaming import Rename
from application.usage import TenantUsage
from application.verification import ConfirmReplacement, Disable, Resynchronize, VerdictCommitter, Verify
from domain.owner import Owner, OwnerKind
from infrastructure.crypto.derivation import HkdfDerivation
from infrastructure.crypto.hotp import PyotpHotp
from infrastructure.observability.audit import AuditTrail, WaitingAuditTrail
from infrastructure.observability.limit_refusals import CountedRefusals
from infrastructure.observability.lines import LINES, Lines
from infrastructure.observability.metrics import Metrics
from infrastructure.qr import SegnoQrRenderer
from infrastructure.settings import Settings
from infrastructure.store import Store
from infrastructure.system import SystemClock, SystemRandomness
from presentation.bootstrap.audit import Kind, chained_audit
from presentation.bootstrap.channels import OwnerChannels
from presentation.bootstrap.logs import selected_format
from presentation.bootstrap.stores import open_store
from presentation.http.accounts.use_cases import AccountUseCases
from presentation.http.factors.use_cases import FactorUseCases
from presentation.http.gate.use_cases import GateUseCases

GATE_ID: Final = 32
"""The length of the id of the gate's owner in hexadecimal digits: 128 bits."""


class Container:
    """The use cases of the service, with the adapters that the settings select.

    Args:
        settings: the settings.
        store: the store; by default, the one that the settings name.
        clock: a clock for tests; by default, the system's.
        randomness: randomness for tests; by default, the system's.
        lines: the queue of lines that the audit trail is written to.
        metrics: the counters of events; by default, counters of this process alone.
        kind: the kind of the process, for the audit trail.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store | None = None,
        clock: Clock | None = None,
        randomness: Randomness | None = None,
        lines: Lines = LINES,
        metrics: Metrics | None = None,
        kind: Kind = "serve",
    ) -> None:
        self._settings = settings
        self.tenants = settings.tenants
        self.clock = clock or SystemClock()
        self._randomness = randomness or SystemRandomness()
        self.store = store or open_store(settings, self.clock)
        self.metrics = metrics or Metrics()
        self._lines = lines
        lines.count_dropped = self.metrics.lines_dropped
        self.audit = chained_audit(settings, self.store, lines, kind)
        self._chain = None if self.audit is None else self.audit.chain
        self.events = AuditTrail(self.metrics, lines, selected_format(settings), self._chain)
        self._derivation = HkdfDerivation(settings.keys.derivation_secret)
        self.repository = self.store.credentials
        self.provisioning = Provisioning(self.tenants)
        self._changes = OptimisticUpdate(self.repository, self.clock)
        self._algorithm = PyotpHotp()
        self._refusals = CountedRefusals(self.metrics)
        self._usage = TenantUsage(self.tenants, self.store.rate_limits, self._refusals, time.monotonic)
        self._committer = VerdictCommitter(self._changes, self.events, self.tenants, self._usage)

    def close(self) -> None:
        """End the chain of the audit trail, and close the connections to the store."""
        if self.audit is not None:
            self.audit.stop()
        self.store.close()

    def check_ready(self) -> None:
        """Raise `StoreUnavailable` unless the store answers and the audit trail has room."""
        self.events.require_room()
        self.store.check_ready()

    @cached_property
    def factors(self) -> FactorUseCases:
        """The use cases for all owners."""
        changes, events, committer = self._changes, self.events, self._committer
        describe = Describe(self.repository, self.clock)
        return FactorUseCases(
            issue=IssueCode(
                changes,
                self._randomness,
                events,
                OwnerChannels(self._settings, self.clock),
                self.store.send_limit,
                self.tenants,
                self._refusals,
            ),
            enrol=Enrol(changes, self._randomness, self._derivation, events, self._usage),
            verify=Verify(committer, self._algorithm),
            resynchronize=Resynchronize(committer, self._algorithm),
            confirm_replacement=ConfirmReplacement(committer, self._algorithm),
            drop_replacement=DropReplacement(changes, events),
            describe=describe,
            describe_all=DescribeAll(self.repository, self.clock),
            show_qr=ShowQrCode(describe, self.clock, self.provisioning, SegnoQrRenderer()),
            remove=Remove(changes, self.repository, events),
            forget=Forget(self.repository, events),
        )

    @cached_property
    def accounts(self) -> AccountUseCases:
        """The use cases for accounts only."""
        return AccountUseCases(
            list_accounts=ListAccounts(self.store.accounts, self.clock),
            challenge=Challenge(self._changes, self._committer, self._algorithm),
            rename=Rename(self._changes, self.events),
            disable=Disable(self._committer, self._algorithm, self.events),
            issue_recovery_codes=IssueRecoveryCodes(
                self._changes, self._randomness, self.events, self.tenants, self._usage
            ),
            unlock=Unlock(self._changes, self.events),
        )

    @cached_property
    def importing(self) -> ImportAuthenticators:
        """The import, which waits for room in the audit trail instead of failing."""
        events = WaitingAuditTrail(self.metrics, self._lines, selected_format(self._settings), self._chain)
        return ImportAuthenticators(self._changes, self.repository, self._randomness, self.clock, events)

    @cached_property
    def exporting(self) -> Export:
        """The export of a tenant."""
        return Export(self.store.accounts, self.clock, self.events)

    @cached_property
    def gate(self) -> GateUseCases | None:
        """The use cases of the gate; None if there is no gate."""
        settings = self._settings
        if settings.gate.shared_secret is None:
            return None
        # The owner's id is a digest of the secret, so that a new secret starts with a new state. No other setting
        # affects it: instances with different values of that setting would each accept the same code. The digest is
        # slow to compute, because it appears in logs and people choose secrets that are not random.
        digest = scrypt(settings.gate.shared_secret.key, salt=b"open-mfa gate", n=2**14, r=8, p=1)
        owner = Owner(OwnerKind.GATE, digest.hex()[:GATE_ID])
        shared = VerifyShared(
            self.factors.verify,
            self.factors.enrol,
            owner,
            settings.gate.shared_secret,
            used_before=settings.standalone,
        )
        gate = f"{owner.id}:{settings.gate.tenant or ''}:"
        sessions = self.store.gate_sessions(gate, settings.gate.lifetime)
        # The gate is open to strangers, who must not use up the limits of the tenant. It has a limit for each address.
        unlimited = Challenge(
            self._changes, VerdictCommitter(self._changes, self.events, self.tenants), self._algorithm
        )
        log_in = LogInAtGate(shared, unlimited, settings.gate.tenant, sessions)
        return GateUseCases(sessions, log_in, shared)
