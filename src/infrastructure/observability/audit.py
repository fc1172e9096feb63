"""The audit trail: one line for each event, and a count of it in the metrics."""

import time
from typing import Any, Final

from application.errors import AuditUnavailable
from application.ports.events import Action, Purpose
from application.timestamps import rfc3339
from domain.authenticators import AUTHENTICATOR_FACTORS
from domain.owner import CredentialId, Owner, OwnerKind
from domain.verdict import Accepted, Rejected, Verdict
from infrastructure.observability.audit_chain.chain import AuditChain
from infrastructure.observability.formats import LineFormat, json_line
from infrastructure.observability.lines import LINES, Lines
from infrastructure.observability.metrics import Metrics, outcome_of

LOGGER: Final = "open_mfa.audit"
WAIT_FOR_ROOM: Final = 60.0
"""Seconds for which a command waits for a reader of the log that is slow or paused."""


class AuditTrail:
    """The port `Events`. A line names the owner, the factor, the outcome and the request; a session by its digest only.

    The lines go to stderr, as logs do, but not through `logging`: they have neither levels nor filters, and `logging`
    would double their cost.

    Args:
        metrics: the counters.
        lines: the queue of lines.
        line_format: the format of a line.
        chain: completes the lines, which are JSON then; None if they have no codes.
    """

    def __init__(
        self,
        metrics: Metrics,
        lines: Lines = LINES,
        line_format: LineFormat = json_line,
        chain: AuditChain | None = None,
    ) -> None:
        self._metrics = metrics
        self._lines = lines
        self._line_format = line_format if chain is None else json_line
        self._chain = chain
        self._append = lines.append if chain is None else chain.append

    def require_room(self) -> None:
        """Raise `AuditUnavailable` while too many lines are waiting, or if no chain can begin."""
        if self._lines.is_full:
            raise AuditUnavailable("the reader of the log accepts no lines, so the audit trail has no room")
        if self._chain is not None:
            try:
                self._chain.require()
            except Exception as error:
                raise AuditUnavailable("the chain of the audit trail cannot begin") from error

    def changed(self, action: Action, credential_id: CredentialId) -> None:
        """Write a line named after the action, such as `enrolled`, `issued` or `removed`."""
        self._metrics.change(credential_id.factor.value, action.value)
        self._write("INFO", action.value, _fields(credential_id))

    def enrolled(self, credential_id: CredentialId, *, imported: bool, weak: bool) -> None:
        """Write `enrolled`, with `imported` and `weak` only if they are true."""
        self._metrics.change(credential_id.factor.value, Action.ENROLLED.value)
        if weak:
            self._metrics.weak_secret(credential_id.factor.value)
        marks = {"imported": imported, "weak": weak}
        fields = _fields(credential_id) | {name: True for name, marked in marks.items() if marked}
        self._write("INFO", Action.ENROLLED.value, fields)

    def judged(self, purpose: Purpose, credential_id: CredentialId, verdict: Verdict) -> None:
        """Write `judged` with the purpose of the code and the outcome."""
        self._metrics.verdict(credential_id.factor.value, purpose.value, verdict)
        fields = _fields(credential_id) | {"purpose": purpose.value}
        if isinstance(verdict, Accepted):
            fields["outcome"] = "accepted"
        else:
            fields["outcome"] = "refused"
            fields["reason"] = outcome_of(verdict)
        if isinstance(verdict, Rejected):
            fields["attempts_left"] = verdict.attempts_left
        self._write("INFO", "judged", fields)

    def locked(self, credential_id: CredentialId, until: int) -> None:
        """Write `locked` with the end of the lock."""
        self._metrics.lock(credential_id.factor.value)
        self._write("WARNING", "locked", _fields(credential_id) | {"locked_until": rfc3339(until)})

    def forgotten(self, owner: Owner) -> None:
        """Write `forgotten`: all credentials of the owner were deleted."""
        self._write("INFO", "forgotten", _owner_fields(owner))

    def exported(self, tenant: str, file_format: str, count: int, *, complete: bool) -> None:
        """Write `exported` with the format and the number of states."""
        fields = {"tenant": tenant, "format": file_format, "count": count, "complete": complete}
        self._write("WARNING", "exported", fields)

    def _write(self, level: str, event: str, fields: dict[str, Any]) -> None:
        self._append(self._line_format(time.time(), level, LOGGER, event, fields))


class WaitingAuditTrail(AuditTrail):
    """The port `Events` for a command that makes many changes: it waits until its former lines are written."""

    def require_room(self) -> None:
        """Wait for room. Raise `AuditUnavailable` if nothing reads the lines for `WAIT_FOR_ROOM` seconds."""
        if self._lines.is_full:
            self._lines.flush(WAIT_FOR_ROOM)
        super().require_room()


def _fields(credential_id: CredentialId) -> dict[str, Any]:
    fields = {**_owner_fields(credential_id.owner), "factor": credential_id.factor.value}
    if credential_id.factor in AUTHENTICATOR_FACTORS:
        fields["authenticator"] = credential_id.authenticator
    return fields


def _owner_fields(owner: Owner) -> dict[str, Any]:
    if owner.kind is OwnerKind.ACCOUNT:
        return {"tenant": owner.tenant, "account": owner.account}
    return {owner.kind.value: owner.id}
