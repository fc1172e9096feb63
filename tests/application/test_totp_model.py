"""TOTP against a reference that keeps every accepted time step."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from application.enrolment import EnrolRequest
from domain.credential import Credential
from domain.parameters import HashAlgorithm, TotpParameters
from domain.totp import NO_STEP, TotpCredential
from tests.application.model import (
    ACCIDENTS,
    CAREFUL,
    LIFETIMES,
    Accident,
    FewCodes,
    Found,
    SecretModel,
)
from tests.application.rig import TOTP
from tests.domain.examples import ALICE

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


class TotpModel(SecretModel):
    credential_id = TOTP

    def __init__(self) -> None:
        super().__init__()
        self.parameters = TotpParameters()
        self.drift = 0

    # The reference

    @property
    def shown(self) -> int:
        return self.now // self.parameters.interval

    def spent(self, step: int) -> bool:
        return any(step <= accepted for accepted in self.accepted)

    def accept(self, *steps: int) -> None:
        assert not any(self.spent(step) for step in steps), "accepted a second time"
        self.accepted += steps

    def classify(self, digits: str) -> Found:
        center, window = self.shown + self.drift, self.parameters.window
        hits = [step for step in range(center - window, center + window + 1) if self.value(step) == digits]
        last = max(self.accepted, default=None)
        recently = [] if last is None else [self.value(last - back) for back in range(1 + max(1, 2 * window))]
        if digits in recently or any(self.spent(step) for step in hits):
            return "replayed", None
        return ("accepted", lambda: self.accept(hits[0])) if hits else ("wrong", None)

    def classify_pair(self, first: str, second: str) -> Found:
        steps = range(self.shown - 20, self.shown + 21)
        hit = next((step for step in steps if (self.value(step - 1), self.value(step)) == (first, second)), None)
        if hit is None:
            return "wrong", None
        return ("replayed", None) if self.spent(hit - 1) else ("accepted", lambda: self.resynchronized(hit))

    def resynchronized(self, step: int) -> None:
        self.accept(step - 1, step)
        self.drift = step - self.shown

    def check(self, credential: Credential) -> None:
        assert isinstance(credential, TotpCredential)
        assert credential.last_step == max(self.accepted, default=NO_STEP)
        assert credential.drift == self.drift

    # The steps

    def replenish(self) -> None:
        self.enrol(EnrolRequest(ALICE, None, self.parameters))

    @initialize(request=REQUESTS)
    def enrol_first(self, request: EnrolRequest) -> None:
        self.enrol(request)

    @precondition(lambda self: not self.usable)
    @rule(request=REQUESTS)
    def enrol(self, request: EnrolRequest) -> None:
        assert isinstance(request.parameters, TotpParameters)
        self.enrolled_with(request)
        self.drift = 0

    @rule(
        off=st.sampled_from([0, 0, 0, 1, 1, -1, -1, 2, -2, 9, 10, 11, -9, -10, -11]),
        accident=ACCIDENTS,
        careful=CAREFUL,
    )
    def submit_a_code_near_the_current(self, off: int, accident: Accident, careful: bool) -> None:
        self.prepare(careful)
        self.submit(self.attempt(self.value(self.shown + self.drift + off)), accident)

    @precondition(lambda self: self.usable and self.accepted)
    @rule(back=st.sampled_from([0, 1, 2, 3, 19, 20, 21]))
    def submit_a_code_before_the_last_accepted(self, back: int) -> None:
        self.prepare(True)
        self.submit(self.attempt(self.value(max(self.accepted) - back)))

    @rule(
        off=st.sampled_from([0, 1, -1, 5, -5, 19, 20, 21, -19, -20, -21]),
        gap=st.sampled_from([1, 1, 1, 1, 1, 0, 2, -1]),
        accident=ACCIDENTS,
        careful=CAREFUL,
    )
    def resynchronize(self, off: int, gap: int, accident: Accident, careful: bool) -> None:
        self.prepare(careful)
        second = self.shown + off
        self.submit(self.attempt_pair(self.value(second - gap), self.value(second)), accident)

    @precondition(lambda self: self.usable and self.accepted)
    @rule(off=st.integers(-2, 2))
    def resynchronize_near_the_last_accepted(self, off: int) -> None:
        self.prepare(True)
        first = max(self.accepted) + off
        self.submit(self.attempt_pair(self.value(first), self.value(first + 1)))


class TotpModelWithFewCodes(TotpModel):
    """Codes collide often here. With real codes, this happens once in a hundred thousand."""

    algorithm = FewCodes()


TestTotp = TotpModel.TestCase
TestTotp.settings = settings(max_examples=60, stateful_step_count=50)
TestTotpWithFewCodes = TotpModelWithFewCodes.TestCase
TestTotpWithFewCodes.settings = settings(max_examples=30, stateful_step_count=50)
