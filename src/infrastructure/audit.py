"""The audit trail: one JSON line an event, and its count in the metrics."""

import logging

from application.ports import Action
from domain.owner import CredentialId, Owner
from domain.verdict import Accepted, Rejected, Verdict
from infrastructure.logs import AUDIT
from infrastructure.metrics import Metrics, outcome_of

_log = logging.getLogger(AUDIT)


class AuditTrail:
    """Implements `Events`. Lines carry owner, factor, outcome and the call; a session is named by its digest."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def changed(self, action: Action, credential_id: CredentialId) -> None:
        """`enrolled`, `issued` or `removed`."""
        self._metrics.change(credential_id.factor.value, action.value)
        _log.info(action.value, extra=_subject(credential_id) | {"event": action.value})

    def judged(self, action: Action, credential_id: CredentialId, verdict: Verdict) -> None:
        """`verified` or `resynchronized`, with the outcome."""
        self._metrics.verdict(credential_id.factor.value, action.value, verdict)
        extra: dict[str, object] = _subject(credential_id) | {
            "event": action.value,
            "outcome": "accepted" if isinstance(verdict, Accepted) else "refused",
        }
        if not isinstance(verdict, Accepted):
            extra["reason"] = outcome_of(verdict)
        if isinstance(verdict, Rejected):
            extra["attempts_left"] = verdict.attempts_left
        _log.info(action.value, extra=extra)

    def locked(self, credential_id: CredentialId, until: int) -> None:
        """`locked`, with the Unix time in seconds until which."""
        self._metrics.lock(credential_id.factor.value)
        _log.warning("locked", extra=_subject(credential_id) | {"event": "locked", "locked_until": until})

    def forgotten(self, owner: Owner) -> None:
        """`forgotten`: everything of the owner is gone."""
        _log.info("forgotten", extra={"event": "forgotten", "owner": str(owner)})


def _subject(credential_id: CredentialId) -> dict[str, object]:
    return {"owner": str(credential_id.owner), "factor": credential_id.factor.value}
