"""The common part of the reference models of all factors: lifecycle, time, failures, and the failures of a store.

A model stores the expected state in the simplest form, predicts the answer to every request from it, and compares. It
computes codes by `tests.domain.reference` and shares no rule with the service.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

import pytest
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from application.enrolment import EnrolRequest
from application.errors import StoreUnavailable
from domain.algorithms import HotpAlgorithm
from domain.credential import Credential, Lifecycle
from domain.errors import AlreadyEnrolled, MalformedCode, NotEnrolled
from domain.failures import Failures
from domain.owner import CredentialId
from domain.stored_state import Outcome
from domain.tombstone import Tombstone
from domain.verdict import Accepted, Locked, Rejected
from infrastructure.crypto.hotp import PyotpHotp
from tests.application.rig import Rig
from tests.domain.examples import ALICE
from tests.domain.reference import hotp_value

LOCKS = {5: 30, 6: 60, 7: 120, 8: 240, 9: 480}
"""Seconds of a lock, by the number of consecutive wrong codes; 900 for all higher numbers."""
LIFETIMES = st.sampled_from([None, None, 3600, 200])
Answer = tuple[object, ...]
Found = tuple[str, Callable[[], None] | None]
"""The verdict of the reference without locks, and how to spend the code if it is "accepted"."""
NOT_ENROLLED: Answer = ("not enrolled",)
MALFORMED: Answer = ("malformed",)
UNAVAILABLE: Answer = ("unavailable",)
ACCEPTED: Answer = ("accepted",)


class Accident(Enum):
    """The events during the commit of a verdict."""

    NONE = auto()
    RIVAL = auto()
    """The same request is sent a second time and commits first."""
    STORE_DOWN = auto()
    ANSWER_LOST = auto()
    """The commit is stored, but its reply is lost."""


ACCIDENTS = st.sampled_from([Accident.NONE, Accident.NONE, *Accident])
CAREFUL = st.sampled_from([True, True, True, False])
"""Whether to wait for the end of a lock and to enrol a missing factor before sending. If not, few codes are judged."""


@dataclass(frozen=True)
class Attempt:
    """One request to judge.

    Attributes:
        run: sends it.
        classify: "accepted", "replayed", "expired" or "wrong"; changes nothing.
        shaped: whether its codes have the right number of digits.
    """

    run: Callable[[], Outcome]
    classify: Callable[[], Found]
    shaped: bool


class FactorModel(RuleBasedStateMachine):
    """Subclasses add the rules of their factor."""

    credential_id: CredentialId
    algorithm: HotpAlgorithm = PyotpHotp()

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(self.algorithm)
        self.enrolled = False
        self.life = Lifecycle(created_at=0, expires_at=0)
        self.ends_at: int | None = 0
        """Return the time at which the stored state expires, including failures."""
        self.count = 0
        self.locked_until = 0
        self.answers = 0
        self.locks = 0

    # The expected state

    @property
    def now(self) -> int:
        return self.rig.clock.time

    @property
    def over(self) -> bool:
        return self.ends_at is not None and self.now >= self.ends_at

    @property
    def usable(self) -> bool:
        """Return whether there is a credential; it may be locked."""
        return self.enrolled and not self.over

    def begin(self, lifetime: int | None) -> None:
        """Begin a new credential, which inherits the failures that still count."""
        if self.over:
            self.count = self.locked_until = 0
        self.enrolled = True
        self.ends_at = None if lifetime is None else self.now + lifetime
        self.life = Lifecycle(created_at=self.now, expires_at=self.ends_at)

    def predict(self, attempt: Attempt, *, lands: bool = True) -> tuple[Answer, bool]:
        """Return the expected answer and whether it must be committed, and change the expected state accordingly."""
        unjudged = self.predict_unjudged(attempt)
        if unjudged is not None:
            return unjudged, False
        found, spend = attempt.classify()
        if found == "accepted":
            assert spend is not None
            if lands:
                spend()
                self.count = self.locked_until = 0
                first = self.now if self.life.confirmed_at is None else self.life.confirmed_at
                self.life = replace(self.life, confirmed_at=first, last_used_at=self.now)
            return ACCEPTED, True
        if found != "wrong":
            return ("rejected", found, max(0, 5 - self.count)), False
        if lands:
            self.fail()
        return ("rejected", "wrong", max(0, 5 - self.count)), True

    def predict_unjudged(self, attempt: Attempt) -> Answer | None:
        """Return the expected answer if the code is not judged."""
        if self.over:
            return NOT_ENROLLED
        if self.enrolled and not attempt.shaped:
            return MALFORMED
        if self.now < self.locked_until:
            return ("locked", self.locked_until)
        return None if self.enrolled else NOT_ENROLLED

    def fail(self) -> None:
        self.count += 1
        if self.count >= 5:
            self.locked_until = self.now + LOCKS.get(self.count, 900)

    # The steps

    def prepare(self, careful: bool) -> None:
        if careful and not self.usable:
            self.replenish()
        if careful and self.now < self.locked_until:
            self.rig.clock.time = self.locked_until

    def replenish(self) -> None:
        """Enrol or issue again."""
        raise NotImplementedError

    def submit(self, attempt: Attempt, accident: Accident = Accident.NONE) -> None:
        """Send an attempt, with an accident during the commit of its verdict, and compare the answers."""
        repository = self.rig.repository
        before = repository.state(self.credential_id)
        snapshot = copy.deepcopy(before)
        rival_answers: list[Answer] = []
        if accident is Accident.RIVAL:
            repository.rivals = [lambda: rival_answers.append(answer_of(attempt.run))]
        repository.down_before_commits = accident is Accident.STORE_DOWN
        repository.down_after_commits = accident is Accident.ANSWER_LOST

        answer = answer_of(attempt.run)

        repository.rivals = []
        repository.down_before_commits = repository.down_after_commits = False
        note(f"{answer} {rival_answers}")
        assert before == snapshot, "the judged state was changed"
        for rival_answer in rival_answers:
            expected, _ = self.predict(attempt)
            self.compare(rival_answer, expected)
        expected, committed = self.predict(attempt, lands=accident is not Accident.STORE_DOWN)
        unheard = committed and accident in {Accident.STORE_DOWN, Accident.ANSWER_LOST}
        self.compare(answer, UNAVAILABLE if unheard else expected)
        assert [*rival_answers, answer].count(ACCEPTED) <= 1

    def compare(self, answer: Answer, expected: Answer) -> None:
        assert answer == expected
        if answer not in {NOT_ENROLLED, MALFORMED, UNAVAILABLE}:
            self.answers += 1
            self.locks += answer == ("rejected", "wrong", 0)

    @rule(seconds=st.sampled_from([1, 2, 15, 29, 30, 31, 60, 90, 300, 3600]))
    def time_passes(self, seconds: int) -> None:
        self.rig.clock.advance(seconds)

    @rule(seconds=st.integers(1, 40))
    def the_clock_is_set_back(self, seconds: int) -> None:
        self.rig.clock.advance(-seconds)

    @precondition(lambda self: not self.over and self.now < self.locked_until)
    @rule(off=st.sampled_from([-1, 0, 1]))
    def the_lock_is_waited_for(self, off: int) -> None:
        self.rig.clock.time = self.locked_until + off

    @precondition(lambda self: self.usable)
    @rule()
    def remove(self) -> None:
        self.rig.remove.execute(self.credential_id)
        self.enrolled = False
        self.ends_at = max(self.now, self.locked_until) + 3600 if self.count else 0

    @precondition(lambda self: not self.usable)
    @rule()
    def remove_what_is_not_there(self) -> None:
        with pytest.raises(NotEnrolled):
            self.rig.remove.execute(self.credential_id)

    # The invariants

    @invariant()
    def the_state_is_what_it_should_be(self) -> None:
        state = self.rig.repository.state(self.credential_id)
        if self.over:
            return
        assert state is not None
        assert state.failures == Failures(self.count, self.locked_until)
        assert isinstance(state, Credential if self.enrolled else Tombstone)
        if isinstance(state, Credential):
            assert state.lifecycle == self.life
            self.check(state)

    def check(self, credential: Credential) -> None:
        """Check further properties of the stored credential."""

    @invariant()
    def every_answer_was_announced_and_nothing_else(self) -> None:
        events = self.rig.events.all
        assert sum(1 for event in events if isinstance(event[-1], Accepted | Rejected | Locked)) == self.answers
        assert sum(1 for event in events if event[0] == "locked") == self.locks


class SecretModel(FactorModel):
    """The common part of HOTP and TOTP: codes that follow from a secret and a moving factor."""

    parameters: Any

    def __init__(self) -> None:
        super().__init__()
        self.key = b""
        self.accepted: list[int] = []
        self.former = ""
        """A code of the former credential."""

    @property
    def shown(self) -> int:
        """Return the moving factor of the code that an authenticator displays."""
        raise NotImplementedError

    def value(self, factor: int) -> str:
        if isinstance(self.algorithm, FewCodes):
            return few_codes(factor, self.parameters.digits)
        return hotp_value(self.key, factor, self.parameters.digits, self.parameters.algorithm.value.lower())

    def attempt(self, digits: str) -> Attempt:
        """Submit one code."""
        return Attempt(
            lambda: self.rig.submit(self.credential_id, digits),
            lambda: self.classify(digits),
            len(digits) == self.parameters.digits,
        )

    def attempt_pair(self, first: str, second: str) -> Attempt:
        """Submit two consecutive codes."""
        return Attempt(
            lambda: self.rig.submit_pair(self.credential_id, first, second),
            lambda: self.classify_pair(first, second),
            len(first) == len(second) == self.parameters.digits,
        )

    def classify(self, digits: str) -> Found:
        raise NotImplementedError

    def classify_pair(self, first: str, second: str) -> Found:
        raise NotImplementedError

    def enrolled_with(self, request: EnrolRequest) -> None:
        if self.key:
            self.former = self.value(self.shown)
        self.begin(request.lifetime)
        self.key = self.rig.enrol.execute(request).secret.key
        self.parameters, self.accepted = request.parameters, []

    @precondition(lambda self: self.usable)
    @rule()
    def enrol_what_is_there(self) -> None:
        with pytest.raises(AlreadyEnrolled):
            self.rig.enrol.execute(EnrolRequest(ALICE, None, self.parameters))

    @precondition(lambda self: self.usable and self.accepted)
    @rule(which=st.integers(1, 10), accident=ACCIDENTS)
    def submit_an_accepted_code_again(self, which: int, accident: Accident) -> None:
        self.prepare(True)
        self.submit(self.attempt(self.value(self.accepted[-which % len(self.accepted)])), accident)

    @precondition(lambda self: self.former)
    @rule(careful=CAREFUL)
    def submit_a_code_of_a_removed_credential(self, careful: bool) -> None:
        self.prepare(careful)
        self.submit(self.attempt(self.former))

    @rule(number=st.integers(0, 10**6 - 1), times=st.integers(1, 5), accident=ACCIDENTS, careful=CAREFUL)
    def guess(self, number: int, times: int, accident: Accident, careful: bool) -> None:
        for n in range(times):
            self.prepare(careful)
            self.submit(self.attempt(f"{(number + n) % 10**6:0{self.parameters.digits}d}"), accident)

    @rule(longer=st.integers(1, 3), which=st.integers(0, 2))
    def submit_what_is_malformed(self, longer: int, which: int) -> None:
        code, malformed = self.value(self.shown), "7" * (self.parameters.digits + longer)
        attempts = [self.attempt(malformed), self.attempt_pair(malformed, code), self.attempt_pair(code, malformed)]
        self.submit(attempts[which])


def answer_of(run: Callable[[], Outcome]) -> Answer:
    """Return the outcome of a request as a tuple of plain values."""
    try:
        outcome = run()
    except NotEnrolled:
        return NOT_ENROLLED
    except MalformedCode:
        return MALFORMED
    except StoreUnavailable:
        return UNAVAILABLE
    match outcome.verdict:
        case Accepted():
            return ACCEPTED
        case Rejected(reason, attempts_left):
            return ("rejected", reason.value, attempts_left)
        case Locked(until):
            return ("locked", until)


class FewCodes:
    """An algorithm with so few codes that different moving factors often have the same one."""

    def codes(self, secret: object, algorithm: object, digits: int, moving_factors: Sequence[int]) -> list[str]:
        return [few_codes(factor, digits) for factor in moving_factors]


def few_codes(factor: int, digits: int) -> str:
    return f"{(factor * factor + 7 * factor) % 23:0{digits}d}"
