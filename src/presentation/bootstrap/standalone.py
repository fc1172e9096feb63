"""The start of a process that keeps its state in memory, and that may follow another one (ADR 38)."""

import logging

from application.gate import VerifyShared
from application.request_context import FIELDS
from application.timestamps import rfc3339
from domain.totp import TotpCredential

_log = logging.getLogger("open_mfa.server")


def spend_past_codes(shared: VerifyShared) -> None:
    """Enrol the gate's secret with all codes spent that a former process may have accepted, and log until when."""
    credential = shared.enrol()
    assert isinstance(credential, TotpCredential)  # noqa: S101 - the gate has no other kind
    first = (credential.last_step + 1) * credential.parameters.interval
    _log.warning(
        "the gate refuses all codes from before this start as spent",
        extra={FIELDS: {"first_code_at": rfc3339(first)}},
    )
