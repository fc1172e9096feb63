"""Every use case that changes or judges anything refuses before it does so if the audit trail has no room."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

import application
from application.account_list import ListAccounts
from application.enrolment import EnrolRequest
from application.errors import AuditUnavailable
from application.export import Export, ExportRequest
from application.gate import LogInAtGate, LogInRequest, VerifyShared
from application.imported_states import ImportRequest
from application.issuing import IssueCodeRequest
from application.ports.delivery import Channel
from application.ports.migration import ImportedAuthenticator
from application.ports.stores import AccountsPart
from application.reading import Describe, DescribeAll, ShowQrCode
from domain.code import Code
from domain.owner import CredentialId, Factor, Owner, OwnerKind
from domain.parameters import HotpParameters, TotpParameters
from domain.recovery_codes import RecoveryCode
from domain.secret import SharedSecret
from domain.stored_state import StoredState
from tests.application.account import Account
from tests.application.rig import HOTP, OTP, RECOVERY_CODES, TOTP
from tests.domain.examples import ALICE

READING = {Describe, DescribeAll, ListAccounts, ShowQrCode}
"""The use cases that need no room, because they change and judge nothing."""
CODES = st.text("0123456789", min_size=6, max_size=8).map(Code) | st.just(RecoveryCode("K7QM2X9D4HPW8RTC"))
SHARED = SharedSecret(b"the secret of the gate")
RECORD = ImportedAuthenticator("line 1", TotpParameters(), b"a secret of 160 bits", "alice")


class NoSessions:
    """Sessions of the gate, which no use case may reach."""

    def begin(self, user: str) -> str:
        raise AssertionError(user)

    def user_of(self, tokens: Sequence[str]) -> str | None:
        raise AssertionError(tokens)

    def end(self, tokens: Sequence[str]) -> None:
        raise AssertionError(tokens)


class NoAccounts:
    """Accounts, which no use case may read."""

    def accounts(self, tenant: str, cursor: str | None, limit: int) -> AccountsPart:
        raise AssertionError(tenant, cursor, limit)


class NoWriter:
    """A format, which no use case may write."""

    def write(self, states: Iterable[StoredState], stream: BinaryIO) -> int:
        raise AssertionError(states, stream)


class Guarded(Account):
    """An account with all factors whose audit trail is full, and whose store and limit fail at each use."""

    def __init__(self) -> None:
        super().__init__()
        self.has_both()
        self.gets_replacement(TOTP)
        self.has_recovery_codes()
        self.issued()
        self.shared = VerifyShared(self.verify, self.enrol, Owner(OwnerKind.GATE, "gate"), SHARED)
        self.log_in = LogInAtGate(self.shared, self.challenge, "shop", NoSessions())
        self.events.all.clear()
        self.events.full = True
        self.outbox.wait = 60
        self.repository.down_for_loads = self.repository.down_before_commits = True


USE_CASES: dict[str, Callable[[Guarded, Code, CredentialId], object]] = {
    "Enrol": lambda on, _, which: on.enrol.execute(
        EnrolRequest(ALICE, None, HotpParameters() if which == HOTP else TotpParameters())
    ),
    "Enrol.add": lambda on, _, which: on.enrol.add(
        EnrolRequest(ALICE, None, HotpParameters() if which == HOTP else TotpParameters())
    ),
    "Rename": lambda on, _, which: on.rename.execute(which, "Phone"),
    "Enrol.replace": lambda on, _, which: on.enrol.replace(
        EnrolRequest(ALICE, None, HotpParameters() if which == HOTP else TotpParameters())
    ),
    "IssueCode": lambda on, *_: on.issued(),
    "IssueCode by mail": lambda on, *_: on.issue.execute(
        IssueCodeRequest(ALICE, None, 6, 300, Channel.EMAIL, "alice@example.org")
    ),
    "IssueRecoveryCodes": lambda on, *_: on.has_recovery_codes(),
    "Verify": lambda on, code, which: on.sends(which, code),
    "Resynchronize": lambda on, code, which: on.submit_pair(which, code.text, code.text),
    "ConfirmReplacement": lambda on, code, which: on.swaps(which, code),
    "Disable": lambda on, code, which: on.disables(which, code),
    "Challenge": lambda on, code, _: on.challenged(code),
    "Remove": lambda on, _, which: on.remove.execute(which),
    "Forget": lambda on, *_: on.forget.execute(ALICE),
    "Unlock": lambda on, *_: on.unlock.execute(ALICE),
    "DropReplacement": lambda on, _, which: on.drop_replacement.execute(which),
    "VerifyShared": lambda on, code, _: on.shared.execute(code),
    "LogInAtGate": lambda on, code, _: on.log_in.execute(LogInRequest(code)),
    "ImportAuthenticators": lambda on, *_: list(on.importing.execute(ImportRequest("shop"), [RECORD])),
    "Export": lambda on, *_: Export(NoAccounts(), on.clock, on.events).execute(
        ExportRequest("shop", "none", NoWriter(), BytesIO(), lambda _: None)
    ),
    "LogInAtGate of an account": lambda on, code, _: on.log_in.execute(LogInRequest(code, "alice")),
}


def use_cases() -> set[type]:
    """Return all classes of the application that have a method `execute`."""
    modules = [
        importlib.import_module(f"application.{each.name}") for each in pkgutil.iter_modules(application.__path__)
    ]
    members = [member for module in modules for _, member in inspect.getmembers(module, inspect.isclass)]
    return {member for member in members if hasattr(member, "execute")}


def test_every_use_case_is_listed() -> None:
    listed = {name.partition(" ")[0].partition(".")[0] for name in USE_CASES}

    assert {each.__name__ for each in use_cases() - READING} == listed


@pytest.mark.parametrize("name", USE_CASES)
@given(code=CODES | st.just(RecoveryCode("K7QM2X9D4HPW8RTC")), which=st.sampled_from([OTP, HOTP, TOTP, RECOVERY_CODES]))
def test_without_room_a_use_case_refuses_before_it_reaches_the_store(
    name: str, code: Code, which: CredentialId
) -> None:
    guarded = Guarded()
    before = {factor: guarded.repository.state(CredentialId(ALICE, factor)) for factor in Factor}

    with pytest.raises(AuditUnavailable):
        USE_CASES[name](guarded, code, which)

    assert {factor: guarded.repository.state(CredentialId(ALICE, factor)) for factor in Factor} == before
    assert guarded.events.all == []
    assert guarded.outbox.messages == guarded.outbox.refused == []
