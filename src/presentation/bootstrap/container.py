"""Adapters meet use cases here, for whoever drives them: the HTTP application and the command line."""

import threading
from collections.abc import Mapping
from functools import cached_property
from hashlib import scrypt
from typing import Final

from application.challenge import Challenge
from application.enrolment import Enrol
from application.gate import LogInAtGate, VerifyShared
from application.issuing import IssueCode, Route
from application.optimistic_update import OptimisticUpdate
from application.ports.clock import Clock
from application.ports.delivery import Channel
from application.ports.secrets import Randomness
from application.provisioning import Provisioning
from application.reading import Describe, DescribeAll, ShowQrCode
from application.recovery import IssueRecoveryCodes
from application.removal import DropReplacement, Forget, Remove, Unlock
from application.verification import ConfirmReplacement, Disable, Resynchronize, VerdictCommitter, Verify
from domain.owner import Owner, OwnerKind
from infrastructure.crypto.derivation import HkdfDerivation
from infrastructure.crypto.hotp import PyotpHotp
from infrastructure.delivery.bulkhead import Bulkhead
from infrastructure.delivery.mail_address import check_recipient
from infrastructure.delivery.smtp import EmailDelivery
from infrastructure.delivery.webhook import Webhook, check_webhook_recipient
from infrastructure.observability.audit import AuditTrail
from infrastructure.observability.lines import LINES, Lines
from infrastructure.observability.metrics import Metrics
from infrastructure.qr import SegnoQrRenderer
from infrastructure.settings import Settings
from infrastructure.store import Store
from infrastructure.system import SystemClock, SystemRandomness
from presentation.bootstrap.stores import open_store
from presentation.http.accounts.resources import AccountUseCases
from presentation.http.factors.resources import FactorUseCases
from presentation.http.gate.resources import GateUseCases

GATE_ID: Final = 32
"""Hexadecimal digits: 128 bits name the gate's credential."""


class Core:
    """Everything behind HTTP and the command line, wired as the settings say.

    Args:
        settings: all that can be configured.
        store: the store; by default, the one that the settings name.
        clock: another clock than the system's; for tests.
        randomness: other randomness than the system's; for tests.
        lines: the lines that the audit trail is written to.
        metrics: the counters of events; for this process alone by default.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store | None = None,
        clock: Clock | None = None,
        randomness: Randomness | None = None,
        lines: Lines = LINES,
        metrics: Metrics | None = None,
    ) -> None:
        self._settings = settings
        self.clock = clock or SystemClock()
        self._randomness = randomness or SystemRandomness()
        self.store = store or open_store(settings, self.clock)
        self.metrics = metrics or Metrics()
        lines.count_dropped = self.metrics.lines_dropped
        self.events = AuditTrail(self.metrics, lines)
        self.derivation = HkdfDerivation(settings.derivation_secret)
        self.repository = self.store.credentials
        self.provisioning = Provisioning(settings.issuer)
        self._changes = OptimisticUpdate(self.repository, self.clock)
        self._algorithm = PyotpHotp()
        self._committer = VerdictCommitter(self._changes, self.events)

    def check_ready(self) -> None:
        """Raise `StoreUnavailable` unless the store answers and the audit trail has room."""
        self.events.require_room()
        self.store.check_ready()

    @cached_property
    def factors(self) -> FactorUseCases:
        """What every owner can do."""
        changes, events, committer = self._changes, self.events, self._committer
        describe = Describe(self.repository, self.clock)
        return FactorUseCases(
            issue=IssueCode(
                changes,
                self._randomness,
                events,
                _channels(self._settings, self.clock),
                self.store.send_limit,
            ),
            enrol=Enrol(changes, self._randomness, self.derivation, events),
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
        """What only accounts can do."""
        return AccountUseCases(
            challenge=Challenge(self.repository, self.clock, self._committer, self._algorithm),
            disable=Disable(self._committer, self._algorithm, self.events),
            issue_recovery_codes=IssueRecoveryCodes(self._changes, self._randomness, self.events),
            unlock=Unlock(self._changes, self.repository, self.events),
        )

    @cached_property
    def gate(self) -> GateUseCases | None:
        """What the gate does, None where there is none."""
        settings = self._settings
        if settings.gate_secret is None:
            return None
        # Under a digest of its secret, so that another secret begins anew. Of nothing else: with two places at once, as
        # while another setting is being changed, a code would be good in each. A slow one, for it stands in logs, and
        # people choose secrets that are not random.
        digest = scrypt(settings.gate_secret.key, salt=b"open-mfa gate", n=2**14, r=8, p=1)
        owner = Owner(OwnerKind.GATE, digest.hex()[:GATE_ID])
        shared = VerifyShared(self.factors.verify, self.factors.enrol, owner, settings.gate_secret)
        gate = f"{owner.id}:{settings.gate_tenant or ''}:"
        sessions = self.store.gate_sessions(gate, settings.gate_lifetime)
        log_in = LogInAtGate(shared, self.accounts.challenge, settings.gate_tenant, sessions)
        return GateUseCases(sessions, log_in, shared)


def _channels(settings: Settings, clock: Clock) -> Mapping[Channel, Route]:
    mail, hook = settings.mail, settings.webhook
    # Half of the threads stay free for log-ins.
    places = threading.BoundedSemaphore(max(1, settings.threads // 2))
    channels: dict[Channel, Route] = {}
    if mail is not None:
        delivery = EmailDelivery(mail.server, mail.sender, mail.text, settings.issuer)
        channels[Channel.EMAIL] = Route(Bulkhead(delivery, places, Channel.EMAIL.value), check_recipient)
    if hook is not None:
        webhook = Webhook(hook.url, hook.secret, clock)
        channels[Channel.WEBHOOK] = Route(Bulkhead(webhook, places, Channel.WEBHOOK.value), check_webhook_recipient)
    return channels
