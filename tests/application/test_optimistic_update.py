"""The mechanism of every change: no answer without a commit against the judged state."""

import pytest

from application.errors import StoreUnavailable
from application.optimistic_update import ATTEMPTS, Change, OptimisticUpdate
from application.ports.events import Purpose
from domain.errors import NotEnrolled
from domain.failures import Failures
from domain.stored_state import StoredState
from domain.tombstone import Tombstone
from domain.verdict import Accepted, Locked, Reason, Rejected, Verdict
from tests.application.rig import HOTP, TOTP, Rig
from tests.domain.examples import STEP
from tests.domain.reference import hotp_value
from tests.support.fakes import NOON, FakeClock
from tests.support.memory_repository import MemoryRepository


def tombstone(count: int = 1, expires_at: int | None = None) -> Tombstone:
    return Tombstone(id=HOTP, failures=Failures(count), expires_at=expires_at)


def counting(state: StoredState | None, now: int) -> Change[str]:
    """Count one failure and answer with the number of failures."""
    count = 1 if state is None else state.failures.count + 1
    return Change(str(count), tombstone(count))


def test_the_answer_is_that_of_the_committed_decision() -> None:
    repository = MemoryRepository()

    answer = OptimisticUpdate(repository, FakeClock()).apply(HOTP, counting)

    assert (answer, repository.state(HOTP)) == ("1", tombstone(1))


def test_the_decision_gets_the_state_and_the_time() -> None:
    repository = MemoryRepository()
    repository.put(tombstone(3))
    seen: list[object] = []

    def decide(state: StoredState | None, now: int) -> Change[None]:
        seen.append((state, now))
        return Change(None, None)

    OptimisticUpdate(repository, FakeClock()).apply(HOTP, decide)

    assert seen == [(tombstone(3), NOON)]


def test_after_a_lost_race_the_decision_is_made_again_on_the_new_state() -> None:
    repository = MemoryRepository(lambda: repository.put(tombstone(10)), lambda: repository.put(tombstone(20)))

    assert OptimisticUpdate(repository, FakeClock()).apply(HOTP, counting) == "21"


def test_the_decision_after_a_lost_race_gets_the_current_time() -> None:
    clock = FakeClock()

    def rival() -> None:
        repository.put(tombstone())
        clock.advance(7)

    repository = MemoryRepository(rival)

    def decide(_content: StoredState | None, now: int) -> Change[int]:
        return Change(now, tombstone(9))

    answer = OptimisticUpdate(repository, clock).apply(HOTP, decide)

    assert answer == NOON + 7


def test_the_decision_after_a_race_lost_to_a_removal_gets_no_state() -> None:
    repository = MemoryRepository(lambda: repository.forget(HOTP.owner))
    repository.put(tombstone(10))

    assert OptimisticUpdate(repository, FakeClock()).apply(HOTP, counting) == "1"


def test_an_error_after_a_lost_race_is_raised() -> None:
    def decide(state: StoredState | None, now: int) -> Change[str]:
        if state is not None:
            raise NotEnrolled
        return Change("never committed", tombstone(5))

    repository = MemoryRepository(lambda: repository.put(tombstone()))

    with pytest.raises(NotEnrolled):
        OptimisticUpdate(repository, FakeClock()).apply(HOTP, decide)


def test_a_decision_that_changes_nothing_is_not_committed() -> None:
    repository = MemoryRepository()
    repository.put(tombstone())
    repository.down_before_commits = True

    def decide(state: StoredState | None, _now: int) -> Change[str]:
        return Change("as it is", state)

    assert OptimisticUpdate(repository, FakeClock()).apply(HOTP, decide) == "as it is"


@pytest.mark.parametrize(("expires_at", "found"), [(NOON + 1, "something"), (NOON, "nothing"), (NOON - 1, "nothing")])
def test_an_expired_state_counts_as_none(expires_at: int, found: str) -> None:
    repository = MemoryRepository()
    repository.put(tombstone(expires_at=expires_at))

    def decide(state: StoredState | None, _now: int) -> Change[str]:
        return Change("nothing" if state is None else "something", tombstone(2))

    answer = OptimisticUpdate(repository, FakeClock()).apply(HOTP, decide)

    assert answer == found


def test_an_expired_state_is_replaced() -> None:
    repository = MemoryRepository()
    repository.put(tombstone(4, expires_at=NOON))

    OptimisticUpdate(repository, FakeClock()).apply(HOTP, counting)

    assert repository.state(HOTP) == tombstone(1)


def test_an_expired_state_that_won_a_race_counts_as_none() -> None:
    repository = MemoryRepository(lambda: repository.put(tombstone(10, expires_at=NOON)))

    assert OptimisticUpdate(repository, FakeClock()).apply(HOTP, counting) == "1"


def test_the_last_attempt_may_still_be_committed() -> None:
    repository = MemoryRepository()
    repository.rivals = [lambda: repository.put(tombstone(10))] * (ATTEMPTS - 1)

    assert OptimisticUpdate(repository, FakeClock()).apply(HOTP, counting) == "11"


