"""HOTP against a reference that keeps every spent counter."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from application.enrolment import EnrolRequest
from domain.credential import Credential
from domain.hotp import HotpCredential
from domain.parameters import HashAlgorithm, HotpParameters
from tests.application.model import (
    ACCIDENTS,
    CAREFUL,
    LIFETIMES,
    Accident,
    FewCodes,
    Found,
    SecretModel,
)
from tests.application.rig import HOTP
from tests.domain.examples import ALICE

REQUESTS = st.builds(
    EnrolRequest,
    owner=st.just(ALICE),
    lifetime=LIFETIMES,
    parameters=st.builds(
        HotpParameters, st.sampled_from(HashAlgorithm), st.integers(6, 8), st.sampled_from([0, 1, 10, 50])
    ),
    initial_counter=st.sampled_from([0, 3, 2**31, 2**63 - 1]),
)


class HotpModel(SecretModel):
    credential_id = HOTP

    def __init__(self) -> None:
        super().__init__()
        self.parameters = HotpParameters()
        self.initial = 0
        self.spent: set[int] = set()
        """The counters that were accepted or skipped by an accepted one."""

    # The reference

    @property
    def shown(self) -> int:
        return max(self.spent, default=self.initial - 1) + 1

    def spend(self, *counters: int) -> None:
        assert self.spent.isdisjoint(counters), "accepted a second time"
        self.accepted += counters
        self.spent |= set(range(self.shown, max(counters) + 1))

    def recently(self) -> list[int]:
        return sorted(self.spent)[-1 - max(10, self.parameters.look_ahead) :]

    def classify(self, digits: str) -> Found:
        if digits in map(self.value, self.recently()):
            return "replayed", None
        good = [c for c in range(self.shown, self.shown + self.parameters.look_ahead + 1) if self.value(c) == digits]
        return ("accepted", lambda: self.spend(good[0])) if good else ("wrong", None)

    def classify_pair(self, first: str, second: str) -> Found:
        pairs = [*self.recently(), *range(self.shown, self.shown + 1001)]
        hit = next((c for c in pairs if (self.value(c), self.value(c + 1)) == (first, second)), None)
        if hit is None:
            return "wrong", None
        return ("replayed", None) if hit in self.spent else ("accepted", lambda: self.spend(hit, hit + 1))

    def check(self, credential: Credential) -> None:
        assert isinstance(credential, HotpCredential)
        assert credential.counter == self.shown
        assert credential.initial_counter == self.initial

    # The steps

    def replenish(self) -> None:
        self.enrol(EnrolRequest(ALICE, None, self.parameters, self.shown % 2**63))

    @initialize(request=REQUESTS)
    def enrol_first(self, request: EnrolRequest) -> None:
        self.enrol(request)

    @precondition(lambda self: not self.usable)
    @rule(request=REQUESTS)
    def enrol(self, request: EnrolRequest) -> None:
        assert isinstance(request.parameters, HotpParameters)
        self.enrolled_with(request)
        self.initial, self.spent = request.initial_counter or 0, set()

    @rule(
        off=st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3, 9, 10, 11, -1, -2, -3, -10, -11, -12, -50, -51, -52, 49, 50, 51]),
        accident=ACCIDENTS,
        careful=CAREFUL,
    )
    def submit_a_code_near_the_next(self, off: int, accident: Accident, careful: bool) -> None:
        self.prepare(careful)
        self.submit(self.attempt(self.value(max(0, self.shown + off))), accident)

    @rule(
        ahead=st.sampled_from([0, 0, 1, 5, 11, 200, 999, 1000, 1001, -1, -2, -3, -11, -12, -13]),
        gap=st.sampled_from([1, 1, 1, 1, 1, 0, 2, -1]),
        accident=ACCIDENTS,
        careful=CAREFUL,
    )
    def resynchronize(self, ahead: int, gap: int, accident: Accident, careful: bool) -> None:
        self.prepare(careful)
        first = max(0, self.shown + ahead)
        self.submit(self.attempt_pair(self.value(first), self.value(max(0, first + gap))), accident)

    @precondition(lambda self: self.usable and self.accepted)
    @rule(back=st.integers(1, 3))
    def resynchronize_with_accepted_codes(self, back: int) -> None:
        self.prepare(True)
        first = max(self.initial, self.shown - back)
        self.submit(self.attempt_pair(self.value(first), self.value(first + 1)))


class HotpModelWithFewCodes(HotpModel):
    """Codes collide often here. With real codes, this happens once in a hundred thousand."""

    algorithm = FewCodes()


TestHotp = HotpModel.TestCase
TestHotp.settings = settings(max_examples=60, stateful_step_count=50)
TestHotpWithFewCodes = HotpModelWithFewCodes.TestCase
TestHotpWithFewCodes.settings = settings(max_examples=30, stateful_step_count=50)
