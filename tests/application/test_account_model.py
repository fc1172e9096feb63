"""One account with TOTP, HOTP and recovery codes against a reference that keeps every spent code.

What each factor makes of a code for itself is examined more closely in the models of the factors; here it is what
becomes of one code that several factors are asked about, and of what is disabled, replaced, unlocked and removed.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from application.enrolment import EnrolRequest
from application.verification import VerifyRequest
from domain.algorithms import HotpAlgorithm
from domain.code import Code
from domain.credential import Credential, Status
from domain.errors import AlreadyEnrolled, NotEnrolled
from domain.failures import NO_FAILURES, Failures
from domain.hotp import HotpCredential
from domain.owner import CredentialId, Factor
from domain.parameters import HotpParameters, TotpParameters
from domain.recovery_codes import RecoveryCode, RecoveryCodes
from domain.stored_state import Outcome
from domain.tombstone import Tombstone
from domain.totp import TotpCredential
from domain.verdict import Accepted
from infrastructure.crypto.hotp import PyotpHotp
from tests.application.model import (
    ACCEPTED,
    ACCIDENTS,
    CAREFUL,
    LOCKS,
    MALFORMED,
    NOT_ENROLLED,
    UNAVAILABLE,
    Accident,
    Answer,
    FewCodes,
    answer_of,
    few_codes,
)
from tests.application.rig import HOTP, RECOVERY_CODES, TOTP, Rig
from tests.domain.examples import ALICE
from tests.domain.reference import hotp_value
from tests.support.stored_repository import StoredRepository

Found = tuple[str, int]
"""What a factor makes of a code, were nothing locked: "accepted", "replayed" or "wrong"; and what to spend."""
PLACES = (TOTP, HOTP, RECOVERY_CODES)
"""In the order in which a challenge asks."""
SECRETS = st.sampled_from([TOTP, HOTP])
Whose = tuple[CredentialId, bool] | str
"""Where a code comes from: a place and whether from its replacement, "former" for what is gone, or "nobody"."""
WHOSE: st.SearchStrategy[Whose] = st.sampled_from(
    [(TOTP, False), (HOTP, False), (RECOVERY_CODES, False), (TOTP, True), (HOTP, True), "former", "nobody"]
)
NUMBERS = st.integers(0, 20)
"""Which of its codes."""


@dataclass
class Secret(ABC):
    """An authenticator, and what has been spent of it: every moving factor up to the last accepted one."""

    value: Callable[[int], str]
    digits: int
    ends_at: int | None = None
    confirmed: bool = False
    accepted: list[int] = field(default_factory=list)
    replacement: "Secret | None" = None

    @property
    def last(self) -> int:
        return max(self.accepted, default=-1)

    def fits(self, text: str) -> bool:
        return len(text) == self.digits

    @abstractmethod
    def near(self, now: int) -> Sequence[int]:
        """The moving factors that are good now if they are not spent; the authenticator shows the middle one."""

    @abstractmethod
    def remembered(self, now: int) -> Sequence[int]:
        """The spent ones whose codes are replays."""

    def classify(self, text: str, now: int) -> Found:
        spent = [factor for factor in self.near(now) if factor <= self.last]
        if text in map(self.value, (*spent, *self.remembered(now))):
            return "replayed", 0
        good = (factor for factor in self.near(now) if factor not in spent and self.value(factor) == text)
        factor = next(good, None)
        return ("wrong", 0) if factor is None else ("accepted", factor)

    def spend(self, factor: int) -> None:
        assert factor > self.last, "accepted a second time"
        self.accepted.append(factor)
        self.confirmed = True

    def texts(self, now: int) -> list[str]:
        """Codes that an authenticator shows about now, and those that were accepted."""
        return [self.value(factor) for factor in (*self.near(now), *self.accepted[-3:])]

    def living_replacement(self, now: int) -> "Secret | None":
        replacement = self.replacement
        if replacement is None or replacement.ends_at is None or now >= replacement.ends_at:
            return None
        return replacement


class Totp(Secret):
    """Steps of 30 s, one either way."""

    def near(self, now: int) -> Sequence[int]:
        return range(now // 30 - 1, now // 30 + 2)

    def remembered(self, now: int) -> Sequence[int]:
        return range(self.last - 2, self.last + 1) if self.accepted else ()


class Hotp(Secret):
    """From counter 0, ten ahead; the last spent one is always near."""

    def near(self, now: int) -> Sequence[int]:
        return range(max(0, self.last), self.last + 12)

    def remembered(self, now: int) -> Sequence[int]:
        return range(max(0, self.last - 10), self.last + 1)


@dataclass
class Sheet:
    """A set of recovery codes."""

    codes: list[str]
    crossed_out: list[str] = field(default_factory=list)
    confirmed: bool = True

    def fits(self, text: str) -> bool:
        return len(text) == 16

    def classify(self, text: str, now: int) -> Found:
        if text in self.crossed_out:
            return "replayed", 0
        return ("accepted", self.codes.index(text)) if text in self.codes else ("wrong", 0)

    def spend(self, number: int) -> None:
        assert self.codes[number] not in self.crossed_out, "accepted a second time"
        self.crossed_out.append(self.codes[number])

    def texts(self, now: int) -> list[str]:
        return self.codes


KINDS = {TOTP: Totp, HOTP: Hotp}


@dataclass
class Place:
    """What lies in one of the account's places, and the wrong codes in a row."""

    state: Secret | Sheet | None = None
    count: int = 0
    locked_until: int = 0
    forgotten_at: int = 0
    """When the failures of what was removed are forgotten."""

    def begin(self, state: Secret | Sheet, now: int) -> None:
        if self.state is None and now >= self.forgotten_at:
            self.clear()
        self.state = state

    def end(self, now: int) -> None:
        self.state = None
        self.forgotten_at = now + 3600 if self.count else 0

    def clear(self) -> None:
        self.count = self.locked_until = 0

    def fail(self, now: int) -> Answer:
        self.count += 1
        if self.count >= 5:
            self.locked_until = now + LOCKS.get(self.count, 900)
        return self.rejected("wrong")

    def rejected(self, reason: str) -> Answer:
        return "rejected", reason, max(0, 5 - self.count)

    def locked(self, now: int) -> bool:
        return now < self.locked_until and (self.state is not None or now < self.forgotten_at)