def test_a_change_fails_after_64_lost_races() -> None:
    repository = MemoryRepository()
    repository.rivals = [lambda: repository.put(tombstone(10))] * 64

    with pytest.raises(StoreUnavailable):
        OptimisticUpdate(repository, FakeClock()).apply(HOTP, counting)


def test_a_change_that_loses_all_races_stores_nothing() -> None:
    repository = MemoryRepository()
    repository.rivals = [lambda: repository.put(tombstone(10))] * 64

    with pytest.raises(StoreUnavailable):
        OptimisticUpdate(repository, FakeClock()).apply(HOTP, counting)

    assert repository.state(HOTP) == tombstone(10)


@pytest.mark.parametrize("flag", ["down_for_loads", "down_before_commits", "down_after_commits"])
def test_a_change_has_no_answer_if_the_store_fails(flag: str) -> None:
    repository = MemoryRepository()
    setattr(repository, flag, True)

    with pytest.raises(StoreUnavailable):
        OptimisticUpdate(repository, FakeClock()).apply(HOTP, counting)


# Through the use cases


def totp_rig() -> tuple[Rig, str]:
    """Return a rig, and the code that is valid now."""
    rig = Rig()
    code = hotp_value(rig.enrolled_totp(), STEP)
    rig.events.all.clear()
    return rig, code


def test_one_of_two_simultaneous_submissions_of_a_code_is_a_replay() -> None:
    rig, code = totp_rig()
    winners: list[Verdict] = []
    rig.repository.rivals = [lambda: winners.append(rig.submit(TOTP, code).verdict)]

    loser = rig.submit(TOTP, code)

    assert [*winners, loser.verdict] == [Accepted(), Rejected(Reason.REPLAYED, 5)]


def test_one_of_many_simultaneous_submissions_of_a_code_is_accepted() -> None:
    rig, code = totp_rig()
    verdicts: list[Verdict] = []

    def send() -> None:
        verdicts.append(rig.submit(TOTP, code).verdict)

    rig.repository.rivals = [send] * 15
    send()

    assert verdicts.count(Accepted()) == 1
    assert len(verdicts) == 16


def test_guesses_that_are_sent_at_once_are_counted_one_by_one() -> None:
    rig, _ = totp_rig()
    verdicts: list[Verdict] = []

    def send() -> None:
        verdicts.append(rig.submit(TOTP, "000000").verdict)

    rig.repository.rivals = [send] * 7
    send()

    assert verdicts == [
        *(Rejected(Reason.WRONG, left) for left in (4, 3, 2, 1, 0)),
        *[Locked(NOON + 30)] * 3,
    ]


def test_a_valid_code_that_loses_a_race_against_the_fifth_wrong_one_is_locked_out() -> None:
    rig, code = totp_rig()
    for _ in range(4):
        rig.submit(TOTP, "000000")
    rig.repository.rivals = [lambda: rig.submit(TOTP, "000000")]

    assert rig.submit(TOTP, code).verdict == Locked(NOON + 30)


def test_a_code_that_loses_a_race_against_the_removal_is_not_judged() -> None:
    rig, code = totp_rig()
    rig.repository.rivals = [lambda: rig.remove.execute(TOTP)]

    with pytest.raises(NotEnrolled):
        rig.submit(TOTP, code)


@pytest.mark.parametrize("flag", ["down_for_loads", "down_before_commits", "down_after_commits"])
def test_a_verdict_that_is_not_known_to_be_stored_is_not_announced(flag: str) -> None:
    rig, code = totp_rig()
    setattr(rig.repository, flag, True)

    with pytest.raises(StoreUnavailable):
        rig.submit(TOTP, code)

    assert rig.events.all == []


def test_a_code_whose_acceptance_was_not_stored_is_still_valid() -> None:
    rig, code = totp_rig()
    rig.repository.down_before_commits = True
    with pytest.raises(StoreUnavailable):
        rig.submit(TOTP, code)

    rig.repository.down_before_commits = False

    assert rig.submit(TOTP, code).verdict == Accepted()


def test_a_code_whose_acceptance_was_stored_without_a_response_is_spent() -> None:
    rig, code = totp_rig()
    rig.repository.down_after_commits = True
    with pytest.raises(StoreUnavailable):
        rig.submit(TOTP, code)

    rig.repository.down_after_commits = False

    assert rig.submit(TOTP, code).verdict == Rejected(Reason.REPLAYED, 5)


def test_a_lost_race_is_announced_once_as_it_ended() -> None:
    rig, code = totp_rig()
    rig.repository.rivals = [lambda: rig.submit(TOTP, code)]

    rig.submit(TOTP, code)

    assert rig.events.all == [
        (Purpose.VERIFY, TOTP, Accepted()),
        (Purpose.VERIFY, TOTP, Rejected(Reason.REPLAYED, 5)),
    ]
