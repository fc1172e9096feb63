"""The use cases that the handlers of accounts need."""

from dataclasses import dataclass

from application.account_list import ListAccounts
from application.challenge import Challenge
from application.recovery import IssueRecoveryCodes
from application.removal import Unlock
from application.renaming import Rename
from application.verification import Disable


@dataclass(frozen=True, slots=True)
class AccountUseCases:
    """The use cases that only accounts have."""

    list_accounts: ListAccounts
    challenge: Challenge
    rename: Rename
    disable: Disable
    issue_recovery_codes: IssueRecoveryCodes
    unlock: Unlock
