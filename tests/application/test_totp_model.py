"""TOTP against a reference that keeps every accepted time step."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from application.enrolment import EnrolRequest
from domain.credential import Credential
from domain.errors import AlreadyEnrolled
from domain.parameters import HashAlgorithm, TotpParameters
from domain.totp import NO_STEP, TotpCredential
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
from tests.application.rig import TOTP
from tests.domain.examples import ALICE
from tests.domain.reference import hotp_value

REQUESTS = st.builds(
    EnrolRequest,
    owner=st.just(ALICE),
    lifetime=LIFETIMES,
    parameters=st.builds(
        TotpParameters,
        st.sampled_from(HashAlgorithm),
        st.integers(6, 8),
        st.sampled_from([15, 30, 300]),
        st.sampled_from([0, 1, 1, 10]),
    ),
)


class TotpModel(FactorModel):
    place = TOTP

    def __init__(self) -> None:
        super().__init__()
        self.key = b""
        self.parameters = TotpParameters()
        self.drift = 0
        self.accepted: list[int] = []
        self.former = ""
        """A code of the credential before."""

    # The reference

    def value(self, step: int) -> str:
        return hotp_value(self.key, step, self.parameters.digits, self.parameters.algorithm.value.lower())

    @property
    def current(self) -> int:
        return self.now // self.parameters.interval

    def spent(self, step: int) -> bool:
        return any(step <= accepted for accepted in self.accepted)

    def accept(self, *steps: int) -> None:
        assert not any(self.spent(step) for step in steps), "accepted a second time"
        self.accepted += steps

    def attempt(self, digits: str) -> Attempt:
        def classify() -> Found:
            center, window = self.current + self.drift, self.parameters.window
            hits = [step for step in range(center - window, center + window + 1) if self.value(step) == digits]
            if any(self.spent(step) for step in hits):
                return "replayed", None
            if hits:
                return "accepted", lambda: self.accept(hits[0])
            last = max(self.accepted, default=None)
            recently = [] if last is None else [self.value(last - back) for back in range(1 + max(1, 2 * window))]
            return ("replayed" if digits in recently else "wrong"), None

        return Attempt(lambda: self.rig.submit(TOTP, digits), classify, len(digits) == self.parameters.digits)

    def attempt_pair(self, first: str, second: str) -> Attempt:
        def classify() -> Found:
            steps = range(self.current - 20, self.current + 21)
            hit = next((step for step in steps if (self.value(step - 1), self.value(step)) == (first, second)), None)
            if hit is None:
                return "wrong", None
            return ("replayed", None) if self.spent(hit - 1) else ("accepted", lambda: self.resynchronized(hit))

        shaped = len(first) == len(second) == self.parameters.digits
        return Attempt(lambda: self.rig.submit_pair(TOTP, first, second), classify, shaped)

    def resynchronized(self, step: int) -> None:
        self.accept(step - 1, step)
        self.drift = step - self.current

    def check(self, credential: Credential) -> None:
        assert isinstance(credential, TotpCredential)
        assert credential.last_step == max(self.accepted, default=NO_STEP)
        assert credential.drift == self.drift

    # What is done

    def replenish(self) -> None:
        self.enrol(EnrolRequest(ALICE, None, self.parameters))

    @initialize(request=REQUESTS)
    def enrol_first(self, request: EnrolRequest) -> None:
        self.enrol(request)

    @precondition(lambda self: not self.usable)
    @rule(request=REQUESTS)
    def enrol(self, request: EnrolRequest) -> None:
        assert isinstance(request.parameters, TotpParameters)
        if self.key:
            self.former = self.value(self.current)
        self.begin(request.lifetime)
        self.key = self.rig.enrol.execute(request).secret.key
        self.parameters, self.drift, self.accepted = request.parameters, 0, []

    @precondition(lambda self: self.usable)
    @rule(request=REQUESTS)
    def enrol_what_is_there(self, request: EnrolRequest) -> None:
        with pytest.raises(AlreadyEnrolled):
            self.rig.enrol.execute(request)

    @rule(
        off=st.sampled_from([0, 0, 0, 1, 1, -1, -1, 2, -2, 9, 10, 11, -9, -10, -11]),
        accident=ACCIDENTS,
        careful=CAREFUL,
    )
    def submit_a_code_near_the_current(self, off: int, accident: Accident, careful: bool) -> None:
        self.prepare(careful)
        self.submit(self.attempt(self.value(self.current + self.drift + off)), accident)

    @precondition(lambda self: self.usable and self.accepted)
    @rule(which=st.integers(1, 10), accident=ACCIDENTS)
    def submit_an_accepted_code_again(self, which: int, accident: Accident) -> None:
        self.prepare(True)
        self.submit(self.attempt(self.value(self.accepted[-which % len(self.accepted)])), accident)

    @precondition(lambda self: self.usable and self.accepted)
    @rule(back=st.sampled_from([0, 1, 2, 3, 19, 20, 21]))
    def submit_a_code_before_the_last_accepted(self, back: int) -> None:
        self.prepare(True)
        self.submit(self.attempt(self.value(max(self.accepted) - back)))

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
        off=st.sampled_from([0, 1, -1, 5, -5, 19, 20, 21, -19, -20, -21]),
        gap=st.sampled_from([1, 1, 1, 1, 1, 0, 2, -1]),
        accident=ACCIDENTS,
        careful=CAREFUL,
    )
    def resynchronize(self, off: int, gap: int, accident: Accident, careful: bool) -> None:
        self.prepare(careful)
        second = self.current + off
        self.submit(self.attempt_pair(self.value(second - gap), self.value(second)), accident)

    @precondition(lambda self: self.usable and self.accepted)
    @rule(off=st.integers(-2, 2))
    def resynchronize_near_the_last_accepted(self, off: int) -> None:
        self.prepare(True)
        first = max(self.accepted) + off
        self.submit(self.attempt_pair(self.value(first), self.value(first + 1)))

    @rule(longer=st.integers(1, 3), which=st.integers(0, 2))
    def submit_what_is_malformed(self, longer: int, which: int) -> None:
        code, malformed = self.value(self.current), "7" * (self.parameters.digits + longer)
        attempts = [self.attempt(malformed), self.attempt_pair(malformed, code), self.attempt_pair(code, malformed)]
        self.submit(attempts[which])


class TotpModelWithFewCodes(TotpModel):
    """Here codes collide all the time, which is one in a hundred thousand otherwise."""

    algorithm = FewCodes()

    def value(self, step: int) -> str:
        return few_codes(step, self.parameters.digits)


TestTotp = TotpModel.TestCase
TestTotp.settings = settings(max_examples=60, stateful_step_count=50)
TestTotpWithFewCodes = TotpModelWithFewCodes.TestCase
TestTotpWithFewCodes.settings = settings(max_examples=30, stateful_step_count=50)
