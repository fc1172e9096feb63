"""The use cases that only accounts have."""

from dataclasses import dataclass

from application.challenge import Challenge
from application.recovery import IssueRecoveryCodes
from application.removal import Unlock
from application.verification import Disable


@dataclass(frozen=True, slots=True)
class AccountUseCases:
    """The use cases that only accounts have."""

    challenge: Challenge
    disable: Disable
    issue_recovery_codes: IssueRecoveryCodes
    unlock: Unlock
