"""The audit trail: one JSON line an event, and its count in the metrics."""

import time
from typing import Any, Final

from application.errors import AuditUnavailable
from application.ports.events import Action, Purpose
from application.timestamps import rfc3339
from domain.owner import CredentialId, Owner, OwnerKind
from domain.verdict import Accepted, Rejected, Verdict
from infrastructure.observability.lines import LINES, Lines
from infrastructure.observability.logs import json_line
from infrastructure.observability.metrics import Metrics, outcome_of

LOGGER: Final = "open_mfa.audit"


class AuditTrail:
    """Implements `Events`. Lines carry whose it is, factor, outcome and the call; a session is named by its digest.

    They go the way of all logs, to stderr, but not through `logging`: they know neither level nor filter, and there is
    one for every verdict, whose price `logging` would double.
    """

    def __init__(self, metrics: Metrics, lines: Lines = LINES) -> None:
        self._metrics = metrics
        self._lines = lines

    def require_room(self) -> None:
        """Raise `AuditUnavailable` while too many lines are waiting."""
        if self._lines.is_full:
            raise AuditUnavailable("the reader of the log does not take the lines of the audit trail")

    def changed(self, action: Action, credential_id: CredentialId) -> None:
        """The action's own name: `enrolled`, `issued`, `removed` and so on."""
        self._metrics.change(credential_id.factor.value, action.value)
        self._write("INFO", action.value, _subject(credential_id))

    def judged(self, purpose: Purpose, credential_id: CredentialId, verdict: Verdict) -> None:
        """`judged`, with what the code was sent for and the outcome."""
        self._metrics.verdict(credential_id.factor.value, purpose.value, verdict)
        fields = _subject(credential_id) | {"purpose": purpose.value}
        if isinstance(verdict, Accepted):
            fields["outcome"] = "accepted"
        else:
            fields["outcome"] = "refused"
            fields["reason"] = outcome_of(verdict)
        if isinstance(verdict, Rejected):
            fields["attempts_left"] = verdict.attempts_left
        self._write("INFO", "judged", fields)

    def locked(self, credential_id: CredentialId, until: int) -> None:
        """`locked`, with until when."""
        self._metrics.lock(credential_id.factor.value)
        self._write("WARNING", "locked", _subject(credential_id) | {"locked_until": rfc3339(until)})

    def forgotten(self, owner: Owner) -> None:
        """`forgotten`: everything of the owner is gone."""
        self._write("INFO", "forgotten", _whose(owner))

    def _write(self, level: str, event: str, fields: dict[str, Any]) -> None:
        self._lines.append(json_line(time.time(), level, LOGGER, event, fields))


def _subject(credential_id: CredentialId) -> dict[str, Any]:
    return {**_whose(credential_id.owner), "factor": credential_id.factor.value}


def _whose(owner: Owner) -> dict[str, Any]:
    if owner.kind is OwnerKind.ACCOUNT:
        return {"tenant": owner.tenant, "account": owner.account}
    return {owner.kind.value: owner.id}
