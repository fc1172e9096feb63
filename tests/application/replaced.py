"""An account whose secret is replaced."""

import pytest

from domain.code import Code
from domain.owner import CredentialId
from domain.secret_credential import SecretCredential
from domain.verdict import Reason, Rejected
from tests.application.account import Account, shown
from tests.application.rig import HOTP, TOTP

REPLAYED = Rejected(Reason.REPLAYED, 5)
both = pytest.mark.parametrize("credential_id", [HOTP, TOTP], ids=str)


def account_with(credential_id: CredentialId) -> tuple[Account, Code]:
    """Return an account and a valid code."""
    account = Account()
    return account, shown(account.has_hotp() if credential_id == HOTP else account.has_totp())


def replacing(credential_id: CredentialId) -> tuple[Account, Code, Code]:
    """Return an account, a valid code of the current secret, and a valid one of its replacement."""
    account, present = account_with(credential_id)
    # A HOTP replacement starts with counter 0, so the authenticator is one counter ahead, within the look-ahead.
    fresh = shown(account.gets_replacement(credential_id))
    account.events.all.clear()
    return account, present, fresh


def stored(account: Account, credential_id: CredentialId) -> SecretCredential:
    state = account.repository.state(credential_id)
    assert isinstance(state, SecretCredential)
    return state
