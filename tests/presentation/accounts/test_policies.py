"""The policy of a tenant applies to its accounts, and to nobody else."""

from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from infrastructure.tenants.tenants_file import TenantsFile
from tests.presentation.accounts.scoped_keys import TENANTS_FILE
from tests.presentation.accounts.scoped_keys import ScopedAccount as Account
from tests.presentation.api import Api, document

POLICY = """
[shop]
issuer = "Shop"
algorithm = "SHA256"
digits = 8
interval = 60
window = 2
look_ahead = 20
lock = {after = 3, first = 60, longest = 86400}
recovery_codes = 4
"""
FILE = POLICY + TENANTS_FILE
PARAMETERS = {
    "totp": {"algorithm": "SHA256", "digits": 8, "interval": 60, "window": 2},
    "hotp": {"algorithm": "SHA256", "digits": 8, "look_ahead": 20},
}
DEFAULTS = {
    "totp": {"algorithm": "SHA1", "digits": 6, "interval": 30, "window": 1},
    "hotp": {"algorithm": "SHA1", "digits": 6, "look_ahead": 10},
}


@pytest.fixture
def account() -> Account:
    return Account(tenants_file=FILE)


@pytest.mark.parametrize("factor", PARAMETERS)
def test_a_new_secret_has_the_parameters_and_the_issuer_of_the_tenant(account: Account, factor: str) -> None:
    enrolled = account.enrol(factor)

    assert enrolled.items() >= PARAMETERS[factor].items()
    assert parse_qs(urlsplit(enrolled["uri"]).query)["issuer"] == ["Shop"]


@pytest.mark.parametrize("factor", PARAMETERS)
def test_an_additional_authenticator_has_the_parameters_of_the_tenant(account: Account, factor: str) -> None:
    enrolled = account.enrol("authenticators", type=factor)

    assert enrolled.items() >= PARAMETERS[factor].items()


@pytest.mark.parametrize("factor", PARAMETERS)
def test_a_request_overrules_the_parameters_of_the_tenant(account: Account, factor: str) -> None:
    assert account.enrol(factor, **DEFAULTS[factor], issuer="Own").items() >= DEFAULTS[factor].items()


@pytest.mark.parametrize("factor", PARAMETERS)
def test_sessions_have_the_default_policy(factor: str) -> None:
    enrolled = Api(tenants_file=TenantsFile.parse(FILE)).enrol(factor)

    assert enrolled.items() >= DEFAULTS[factor].items()
    assert parse_qs(urlsplit(enrolled["uri"]).query)["issuer"] == ["Open-MFA"]


def test_a_new_set_of_recovery_codes_has_the_number_of_the_tenant(account: Account) -> None:
    assert len(account.enrol("recovery-codes")["codes"]) == 4


@pytest.mark.parametrize("path", ["totp/verify", "challenge", "totp/disable", "totp/resync"])
def test_the_schedule_of_the_tenant_locks_a_factor_whatever_the_code_was_for(account: Account, path: str) -> None:
    enrolled = account.enrol("totp")
    totp = pyotp.TOTP(enrolled["secret"], digits=8, digest="sha256", interval=60)
    assert account.verify("totp", totp.at(account.clock.now())).status_code == 200
    wrong = {"codes": ["00000000", "00000000"]} if path.endswith("resync") else {"code": "00000000"}

    answers = [account.post(path, wrong) for _ in range(4)]

    assert [each.status_code for each in answers] == [403, 403, 403, 429]
    assert [document(each).get("attempts_left") for each in answers] == [2, 1, 0, None]
    assert answers[3].headers["Retry-After"] == "60"


def test_the_wrong_code_that_locks_a_one_time_code_invalidates_it_and_a_new_code_ends_no_lock(account: Account) -> None:
    code = account.enrol("otp")["code"]
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(3):
        account.verify("otp", wrong)
    for doubled in range(1, 11):
        account.clock.time += 60 * 2**doubled // 2
        account.enrol("otp", lifetime=30)
        account.verify("otp", wrong)
    locked_until = account.clock.now() + 60 * 2**10

    for _ in range(3):
        account.enrol("otp", lifetime=30)
        account.clock.time = locked_until - 1
        assert account.verify("otp", code).status_code == 429


def test_a_removal_does_not_end_a_long_lock(account: Account) -> None:
    account.enrol("totp")
    for _ in range(3):
        account.verify("totp", "00000000")
    for doubled in range(1, 11):
        account.clock.time += 60 * 2**doubled // 2
        account.verify("totp", "00000000")
    locked_until = account.clock.now() + 60 * 2**10
    account.delete("totp")
    account.clock.time = locked_until - 1
    account.enrol("totp")

    assert account.verify("totp", "00000000").status_code == 429