@dataclass(frozen=True)
class Prediction:
    """What is right to answer now, and what follows from it, change by change."""

    answer: Answer
    commits: Sequence[Callable[[], object]] = ()


Predict = Callable[[CredentialId, str], Prediction]
Execute = Callable[[VerifyRequest], Outcome]


class AccountModel(RuleBasedStateMachine):
    """Codes of the real algorithm: that two factors share one is left to chance here."""

    algorithm: HotpAlgorithm = PyotpHotp()
    stored = False

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(self.algorithm, stored=self.stored)
        self.places = {place: Place() for place in PLACES}
        self.former: list[str] = []
        """Codes that were good before something was removed or replaced."""
        self.acceptances = 0

    @property
    def now(self) -> int:
        return self.rig.clock.time

    def value_of(self, key: bytes, digits: int) -> Callable[[int], str]:
        return lambda factor: hotp_value(key, factor, digits)

    # The reference

    def judged(self, place: Place, state: Secret | Sheet, text: str, accept: Callable[[int], object]) -> Prediction:
        """One code for one credential."""
        if not state.fits(text):
            return Prediction(MALFORMED)
        if place.locked(self.now):
            return Prediction(("locked", place.locked_until))
        found, what = state.classify(text, self.now)
        if found == "accepted":

            def spend() -> None:
                accept(what)
                place.clear()

            return Prediction(ACCEPTED, [spend])
        if found == "replayed":
            return Prediction(place.rejected("replayed"))
        return Prediction(copy.copy(place).fail(self.now), [lambda: place.fail(self.now)])

    def empty(self, place: Place) -> Prediction:
        """Any code where nothing is."""
        return Prediction(("locked", place.locked_until) if place.locked(self.now) else NOT_ENROLLED)

    def predict_verify(self, where: CredentialId, text: str) -> Prediction:
        place = self.places[where]
        state = place.state
        return self.empty(place) if state is None else self.judged(place, state, text, state.spend)

    def predict_disable(self, where: CredentialId, text: str) -> Prediction:
        place = self.places[where]
        state = place.state
        if state is None:
            return self.empty(place)

        def spend(what: int) -> None:
            state.spend(what)
            self.former += state.texts(self.now)[:3]
            place.state = None
            place.forgotten_at = 0

        return self.judged(place, state, text, spend)

    def predict_swap(self, where: CredentialId, text: str) -> Prediction:
        place = self.places[where]
        state = place.state
        if state is None:
            return self.empty(place)
        replacement = state.living_replacement(self.now) if isinstance(state, Secret) else None
        if replacement is None:
            return Prediction(NOT_ENROLLED)

        def swap(what: int) -> None:
            replacement.spend(what)
            self.former += state.texts(self.now)[-3:]
            place.state = replacement

        return self.judged(place, replacement, text, swap)

    def predict_challenge(self, named: Factor | None, text: str) -> Prediction:
        confirmed = [
            (where.factor, place, place.state)
            for where, place in self.places.items()
            if place.state is not None and place.state.confirmed and named in {None, where.factor}
        ]
        asked = [(factor, place, state) for factor, place, state in confirmed if state.fits(text)]
        if not asked:
            real = [factor for factor, _, _ in confirmed if factor is not Factor.RECOVERY_CODES]
            return Prediction(MALFORMED if real else NOT_ENROLLED)
        free = [
            (factor, place, self.judged(place, state, text, state.spend))
            for factor, place, state in asked
            if not place.locked(self.now)
        ]
        for wanted in ("replayed", "accepted"):
            for factor, _place, prediction in free:
                if wanted in prediction.answer:
                    return Prediction((factor, *prediction.answer), prediction.commits)
        commits = [commit for _, _, each in free for commit in each.commits]
        locks = [(factor, place.locked_until) for factor, place, _ in asked if place.locked(self.now)]
        if locks:
            factor, until = max(locks, key=lambda pair: pair[1])
            return Prediction((factor, "locked", until), commits)
        factor, _, worst = max(free, key=lambda each: min(each[1].count, 4))
        return Prediction((factor, *worst.answer), commits)

    # What is done with codes

    def code(self, whose: Whose, number: int) -> Code:
        """One that is good there, or was; a wrong one where there is none."""
        texts = ["000000", "31415926", "0000000000", "Z" * 16]
        if whose == "former":
            texts = self.former or texts
        elif not isinstance(whose, str):
            where, replacing = whose
            state = self.places[where].state
            secret = getattr(state, "replacement", None) if replacing else state
            texts = texts if secret is None else secret.texts(self.now)
        text = texts[number % len(texts)]
        return RecoveryCode(text) if len(text) == 16 else Code(text)

    def submit(
        self, run: Callable[[], Answer], predict: Callable[[], Prediction], accident: Accident = Accident.NONE
    ) -> Answer:
        """Sends a code, with an accident while the verdict is being committed, and compares the answers."""
        repository = self.rig.repository
        rivals: list[Answer] = []
        if accident is Accident.RIVAL:
            repository.rivals = [lambda: rivals.append(run())]
        repository.down_before_commits = accident is Accident.STORE_DOWN
        repository.down_after_commits = accident is Accident.ANSWER_LOST

        answer = run()

        repository.rivals = []
        repository.down_before_commits = repository.down_after_commits = False
        note(f"{answer} {rivals}")
        for rival in rivals:
            prediction = predict()
            assert rival == prediction.answer
            land(prediction.commits)
        prediction = predict()
        unheard = accident in {Accident.STORE_DOWN, Accident.ANSWER_LOST} and prediction.commits
        assert answer == (UNAVAILABLE if unheard else prediction.answer)
        landing = {Accident.STORE_DOWN: 0, Accident.ANSWER_LOST: 1}.get(accident, len(prediction.commits))
        land(prediction.commits[:landing])
        accepted = sum(is_accepted(each) for each in (*rivals, answer))
        assert accepted <= 1
        self.acceptances += accepted
        return answer

    def send(
        self, execute: Execute, predict: Predict, where: CredentialId, code: Code, accident: Accident = Accident.NONE
    ) -> None:
        request = VerifyRequest(where, code)
        self.submit(lambda: answer_of(lambda: execute(request)), lambda: predict(where, code.text), accident)

    def ask(self, code: Code, named: Factor | None, accident: Accident = Accident.NONE) -> Answer:
        def run() -> Answer:
            factors: list[Factor] = []

            def challenge() -> Outcome:
                answer = self.rig.challenged(code, named)
                factors.append(answer.factor)
                return answer.outcome

            answer = answer_of(challenge)
            return (*factors, *answer)

        return self.submit(run, lambda: self.predict_challenge(named, code.text), accident)

    @rule(whose=WHOSE, number=NUMBERS, named=st.sampled_from([None, None, None, *Factor]), accident=ACCIDENTS)
    def challenge(self, whose: Whose, number: int, named: Factor | None, accident: Accident) -> None:
        code = self.code(whose, number)
        if is_accepted(self.ask(code, named, accident)):
            assert not is_accepted(self.ask(code, None))

    @rule(where=st.sampled_from(PLACES), number=NUMBERS, accident=ACCIDENTS, careful=CAREFUL)
    def challenge_with_a_code_of_what_is_there(
        self, where: CredentialId, number: int, accident: Accident, careful: bool
    ) -> None:
        self.prepare(careful)
        self.challenge((where, False), number, None, accident)

    @rule(where=SECRETS, number=NUMBERS)
    def challenge_with_a_code_of_what_is_pending(self, where: CredentialId, number: int) -> None:
        self.prepare(True)
        self.remove(where)
        self.enrol(where, 6)
        self.ask(self.code((where, False), number), None)

    @rule(where=st.sampled_from(PLACES), number=NUMBERS)
    def challenge_with_a_code_that_was_just_verified(self, where: CredentialId, number: int) -> None:
        self.prepare(True)
        code = self.code((where, False), number)
        self.send(self.rig.verify.execute, self.predict_verify, where, code)
        self.ask(code, None)

    @rule(which=st.integers(0, 3), times=st.integers(1, 6), accident=ACCIDENTS, careful=CAREFUL)
    def guess(self, which: int, times: int, accident: Accident, careful: bool) -> None:
        self.prepare(careful)
        for _ in range(times):
            self.ask(self.code("nobody", which), None, accident)

    @rule(where=st.sampled_from(PLACES), whose=WHOSE, number=NUMBERS, accident=ACCIDENTS)
    def verify(self, where: CredentialId, whose: Whose, number: int, accident: Accident) -> None:
        self.send(self.rig.verify.execute, self.predict_verify, where, self.code(whose, number), accident)

    @rule(where=SECRETS, whose=WHOSE, number=NUMBERS, accident=ACCIDENTS)
    def disable(self, where: CredentialId, whose: Whose, number: int, accident: Accident) -> None:
        self.send(self.rig.disable.execute, self.predict_disable, where, self.code(whose, number), accident)

    @rule(
        where=SECRETS,
        replacing=st.sampled_from([True, True, False]),
        number=NUMBERS,
        accident=ACCIDENTS,
        careful=CAREFUL,
    )
    def confirm_a_replacement(
        self, where: CredentialId, replacing: bool, number: int, accident: Accident, careful: bool
    ) -> None:
        self.prepare(careful)
        if careful:
            self.have_a_replacement(where)
        code = self.code((where, replacing), number)
        self.send(self.rig.confirm_replacement.execute, self.predict_swap, where, code, accident)

    # What is done without

    def prepare(self, careful: bool) -> None:
        if careful:
            self.have_everything()
            self.rig.clock.time = max(self.now, *(place.locked_until for place in self.places.values()))

    @initialize()
    def have_everything(self) -> None:
        """Everything that is missing is enrolled and confirmed."""
        for where in (TOTP, HOTP):
            if self.places[where].state is None:
                self.enrol(where, 6)
        if self.places[RECOVERY_CODES].state is None:
            self.issue_recovery_codes()
        for where in (TOTP, HOTP):
            state = self.places[where].state
            if state is not None and not state.confirmed:
                self.send(self.rig.verify.execute, self.predict_verify, where, self.code((where, False), 0))

    @rule()
    def have_everything_again(self) -> None:
        self.have_everything()

    @rule(where=SECRETS, digits=st.sampled_from([6, 6, 8]))
    def enrol(self, where: CredentialId, digits: int) -> None:
        if self.places[where].state is not None:
            with pytest.raises(AlreadyEnrolled):
                self.rig.enrol.execute(request(where, digits))
            return
        key = self.rig.enrol.execute(request(where, digits)).secret.key
        self.places[where].begin(KINDS[where](self.value_of(key, digits), digits), self.now)

    @rule(where=SECRETS, digits=st.sampled_from([6, 6, 8]))
    def start_a_replacement(self, where: CredentialId, digits: int) -> None:
        state = self.places[where].state
        if not isinstance(state, Secret):
            with pytest.raises(NotEnrolled):
                self.rig.enrol.replace(request(where, digits))
        elif not state.confirmed or state.living_replacement(self.now):
            with pytest.raises(AlreadyEnrolled):
                self.rig.enrol.replace(request(where, digits))
        else:
            key = self.rig.enrol.replace(request(where, digits)).secret.key
            state.replacement = KINDS[where](self.value_of(key, digits), digits, ends_at=self.now + 3600)

    def have_a_replacement(self, where: CredentialId) -> None:
        state = self.places[where].state
        if isinstance(state, Secret) and state.confirmed and state.living_replacement(self.now) is None:
            self.start_a_replacement(where, 6)

    @rule(where=SECRETS)
    def drop_a_replacement(self, where: CredentialId) -> None:
        state = self.places[where].state
        if isinstance(state, Secret) and state.living_replacement(self.now):
            self.rig.drop_replacement.execute(where)
            state.replacement = None
        else:
            with pytest.raises(NotEnrolled):
                self.rig.drop_replacement.execute(where)

    @rule()
    def issue_recovery_codes(self) -> None:
        place = self.places[RECOVERY_CODES]
        if place.state is not None:
            self.former += place.state.texts(self.now)[:2]
        codes = self.rig.issue_recovery_codes.execute(ALICE).codes
        place.begin(Sheet([code.text for code in codes]), self.now)

    @rule(where=st.sampled_from(PLACES))
    def remove(self, where: CredentialId) -> None:
        place = self.places[where]
        if place.state is None:
            with pytest.raises(NotEnrolled):
                self.rig.remove.execute(where)
        else:
            self.former += place.state.texts(self.now)[:3]
            self.rig.remove.execute(where)
            place.end(self.now)

    @rule()
    def unlock(self) -> None:
        self.rig.unlock.execute(ALICE)
        for where, place in self.places.items():
            if place.state is not None or self.now < place.forgotten_at:
                place.clear()
                place.forgotten_at = 0
                left = self.rig.repository.state(where)
                assert isinstance(left, Tombstone | None) if place.state is None else isinstance(left, Credential)
                assert left is None or left.failures == NO_FAILURES

    @rule(seconds=st.sampled_from([1, 29, 30, 31, 60, 300, 3600]))
    def time_passes(self, seconds: int) -> None:
        self.rig.clock.advance(seconds)
        self.rig.repository.expire(self.now)

    @rule(years=st.integers(1, 3))
    def years_pass(self, years: int) -> None:
        self.time_passes(years * 365 * 86400)

    @rule(seconds=st.integers(1, 40))
    def the_clock_is_set_back(self, seconds: int) -> None:
        self.rig.clock.advance(-seconds)

    @rule(off=st.sampled_from([-1, 0, 0, 0]))
    def the_first_lock_is_waited_for(self, off: int) -> None:
        ends = [place.locked_until for place in self.places.values() if place.locked(self.now)]
        if ends:
            self.rig.clock.time = min(ends) + off

    # What always holds

    @invariant()
    def the_state_is_what_it_should_be(self) -> None:
        for where, place in self.places.items():
            stored = self.rig.repository.state(where)
            if place.state is None and self.now >= place.forgotten_at:
                # A store may forget late.
                assert not isinstance(stored, Credential)
                continue
            assert stored is not None
            assert stored.failures == Failures(place.count, place.locked_until)
            match stored, place.state:
                case TotpCredential(), Totp() as totp:
                    assert (stored.status is Status.CONFIRMED, stored.last_step) == (totp.confirmed, totp.last)
                    assert (stored.replacement is None) == (totp.replacement is None)
                case HotpCredential(), Hotp() as hotp:
                    assert (stored.status is Status.CONFIRMED, stored.counter) == (hotp.confirmed, hotp.last + 1)
                    assert (stored.replacement is None) == (hotp.replacement is None)
                case RecoveryCodes(), Sheet() as sheet:
                    assert stored.remaining == len(sheet.codes) - len(sheet.crossed_out)
                case _:
                    assert isinstance(stored, Tombstone)
                    assert place.state is None

    @invariant()
    def every_acceptance_was_announced_and_nothing_else(self) -> None:
        assert sum(isinstance(event[-1], Accepted) for event in self.rig.events.all) == self.acceptances


