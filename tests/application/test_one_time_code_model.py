"""One-time codes against a reference that keeps the code."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from application.issuing import IssueCodeRequest
from domain.credential import Credential
from domain.one_time_code import OneTimeCode
from tests.application.model import ACCIDENTS, CAREFUL, LIFETIMES, Accident, Attempt, FactorModel, Found
from tests.application.rig import OTP
from tests.domain.examples import ALICE

REQUESTS = st.builds(
    IssueCodeRequest,
    owner=st.just(ALICE),
    lifetime=LIFETIMES,
    digits=st.integers(6, 10),
    code_lifetime=st.sampled_from([30, 300, 3600]),
)


class OneTimeCodeModel(FactorModel):
    credential_id = OTP

    def __init__(self) -> None:
        super().__init__()
        self.code = ""
        self.code_ends_at = 0
        self.spent = False
        self.former = ""
        """The former code."""

    # The reference

    def attempt(self, digits: str) -> Attempt:
        def classify() -> Found:
            if digits == self.code and self.spent:
                return "replayed", None
            if self.now >= self.code_ends_at:
                return "expired", None
            return ("accepted", self.spend) if digits == self.code else ("wrong", None)

        return Attempt(lambda: self.rig.submit(OTP, digits), classify, len(digits) == len(self.code))

    def spend(self) -> None:
        assert not self.spent, "accepted a second time"
        self.spent = True

    def fail(self) -> None:
        super().fail()
        if self.count >= 5:
            self.enrolled = False
            self.ends_at = max(self.now, self.locked_until) + 3600

    def check(self, credential: Credential) -> None:
        assert isinstance(credential, OneTimeCode)
        assert credential.code_expires_at == self.code_ends_at

    # The steps

    def replenish(self) -> None:
        self.issue(IssueCodeRequest(ALICE, None, 6, 300))

    @initialize(request=REQUESTS)
    def issue_first(self, request: IssueCodeRequest) -> None:
        self.issue(request)

    @rule(request=REQUESTS)
    def issue(self, request: IssueCodeRequest) -> None:
        # The record of an account's code expires an hour after the code and the lock.
        needed = max(request.code_lifetime, self.locked_until - self.now)
        self.begin(needed + 3600 if request.lifetime is None else request.lifetime)
        self.former = self.code
        self.code = self.rig.issue.execute(request).code.text
        self.spent = False
        self.code_ends_at = self.now + request.code_lifetime
        if self.ends_at is not None:
            self.code_ends_at = min(self.code_ends_at, self.ends_at)

    @rule(accident=ACCIDENTS, careful=CAREFUL)
    def submit_the_code(self, accident: Accident, careful: bool) -> None:
        self.prepare(careful)
        self.submit(self.attempt(self.code), accident)

    @precondition(lambda self: self.former)
    @rule(accident=ACCIDENTS)
    def submit_the_code_before(self, accident: Accident) -> None:
        self.submit(self.attempt(self.former), accident)

    @rule(times=st.integers(1, 5), accident=ACCIDENTS, careful=CAREFUL)
    def guess(self, times: int, accident: Accident, careful: bool) -> None:
        for n in range(1, times + 1):
            self.prepare(careful)
            self.submit(self.attempt(f"{(int(self.code) + n) % 10 ** len(self.code):0{len(self.code)}d}"), accident)

    @rule(longer=st.integers(1, 3))
    def submit_what_is_malformed(self, longer: int) -> None:
        self.submit(self.attempt(self.code + "7" * longer))

    @precondition(lambda self: self.usable)
    @rule(off=st.sampled_from([-1, 0, 1]))
    def the_end_of_the_code_is_waited_for(self, off: int) -> None:
        self.rig.clock.time = self.code_ends_at + off


TestOneTimeCode = OneTimeCodeModel.TestCase
TestOneTimeCode.settings = settings(max_examples=100, stateful_step_count=50)
