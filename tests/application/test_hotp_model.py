"""HOTP against a reference that keeps every spent counter."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from application.enrolment import EnrolRequest
from domain.credential import Credential
from domain.errors import AlreadyEnrolled
from domain.hotp import HotpCredential
from domain.parameters import HashAlgorithm, HotpParameters
from tests.application.model import (
    ACCIDENTS,
    CAREFUL,
    LIFETIMES,
    Accident,
    Attempt,
    FactorModel,
    FewCodes,
    Found,
    few_codes,
)
from tests.application.rig import HOTP
from tests.domain.examples import ALICE
from tests.domain.reference import hotp_value

REQUESTS = st.builds(
    EnrolRequest,
    owner=st.just(ALICE),
    lifetime=LIFETIMES,
    parameters=st.builds(
        HotpParameters, st.sampled_from(HashAlgorithm), st.integers(6, 8), st.sampled_from([0, 1, 10, 50])
    ),
    initial_counter=st.sampled_from([0, 3, 2**31, 2**63 - 1]),
)


class HotpModel(FactorModel):
    place = HOTP

    def __init__(self) -> None:
        super().__init__()
        self.key = b""
        self.parameters = HotpParameters()
        self.initial = 0
        self.spent: set[int] = set()
        """Every counter that was accepted, or skipped by an accepted one."""
        self.accepted: list[int] = []
        self.former = ""
        """A code of the credential before."""

    # The reference

    def value(self, counter: int) -> str:
        return hotp_value(self.key, counter, self.parameters.digits, self.parameters.algorithm.value.lower())

    @property
    def next(self) -> int:
        return max(self.spent, default=self.initial - 1) + 1

    def spend(self, *counters: int) -> None:
        assert self.spent.isdisjoint(counters), "accepted a second time"
        self.accepted += counters
        self.spent |= set(range(self.next, max(counters) + 1))

    def recently(self) -> list[int]:
        return sorted(self.spent)[-1 - max(10, self.parameters.look_ahead) :]

    def attempt(self, digits: str) -> Attempt:
        def classify() -> Found:
            if self.accepted and self.value(self.next - 1) == digits:
                return "replayed", None
            good = [c for c in range(self.next, self.next + self.parameters.look_ahead + 1) if self.value(c) == digits]
            if good:
                return "accepted", lambda: self.spend(good[0])
            return ("replayed" if digits in map(self.value, self.recently()) else "wrong"), None

        return Attempt(lambda: self.rig.submit(HOTP, digits), classify, len(digits) == self.parameters.digits)

    def attempt_pair(self, first: str, second: str) -> Attempt:
        def classify() -> Found:
            pairs = [*self.recently(), *range(self.next, self.next + 1001)]
            hit = next((c for c in pairs if (self.value(c), self.value(c + 1)) == (first, second)), None)
            if hit is None:
                return "wrong", None
            return ("replayed", None) if hit in self.spent else ("accepted", lambda: self.spend(hit, hit + 1))

        shaped = len(first) == len(second) == self.parameters.digits
        return Attempt(lambda: self.rig.submit_pair(HOTP, first, second), classify, shaped)

    def check(self, credential: Credential) -> None:
        assert isinstance(credential, HotpCredential)
        assert credential.counter == self.next
        assert credential.initial_counter == self.initial

    # What is done

    def replenish(self) -> None:
        self.enrol(EnrolRequest(ALICE, None, self.parameters, self.next % 2**63))

    @initialize(request=REQUESTS)
    def enrol_first(self, request: EnrolRequest) -> None:
        self.enrol(request)

    @precondition(lambda self: not self.usable)
    @rule(request=REQUESTS)
    def enrol(self, request: EnrolRequest) -> None:
        assert isinstance(request.parameters, HotpParameters)
        if self.key:
            self.former = self.value(self.next)
        self.begin(request.lifetime)
        self.key = self.rig.enrol.execute(request).secret.key
        self.parameters, self.initial = request.parameters, request.initial_counter
        self.spent, self.accepted = set(), []

    @precondition(lambda self: self.usable)
    @rule(request=REQUESTS)
    def enrol_what_is_there(self, request: EnrolRequest) -> None:
        with pytest.raises(AlreadyEnrolled):
            self.rig.enrol.execute(request)

    @rule(
        off=st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3, 9, 10, 11, -1, -2, -3, -10, -11, -12, -50, -51, -52, 49, 50, 51]),
        accident=ACCIDENTS,
        careful=CAREFUL,
    )
    def submit_a_code_near_the_next(self, off: int, accident: Accident, careful: bool) -> None:
        self.prepare(careful)
        self.submit(self.attempt(self.value(max(0, self.next + off))), accident)

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

    @rule(
        ahead=st.sampled_from([0, 0, 1, 5, 11, 200, 999, 1000, 1001, -1, -2, -3, -11, -12, -13]),
        gap=st.sampled_from([1, 1, 1, 1, 1, 0, 2, -1]),
        accident=ACCIDENTS,
        careful=CAREFUL,
    )
    def resynchronize(self, ahead: int, gap: int, accident: Accident, careful: bool) -> None:
        self.prepare(careful)
        first = max(0, self.next + ahead)
        self.submit(self.attempt_pair(self.value(first), self.value(max(0, first + gap))), accident)

    @precondition(lambda self: self.usable and self.accepted)
    @rule(back=st.integers(1, 3))
    def resynchronize_with_accepted_codes(self, back: int) -> None:
        self.prepare(True)
        first = max(self.initial, self.next - back)
        self.submit(self.attempt_pair(self.value(first), self.value(first + 1)))

    @rule(longer=st.integers(1, 3), which=st.integers(0, 2))
    def submit_what_is_malformed(self, longer: int, which: int) -> None:
        code, malformed = self.value(self.next), "7" * (self.parameters.digits + longer)
        attempts = [self.attempt(malformed), self.attempt_pair(malformed, code), self.attempt_pair(code, malformed)]
        self.submit(attempts[which])


class HotpModelWithFewCodes(HotpModel):
    """Here codes collide all the time, which is one in a hundred thousand otherwise."""

    algorithm = FewCodes()

    def value(self, counter: int) -> str:
        return few_codes(counter, self.parameters.digits)


TestHotp = HotpModel.TestCase
TestHotp.settings = settings(max_examples=60, stateful_step_count=50)
TestHotpWithFewCodes = HotpModelWithFewCodes.TestCase
TestHotpWithFewCodes.settings = settings(max_examples=30, stateful_step_count=50)
