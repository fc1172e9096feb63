"""Importing: nothing is overwritten, no code is good in two systems, and every run can be repeated."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.errors import AuditUnavailable, StoreUnavailable
from application.import_decision import ImportOutcome
from application.imported_states import ImportRequest
from application.importing import ImportResult
from application.ports.events import Action
from application.ports.migration import ImportedAuthenticator, ImportedRecord, ImportedState, Refusal
from domain.credential import Credential, Lifecycle, Status
from domain.failures import Failures
from domain.hotp import HotpCredential
from domain.outcome import AcceptedOutcome
from domain.owner import CredentialId, Factor, Owner
from domain.parameters import HotpParameters, TotpParameters
from domain.recovery_codes import RecoveryCodes
from domain.secret import SharedSecret
from domain.secret_credential import SecretCredential
from domain.stored_state import StoredState
from domain.tombstone import Tombstone
from domain.totp import TotpCredential
from infrastructure.redis.stores.credentials import key_of
from tests.application.rig import HOTP, TOTP, Rig
from tests.domain.examples import ALICE, SECRET, STEP, hotp, one_time_code, recovery_codes, totp
from tests.domain.reference import hotp_value
from tests.domain.strategies import FAILURES, FORMER
from tests.support.fakes import NOON
from tests.support.stored_repository import StoredRepository

IMPORTED, PRESENT, REFUSED = ImportOutcome
KEY = SECRET.key
OTHER = b"another secret of 160"
SHOP = ImportRequest("shop")


def totp_record(
    secret: bytes = KEY, *, drift: int = 0, account: str | None = "alice", **changes: object
) -> ImportedRecord:
    record = ImportedAuthenticator("line 1", TotpParameters(), secret, account, drift=drift)
    return replace(record, **changes)  # type: ignore[arg-type] # the names of fields


def hotp_record(counter: int | None = 7, secret: bytes = KEY, account: str = "alice") -> ImportedRecord:
    return ImportedAuthenticator("line 2", HotpParameters(), secret, account, counter=counter)


def run(rig: Rig, *records: ImportedRecord, request: ImportRequest = SHOP) -> list[ImportResult]:
    return list(rig.importing.execute(request, records))


def outcomes(rig: Rig, *records: ImportedRecord, request: ImportRequest = SHOP) -> list[ImportOutcome]:
    return [result.outcome for result in run(rig, *records, request=request)]


def reason(rig: Rig, record: ImportedRecord, request: ImportRequest = SHOP) -> str:
    (result,) = run(rig, record, request=request)
    assert result.outcome is REFUSED
    return result.reason


def accepts(rig: Rig, credential_id: CredentialId, factor: int) -> bool:
    outcome = rig.submit(credential_id, hotp_value(KEY, factor, 6, "sha1"))
    return isinstance(outcome, AcceptedOutcome)


class TestAuthenticators:
    def test_an_imported_secret_is_confirmed(self) -> None:
        rig = Rig()

        assert run(rig, totp_record(), hotp_record()) == [
            ImportResult(IMPORTED, "line 1"),
            ImportResult(IMPORTED, "line 2"),
        ]
        for credential_id in (TOTP, HOTP):
            state = rig.repository.state(credential_id)
            assert isinstance(state, Credential)
            assert state.status is Status.CONFIRMED
            assert state.lifecycle == Lifecycle(created_at=NOON, expires_at=None, confirmed_at=NOON)

    @pytest.mark.parametrize("drift", [0, 5, -5])
    def test_no_totp_code_up_to_now_is_accepted(self, drift: int) -> None:
        rig = Rig()
        run(rig, totp_record(drift=drift))

        assert not any(accepts(rig, TOTP, STEP + drift + ahead) for ahead in (-1, 0))

    @pytest.mark.parametrize("drift", [0, 5, -5])
    def test_a_later_totp_code_is_accepted(self, drift: int) -> None:
        rig = Rig()
        run(rig, totp_record(drift=drift))
        rig.clock.advance(30 * (2 + max(0, -drift)))

        assert accepts(rig, TOTP, STEP + drift + 2 + max(0, -drift))

    def test_hotp_continues_at_its_counter(self) -> None:
        rig = Rig()
        run(rig, hotp_record(counter=7))

        assert not accepts(rig, HOTP, 6)
        assert accepts(rig, HOTP, 7)

    def test_hotp_without_a_counter_is_refused(self) -> None:
        assert "counter" in reason(Rig(), hotp_record(counter=None))

    def test_an_import_is_audited(self) -> None:
        rig = Rig()
        run(rig, totp_record(), hotp_record(), totp_record())

        assert rig.events.all == [(Action.ENROLLED, TOTP, "imported"), (Action.ENROLLED, HOTP, "imported")]

    def test_a_full_audit_trail_stops_the_import(self) -> None:
        rig = Rig()
        rig.events.full = True

        with pytest.raises(AuditUnavailable):
            run(rig, totp_record())
        assert rig.repository.committed == 0

    def test_another_credential_is_not_overwritten(self) -> None:
        rig = Rig()
        rig.enrolled_totp()
        before = rig.repository.state(TOTP)

        assert outcomes(rig, totp_record()) == [IMPORTED]
        assert rig.repository.state(TOTP) == before

    def test_a_pending_credential_with_the_same_secret_is_not_overwritten(self) -> None:
        rig = Rig()
        rig.repository.put(totp())

        assert "has this secret" in reason(rig, totp_record())
        assert rig.repository.state(TOTP) == totp()

    def test_the_same_secret_again_is_present_and_keeps_its_state(self) -> None:
        rig = Rig()
        run(rig, hotp_record(counter=7))
        assert accepts(rig, HOTP, 9)
        used = rig.repository.state(HOTP)

        assert outcomes(rig, hotp_record(counter=7)) == [PRESENT]
        assert rig.repository.state(HOTP) == used

    def test_the_same_secret_with_other_parameters_is_refused(self) -> None:
        rig = Rig()
        run(rig, totp_record())

        assert "has this secret" in reason(rig, totp_record(parameters=TotpParameters(digits=8)))

    def test_failures_of_a_removed_credential_still_count(self) -> None:
        rig = Rig()
        failures = Failures(5, NOON + 30)
        rig.repository.put(Tombstone(id=TOTP, failures=failures, expires_at=NOON + 3600))

        assert outcomes(rig, totp_record()) == [IMPORTED]
        state = rig.repository.state(TOTP)
        assert state is not None
        assert state.failures == failures

    def test_spent_codes_of_a_removed_credential_stay_spent(self) -> None:
        rig = Rig()
        run(rig, hotp_record(counter=7))
        assert accepts(rig, HOTP, 9)
        rig.remove.execute(HOTP)

        assert outcomes(rig, hotp_record(counter=7)) == [IMPORTED]
        assert not accepts(rig, HOTP, 9)
        assert accepts(rig, HOTP, 10)

    def test_refusals_of_the_reader_are_passed_on(self) -> None:
        assert run(Rig(), Refusal("line 9", "why")) == [ImportResult(REFUSED, "line 9", "why")]


def authenticators(rig: Rig) -> list[SecretCredential]:
    return [each for each in rig.describe_all.execute(ALICE) if isinstance(each, SecretCredential)]


class TestSeveralAuthenticators:
    def test_the_first_of_each_kind_has_the_id_of_its_factor(self) -> None:
        rig = Rig()
        run(rig, *(totp_record(bytes([number] * 20)) for number in range(3)), hotp_record(), hotp_record(secret=OTHER))

        ids = sorted(each.id.authenticator for each in authenticators(rig))
        assert [each.partition("-")[0] for each in ids] == ["hotp", "hotp", "totp", "totp", "totp"]
        assert {"hotp", "totp"} < set(ids)

    def test_a_token_is_named_after_its_serial_number(self) -> None:
        rig = Rig()
        run(rig, totp_record(serial="OATH0001"), totp_record(OTHER, serial="OATH0002", name="phone"))

        assert {each.name for each in authenticators(rig)} == {"OATH0001", "phone"}

    def test_a_name_that_nobody_can_read_is_left_out(self) -> None:
        rig = Rig()
        run(rig, totp_record(name="\u202e"))

        assert [each.name for each in authenticators(rig)] == [None]

    @pytest.mark.parametrize("stored", [False, True])
    def test_the_eleventh_is_refused(self, stored: bool) -> None:
        rig = Rig(stored=stored)
        records = [totp_record(bytes([number] * 20)) for number in range(11)]

        assert outcomes(rig, *records) == [IMPORTED] * 10 + [REFUSED]
        assert "at most 10 authenticators" in reason(rig, records[10])

    @pytest.mark.parametrize("stored", [False, True])
    def test_all_of_them_are_present_when_the_file_is_imported_again(self, stored: bool) -> None:
        rig = Rig(stored=stored)
        records = [totp_record(bytes([number] * 20)) for number in range(10)]
        run(rig, *records)
        before = authenticators(rig)

        assert outcomes(rig, *reversed(records)) == [PRESENT] * 10
        assert authenticators(rig) == before

    @given(st.lists(st.integers(0, 5), max_size=8))
    def test_two_imports_at_once_have_the_result_of_one(self, rivals: list[int]) -> None:
        rig = Rig()
        records = [totp_record(bytes([number] * 20)) for number in range(6)]
        rig.repository.rivals = [partial(run, rig, records[number]) for number in rivals]

        assert set(outcomes(rig, *records)) <= {IMPORTED, PRESENT}
        assert len({each.secret.key for each in authenticators(rig)}) == len(authenticators(rig)) == 6

    def test_a_state_whose_id_is_taken_gets_an_id_of_its_own(self) -> None:
        rig = Rig()
        run(rig, totp_record(OTHER))
        state = ImportedState("line 2", confirmed(totp(drift=3)))

        assert outcomes(rig, state) == [IMPORTED]
        assert outcomes(rig, state) == [PRESENT]
        assert sorted(each.secret.key for each in authenticators(rig)) == sorted([KEY, OTHER])

    def test_the_id_of_an_additional_authenticator_is_kept(self) -> None:
        rig = Rig()
        additional = replace(TOTP, suffix="7k2m9q4x8d")
        run(rig, ImportedState("line 2", replace(confirmed(totp()), id=additional)))

        assert [each.id for each in authenticators(rig)] == [additional]

    def test_spent_codes_of_a_removed_additional_authenticator_stay_spent(self) -> None:
        rig = Rig()
        run(rig, hotp_record(secret=OTHER), hotp_record(counter=7))
        (additional,) = (each.id for each in authenticators(rig) if each.id.suffix)
        assert accepts(rig, additional, 9)
        rig.remove.execute(additional)
        rig.remove.execute(HOTP)
        run(rig, hotp_record(counter=7))

        assert not accepts(rig, HOTP, 9)
        assert accepts(rig, HOTP, 10)


class TestStrength:
    @pytest.mark.parametrize("size", range(10, 16))
    def test_a_weak_secret_is_accepted_only_explicitly(self, size: int) -> None:
        rig = Rig()

        assert f"{size * 8} bits" in reason(rig, totp_record(bytes(range(size))))
        accepting = replace(SHOP, accept_weak=True)
        assert outcomes(rig, totp_record(bytes(range(size))), request=accepting) == [IMPORTED]
        assert rig.events.all == [(Action.ENROLLED, TOTP, "imported", "weak")]

    @pytest.mark.parametrize("size", [0, 1, 9, 129])
    def test_a_secret_of_less_than_80_or_more_than_1024_bits_is_refused(self, size: int) -> None:
        accepting = replace(SHOP, accept_weak=True)

        assert "bits" in reason(Rig(), totp_record(bytes(range(size))), accepting)

    def test_a_weak_secret_in_a_state_is_accepted_only_explicitly(self) -> None:
        weak = replace(totp().secret, key=KEY[:10], weak=True)
        record = ImportedState("line 2", replace(totp(), secret=weak))

        assert "80 bits" in reason(Rig(), record)
        assert outcomes(Rig(), record, request=replace(SHOP, accept_weak=True)) == [IMPORTED]


class TestAccounts:
    def test_without_a_map_the_account_of_the_record_counts(self) -> None:
        rig = Rig()
        run(rig, totp_record(account="bob", serial="T1"))

        assert rig.repository.state(CredentialId(Owner.of_account("shop", "bob"), Factor.TOTP)) is not None

    def test_a_map_gives_the_account_of_a_serial_number(self) -> None:
        rig = Rig()
        run(rig, totp_record(account="T1", serial="T1"), request=replace(SHOP, accounts={"T1": "alice"}))

        assert rig.repository.state(TOTP) is not None

    def test_a_map_gives_the_account_of_a_label_without_a_serial_number(self) -> None:
        rig = Rig()
        run(rig, totp_record(account="ann@example"), request=replace(SHOP, accounts={"ann@example": "alice"}))

        assert rig.repository.state(TOTP) is not None

    def test_a_record_that_the_map_lacks_is_refused(self) -> None:
        assert "map" in reason(Rig(), totp_record(), replace(SHOP, accounts={}))

    def test_a_record_without_an_account_is_refused(self) -> None:
        assert "neither account" in reason(Rig(), totp_record(account=None))

    def test_an_invalid_id_is_refused(self) -> None:
        assert "the id of the account" in reason(Rig(), totp_record(account="with a space"))


class TestDryRun:
    @pytest.mark.parametrize(
        "record", [totp_record(), hotp_record(), totp_record(OTHER), ImportedState("line 2", recovery_codes())]
    )
    def test_it_reports_the_outcome_and_changes_nothing(self, record: ImportedRecord) -> None:
        rig = Rig()
        run(rig, totp_record())
        before = rig.repository.committed
        dry = run(rig, record, request=replace(SHOP, dry_run=True))

        assert rig.repository.committed == before
        assert len(rig.events.all) == 1
        assert run(rig, record) == dry


def confirmed(state: StoredState) -> StoredState:
    lifecycle = Lifecycle(created_at=NOON - 9, expires_at=None, confirmed_at=NOON - 8, last_used_at=NOON - 7)
    return state if isinstance(state, Tombstone) else replace(state, lifecycle=lifecycle)


STATES: st.SearchStrategy[StoredState] = st.builds(
    lambda state, failures, former: (
        replace(state, failures=failures, former=former)
        if isinstance(state, SecretCredential)
        else replace(state, failures=failures)
    ),
    st.sampled_from(
        [totp(), totp(last_step=STEP + 9), hotp(7), confirmed(totp()), confirmed(hotp(7)), recovery_codes(3)]
    )
    | st.builds(Tombstone, id=st.sampled_from([TOTP, HOTP]), failures=st.just(Failures(1)), expires_at=st.none()),
    FAILURES,
    FORMER,
)


class TestStates:
    @given(STATES)
    def test_a_state_is_stored_with_past_time_steps_spent(self, state: StoredState) -> None:
        rig = Rig(stored=True)

        assert outcomes(rig, ImportedState("line 2", state)) == [IMPORTED]
        stored = rig.repository.state(state.id)
        if isinstance(state, TotpCredential):
            assert isinstance(stored, TotpCredential)
            assert stored.last_step == max(state.last_step, STEP + state.parameters.window)
            stored = replace(stored, last_step=state.last_step)
        assert stored == state

    @given(STATES)
    def test_the_same_state_again_is_present(self, state: StoredState) -> None:
        rig = Rig()
        run(rig, ImportedState("line 2", state))
        before, committed = rig.repository.state(state.id), rig.repository.committed

        assert outcomes(rig, ImportedState("line 2", state)) == [PRESENT]
        assert rig.repository.state(state.id) == before
        assert rig.repository.committed == committed

    def test_the_tenant_of_the_request_counts(self) -> None:
        rig = Rig()
        run(rig, ImportedState("line 2", confirmed(hotp(7))), request=ImportRequest("bank"))

        stored = rig.repository.state(CredentialId(Owner.of_account("bank", "alice"), Factor.HOTP))
        assert isinstance(stored, HotpCredential)
        assert stored.counter == 7

    def test_a_pending_state_that_was_confirmed_since_is_present(self) -> None:
        rig = Rig()
        run(rig, ImportedState("line 2", hotp()))
        assert accepts(rig, HOTP, 0)

        assert outcomes(rig, ImportedState("line 2", hotp())) == [PRESENT]

    def test_other_recovery_codes_are_not_overwritten(self) -> None:
        rig = Rig()
        rig.issue_recovery_codes.execute(ALICE)

        assert "other recovery codes" in reason(rig, ImportedState("line 2", recovery_codes()))

    def test_the_longer_lock_counts(self) -> None:
        rig = Rig()
        rig.repository.put(Tombstone(id=TOTP, failures=Failures(6, NOON + 60), expires_at=NOON + 3600))
        run(rig, ImportedState("line 2", confirmed(totp(failures=Failures(5, NOON + 30)))))

        state = rig.repository.state(TOTP)
        assert state is not None
        assert state.failures == Failures(6, NOON + 60)

    @pytest.mark.parametrize("stored", [totp(), Tombstone(id=TOTP, failures=Failures(2), expires_at=NOON + 60)])
    def test_a_tombstone_counts_although_its_id_is_taken(self, stored: StoredState) -> None:
        rig = Rig(stored=True)
        removed = replace(totp(last_step=STEP + 9), id=TOTP, secret=SharedSecret(OTHER)).removed(NOON)
        assert isinstance(removed, Tombstone)
        rig.repository.put(stored)
        record = ImportedState("line 2", replace(removed, failures=Failures(6, NOON + 60)))

        assert outcomes(rig, record, record) == [IMPORTED, PRESENT]
        run(rig, totp_record(OTHER))
        (imported,) = [
            state
            for state in rig.repository.load_all(ALICE).states(NOON).values()
            if isinstance(state, TotpCredential) and state.secret.key == OTHER
        ]
        assert imported.failures == Failures(6, NOON + 60)
        assert imported.last_step == STEP + 9

    def test_a_one_time_code_is_refused(self) -> None:
        assert "one-time code" in reason(Rig(), ImportedState("line 2", one_time_code()))

    def test_an_expired_state_is_not_imported(self) -> None:
        rig = Rig()
        expired = Tombstone(id=TOTP, failures=Failures(1), expires_at=NOON)

        assert outcomes(rig, ImportedState("line 2", expired)) == [PRESENT]
        assert rig.repository.committed == 0

    def test_an_account_with_an_unreadable_state_is_refused_and_the_next_one_is_imported(self) -> None:
        rig = Rig(stored=True)
        assert isinstance(rig.repository, StoredRepository)
        rig.repository._redis.set(key_of(TOTP), b"not a record")

        assert outcomes(rig, totp_record(), totp_record(account="bob")) == [REFUSED, IMPORTED]

    def test_recovery_codes_and_tombstones_are_audited(self) -> None:
        rig = Rig()
        codes = recovery_codes()
        run(rig, ImportedState("line 2", codes))

        assert rig.events.all == [(Action.IMPORTED, codes.id)]

    def test_a_spent_recovery_code_stays_spent(self) -> None:
        rig = Rig()
        run(rig, ImportedState("line 2", recovery_codes(spent=0b101)))
        stored = rig.repository.state(recovery_codes().id)

        assert isinstance(stored, RecoveryCodes)
        assert stored.spent == 0b101


ACCOUNTS = [f"user{number}" for number in range(6)]
FILE = [totp_record(account=account) for account in ACCOUNTS] + [hotp_record(account=account) for account in ACCOUNTS]


def all_states(rig: Rig) -> list[StoredState | None]:
    owners = [Owner.of_account("shop", account) for account in ACCOUNTS]
    return [
        rig.repository.state(CredentialId(owner, factor)) for owner in owners for factor in (Factor.TOTP, Factor.HOTP)
    ]


class TestInterruptions:
    @given(st.lists(st.tuples(st.integers(0, len(FILE)), st.booleans()), max_size=4))
    def test_an_interrupted_import_can_be_repeated(self, interruptions: list[tuple[int, bool]]) -> None:
        rig, undisturbed = Rig(), Rig()
        run(undisturbed, *FILE)
        for position, lost_answer in interruptions:

            def records(position: int = position, lost_answer: bool = lost_answer) -> Iterator[ImportedRecord]:
                for number, record in enumerate(FILE):
                    rig.repository.down_after_commits = number == position and lost_answer
                    rig.repository.down_before_commits = number == position and not lost_answer
                    yield record

            try:
                list(rig.importing.execute(SHOP, records()))
            except StoreUnavailable:
                rig.repository.down_after_commits = rig.repository.down_before_commits = False

        assert set(outcomes(rig, *FILE)) <= {IMPORTED, PRESENT}
        assert all_states(rig) == all_states(undisturbed)
        assert rig.repository.committed == len(FILE)

    @given(st.lists(st.integers(0, len(FILE) - 1), min_size=1, max_size=8))
    def test_two_imports_at_once_have_the_result_of_one(self, rivals: list[int]) -> None:
        rig, undisturbed = Rig(), Rig()
        run(undisturbed, *FILE)
        rig.repository.rivals = [partial(run, rig, FILE[number]) for number in rivals]

        assert set(outcomes(rig, *FILE)) <= {IMPORTED, PRESENT}
        assert all_states(rig) == all_states(undisturbed)
        assert rig.repository.committed == len(FILE)

    def test_a_failure_of_the_store_ends_the_import(self) -> None:
        rig = Rig()
        rig.repository.down_for_loads = True

        with pytest.raises(StoreUnavailable):
            run(rig, *FILE)
        assert rig.repository.committed == 0


@given(ahead=st.integers(-100, 100) | st.integers(0, 2**62))
def test_a_time_step_far_in_the_future_is_refused(ahead: int) -> None:
    rig = Rig()
    now = NOON // TotpParameters().interval
    state = replace(confirmed(totp()), last_step=now + ahead)

    (result,) = run(rig, ImportedState("line 2", state))

    # Resynchronization (20 steps), the window (10) and the code after it (1) can spend steps of the future.
    assert (result.outcome is REFUSED) == (ahead > 31)