def is_accepted(answer: Answer) -> bool:
    return answer[-1:] == ACCEPTED


def land(commits: Sequence[Callable[[], object]]) -> None:
    for commit in commits:
        commit()


def request(where: CredentialId, digits: int) -> EnrolRequest:
    parameters = TotpParameters(digits=digits) if where == TOTP else HotpParameters(digits=digits)
    return EnrolRequest(ALICE, None, parameters)


class AccountModelWithFewCodes(AccountModel):
    """Here codes of HOTP are codes of TOTP all the time, which is one in a hundred thousand otherwise."""

    algorithm = FewCodes()

    def value_of(self, key: bytes, digits: int) -> Callable[[int], str]:
        return lambda factor: few_codes(factor, digits)


class StoredAccountModel(AccountModel):
    """The same model on the embedded store, which must remove only expired records."""

    stored = True

    def the_clock_is_set_back(self, seconds: int) -> None:
        """Skip this case: an expired record of Redis does not come back."""

    @invariant()
    def the_content_alone_says_when_redis_forgets_it(self) -> None:
        repository = self.rig.repository
        assert isinstance(repository, StoredRepository)
        for where in PLACES:
            state = repository.state(where)
            if state is not None:
                assert repository.expires_at(where) == state.expires_at


TestAccount = AccountModel.TestCase
TestAccount.settings = settings(max_examples=100, stateful_step_count=50)
TestAccountWithFewCodes = AccountModelWithFewCodes.TestCase
TestAccountWithFewCodes.settings = settings(max_examples=50, stateful_step_count=50)
TestStoredAccount = StoredAccountModel.TestCase
TestStoredAccount.settings = settings(max_examples=60, stateful_step_count=50)
