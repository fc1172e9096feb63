"""The whole diagnosis: notices of the settings, secrets, delivery, and the store."""

import time
from collections.abc import Callable

from infrastructure.settings import Settings
from presentation.cli.doctor.delivery import check_delivery
from presentation.cli.doctor.dynamodb import check_table
from presentation.cli.doctor.finding import Finding, Grade, subject_of
from presentation.cli.doctor.redis import check_store
from presentation.cli.doctor.secrets import check_secrets, secrets_in


def diagnose(settings: Settings, now: Callable[[], float] = time.time) -> list[Finding]:
    """Return all findings, good and bad.

    Args:
        settings: the settings.
        now: returns Unix time in seconds.
    """
    grave = Grade.WARNING if settings.development else Grade.MUST_CHANGE
    check = check_store if settings.dynamodb.table is None else check_table
    findings = [
        *check_secrets(secrets_in(settings), grave),
        *check_delivery(settings, grave),
        *check(settings, now, grave),
    ]
    subjects = {finding.subject for finding in findings}
    notices = [Finding(Grade.WARNING, notice) for notice in settings.notices if subject_of(notice) not in subjects]
    return notices + findings
