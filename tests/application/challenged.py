"""An account that is challenged with codes."""

from domain.code import Code
from domain.owner import CredentialId, Factor
from domain.verdict import Reason, Rejected
from tests.application.account import Account, shown
from tests.application.rig import HOTP, RECOVERY_CODES, TOTP

REPLAYED = Rejected(Reason.REPLAYED, 5)
EVERYTHING = (TOTP, HOTP, RECOVERY_CODES)


def account_with_everything() -> tuple[Account, dict[CredentialId, Code]]:
    """Return an account, and a valid code for each factor."""
    account = Account()
    hotp, totp = account.has_both()
    recovery_code = account.has_recovery_codes()[0]
    account.events.all.clear()
    return account, {TOTP: shown(totp), HOTP: shown(hotp), RECOVERY_CODES: recovery_code}


def counted(account: Account) -> dict[Factor, int]:
    """Return how many wrong codes each factor has counted."""
    return {
        credential_id.factor: account.failures(credential_id)
        for credential_id in EVERYTHING
        if account.failures(credential_id)
    }
