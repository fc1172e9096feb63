"""One account with several authenticators and recovery codes against a reference that keeps every spent code.

The models of the factors examine the verdicts of each factor more closely. This model examines one code that several
factors judge, and credentials that are disabled, replaced, unlocked and removed.
"""

import contextlib
import copy
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from application.enrolment import EnrolRequest
from application.errors import StoreUnavailable
from application.verification import VerifyRequest
from domain.algorithms import HotpAlgorithm
from domain.code import Code
from domain.credential import Credential, Status
from domain.errors import AlreadyEnrolled, DuplicateSecret, NotEnrolled, SameSecretEnrolled
from domain.failures import NO_FAILURES, Failures
from domain.hotp import HotpCredential
from domain.owner import CredentialId, Factor
from domain.parameters import HotpParameters, TotpParameters
from domain.recovery_codes import RecoveryCode, RecoveryCodes
from domain.secret import SharedSecret
from domain.stored_state import Outcome
from domain.tombstone import Tombstone
from domain.totp import TotpCredential
from domain.verdict import Accepted
from infrastructure.crypto.hotp import PyotpHotp
from tests.application.account_reference import KINDS, Hotp, Prediction, Secret, Sheet, Slot, Totp
from tests.application.model import (
    ACCEPTED,
    ACCIDENTS,
    CAREFUL,
    MALFORMED,
    NOT_ENROLLED,
    UNAVAILABLE,
    Accident,
    Answer,
    FewCodes,
    answer_of,
    few_codes,
)
from tests.application.rig import HOTP, RECOVERY_CODES, SECOND_HOTP, SECOND_TOTP, TOTP, Rig
from tests.domain.examples import ALICE
from tests.domain.reference import hotp_value
from tests.support.stored_repository import StoredRepository

AUTHENTICATORS = (TOTP, SECOND_TOTP, HOTP, SECOND_HOTP)
CREDENTIAL_IDS = (*AUTHENTICATORS, RECOVERY_CODES)
"""The credentials in the order in which they judge a challenge."""
SECRETS = st.sampled_from(AUTHENTICATORS)
Whose = tuple[CredentialId, bool] | str
"""The origin of a code: a credential and whether it is its replacement, "former" for a removed one, or "nobody"."""
WHOSE: st.SearchStrategy[Whose] = st.sampled_from(
    [
        *((which, False) for which in CREDENTIAL_IDS),
        *((which, True) for which in AUTHENTICATORS),
        "former",
        "nobody",
    ]
)
NUMBERS = st.integers(0, 20)
"""The index of the code."""


Predict = Callable[[CredentialId, str], Prediction]
Execute = Callable[[VerifyRequest], Outcome]


class AccountModel(RuleBasedStateMachine):
    """Codes of the real algorithm: two factors have the same code only by chance."""

    algorithm: HotpAlgorithm = PyotpHotp()
    stored = False

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(self.algorithm, stored=self.stored)
        self.slots = {slot: Slot() for slot in CREDENTIAL_IDS}
        self.graves = {TOTP.removed: Slot(), HOTP.removed: Slot()}
        """The failures of removed additional authenticators."""
        self.former: list[str] = []
        """Codes that were valid before a removal or a replacement."""
        self.acceptances = 0
        self.brought = 0
        """The number of imported secrets, each of which is different."""

    @property
    def now(self) -> int:
        return self.rig.clock.time

    def value_of(self, key: bytes, digits: int) -> Callable[[int], str]:
        return lambda factor: hotp_value(key, factor, digits)

    # The reference

    def begin(self, which: CredentialId, state: Secret) -> None:
        """Begin an authenticator, which inherits the failures of all removed ones of its factor."""
        slot = self.slots[which]
        slot.begin(state, self.now)
        removed = [self.graves[which.removed]]
        removed += [each for name, each in self.slots.items() if name.factor is which.factor and each.state is None]
        for each in removed:
            if self.now < each.forgotten_at:
                slot.inherit(each)

    def end(self, which: CredentialId) -> None:
        slot = self.slots[which]
        if which.suffix:
            self.graves[which.removed].join(slot, self.now)
            slot.clear()
        slot.end(self.now)

    def judged(self, slot: Slot, state: Secret | Sheet, text: str, accept: Callable[[int], object]) -> Prediction:
        """Predict the answer to one code for one credential."""
        if not state.fits(text):
            return Prediction(MALFORMED)
        if slot.locked(self.now):
            return Prediction(("locked", slot.locked_until))
        found, what = state.classify(text, self.now)
        if found == "accepted":

            def spend() -> None:
                accept(what)
                slot.clear()

            return Prediction(ACCEPTED, [spend])
        if found == "replayed":
            return Prediction(slot.rejected("replayed"))
        return Prediction(copy.copy(slot).fail(self.now), [lambda: slot.fail(self.now)])

    def empty(self, slot: Slot) -> Prediction:
        """Predict the answer to any code for a missing credential."""
        return Prediction(("locked", slot.locked_until) if slot.locked(self.now) else NOT_ENROLLED)

    def predict_verify(self, which: CredentialId, text: str) -> Prediction:
        slot = self.slots[which]
        state = slot.state
        return self.empty(slot) if state is None else self.judged(slot, state, text, state.spend)

    def predict_disable(self, which: CredentialId, text: str) -> Prediction:
        slot = self.slots[which]
        state = slot.state
        if state is None:
            return self.empty(slot)

        def spend(what: int) -> None:
            state.spend(what)
            self.former += state.texts(self.now)[:3]
            slot.state = None
            slot.forgotten_at = 0

        return self.judged(slot, state, text, spend)

    def predict_swap(self, which: CredentialId, text: str) -> Prediction:
        slot = self.slots[which]
        state = slot.state
        if state is None:
            return self.empty(slot)
        replacement = state.living_replacement(self.now) if isinstance(state, Secret) else None
        if replacement is None:
            return Prediction(NOT_ENROLLED)

        def swap(what: int) -> None:
            replacement.spend(what)
            self.former += state.texts(self.now)[-3:]
            slot.state = replacement

        return self.judged(slot, replacement, text, swap)

    def predict_challenge(self, requested: Factor | None, text: str, only: CredentialId | None = None) -> Prediction:
        confirmed = [
            (which.authenticator, slot, slot.state)
            for which, slot in self.slots.items()
            if slot.state is not None and slot.state.confirmed
            if requested in {None, which.factor} and only in {None, which}
        ]
        judging = [(factor, slot, state) for factor, slot, state in confirmed if state.fits(text)]
        if not judging:
            real = [name for name, _, _ in confirmed if name != RECOVERY_CODES.authenticator]
            return Prediction(MALFORMED if real else NOT_ENROLLED)
        free = [
            (factor, slot, self.judged(slot, state, text, state.spend))
            for factor, slot, state in judging
            if not slot.locked(self.now)
        ]
        for wanted in ("replayed", "accepted"):
            for factor, _place, prediction in free:
                if wanted in prediction.answer:
                    return Prediction((factor, *prediction.answer), prediction.commits)
        commits = [commit for _, _, each in free for commit in each.commits]
        locks = [(factor, slot.locked_until) for factor, slot, _ in judging if slot.locked(self.now)]
        if locks:
            factor, until = max(locks, key=lambda pair: pair[1])
            return Prediction((factor, "locked", until), commits)
        factor, _, worst = max(free, key=lambda each: min(each[1].count, 4))
        return Prediction((factor, *worst.answer), commits)

    # Steps with codes

    def code(self, whose: Whose, number: int) -> Code:
        """Return a code that is or was valid for the credential; a wrong one if there is none."""
        texts = ["000000", "31415926", "0000000000", "Z" * 16]
        if whose == "former":
            texts = self.former or texts
        elif not isinstance(whose, str):
            which, replacing = whose
            state = self.slots[which].state
            secret = getattr(state, "replacement", None) if replacing else state
            texts = texts if secret is None else secret.texts(self.now)
        text = texts[number % len(texts)]
        return RecoveryCode(text) if len(text) == 16 else Code(text)

    def submit(
        self, run: Callable[[], Answer], predict: Callable[[], Prediction], accident: Accident = Accident.NONE
    ) -> Answer:
        """Send a code, with an accident during the commit of the verdict, and compare the answers."""
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
        land(() if accident is Accident.STORE_DOWN else prediction.commits)
        accepted = sum(is_accepted(each) for each in (*rivals, answer))
        assert accepted <= 1
        self.acceptances += accepted
        return answer

    def send(
        self, execute: Execute, predict: Predict, which: CredentialId, code: Code, accident: Accident = Accident.NONE
    ) -> None:
        request = VerifyRequest(which, code)
        self.submit(lambda: answer_of(lambda: execute(request)), lambda: predict(which, code.text), accident)

    def ask(
        self,
        code: Code,
        requested: Factor | None,
        accident: Accident = Accident.NONE,
        only: CredentialId | None = None,
    ) -> Answer:
        def run() -> Answer:
            names: list[str] = []

            def challenge() -> Outcome:
                answer = self.rig.challenged(code, requested, None if only is None else only.authenticator)
                names.append(answer.credential_id.authenticator)
                return answer.outcome

            answer = answer_of(challenge)
            return (*names, *answer)

        return self.submit(run, lambda: self.predict_challenge(requested, code.text, only), accident)

    @rule(whose=WHOSE, number=NUMBERS, requested=st.sampled_from([None, None, None, *Factor]), accident=ACCIDENTS)
    def challenge(self, whose: Whose, number: int, requested: Factor | None, accident: Accident) -> None:
        code = self.code(whose, number)
        if is_accepted(self.ask(code, requested, accident)):
            assert not is_accepted(self.ask(code, None))

    @rule(only=SECRETS, whose=WHOSE, number=NUMBERS, accident=ACCIDENTS, careful=CAREFUL)
    def challenge_one_authenticator(
        self, only: CredentialId, whose: Whose, number: int, accident: Accident, careful: bool
    ) -> None:
        self.prepare(careful)
        code = self.code(whose, number)
        if is_accepted(self.ask(code, None, accident, only)):
            assert not is_accepted(self.ask(code, None))

    @rule(which=st.sampled_from(CREDENTIAL_IDS), number=NUMBERS, accident=ACCIDENTS, careful=CAREFUL)
    def challenge_with_a_code_of_what_is_there(
        self, which: CredentialId, number: int, accident: Accident, careful: bool
    ) -> None:
        self.prepare(careful)
        self.challenge((which, False), number, None, accident)

    @rule(which=SECRETS, number=NUMBERS)
    def challenge_with_a_code_of_what_is_pending(self, which: CredentialId, number: int) -> None:
        self.prepare(True)
        self.remove(which)
        self.enrol(which, 6)
        self.ask(self.code((which, False), number), None)

    @rule(which=st.sampled_from(CREDENTIAL_IDS), number=NUMBERS)
    def challenge_with_a_code_that_was_just_verified(self, which: CredentialId, number: int) -> None:
        self.prepare(True)
        code = self.code((which, False), number)
        self.send(self.rig.verify.execute, self.predict_verify, which, code)
        self.ask(code, None)

    @rule(which=st.integers(0, 3), times=st.integers(1, 6), accident=ACCIDENTS, careful=CAREFUL)
    def guess(self, which: int, times: int, accident: Accident, careful: bool) -> None:
        self.prepare(careful)
        for _ in range(times):
            self.ask(self.code("nobody", which), None, accident)

    @rule(which=st.sampled_from(CREDENTIAL_IDS), whose=WHOSE, number=NUMBERS, accident=ACCIDENTS)
    def verify(self, which: CredentialId, whose: Whose, number: int, accident: Accident) -> None:
        self.send(self.rig.verify.execute, self.predict_verify, which, self.code(whose, number), accident)

    @rule(which=SECRETS, whose=WHOSE, number=NUMBERS, accident=ACCIDENTS)
    def disable(self, which: CredentialId, whose: Whose, number: int, accident: Accident) -> None:
        self.send(self.rig.disable.execute, self.predict_disable, which, self.code(whose, number), accident)

    @rule(
        which=SECRETS,
        replacing=st.sampled_from([True, True, False]),
        number=NUMBERS,
        accident=ACCIDENTS,
        careful=CAREFUL,
    )
    def confirm_a_replacement(
        self, which: CredentialId, replacing: bool, number: int, accident: Accident, careful: bool
    ) -> None:
        self.prepare(careful)
        if careful:
            self.have_a_replacement(which)
        code = self.code((which, replacing), number)
        self.send(self.rig.confirm_replacement.execute, self.predict_swap, which, code, accident)

    # Steps without codes

    def prepare(self, careful: bool) -> None:
        if careful:
            self.have_everything()
            self.rig.clock.time = max(self.now, *(slot.locked_until for slot in self.slots.values()))

    @initialize()
    def have_everything(self) -> None:
        """Enrol and confirm all missing factors."""
        for which in AUTHENTICATORS:
            if self.slots[which].state is None:
                self.enrol(which, 6)
        if self.slots[RECOVERY_CODES].state is None:
            self.issue_recovery_codes()
        for which in AUTHENTICATORS:
            state = self.slots[which].state
            if state is not None and not state.confirmed:
                self.send(self.rig.verify.execute, self.predict_verify, which, self.code((which, False), 0))

    @rule()
    def have_everything_again(self) -> None:
        self.have_everything()

    @rule(which=SECRETS, digits=st.sampled_from([6, 6, 8]))
    def enrol(self, which: CredentialId, digits: int) -> None:
        if self.slots[which].state is not None:
            with pytest.raises(AlreadyEnrolled):
                self.rig.enrol.execute(request(which, digits))
            return
        key = self.rig.enrol.execute(request(which, digits)).secret.key
        self.begin(which, KINDS[which](self.value_of(key, digits), digits))

    @rule(
        which=SECRETS,
        digits=st.sampled_from([6, 6, 8]),
        size=st.sampled_from([10, 20]),
        counter=st.integers(0, 20),
        accident=ACCIDENTS,
    )
    def bring(self, which: CredentialId, digits: int, size: int, counter: int, accident: Accident) -> None:
        """Import a secret, which may be weak. A pending or confirmed credential is never overwritten."""
        self.brought += 1
        key = self.brought.to_bytes(size)
        secret = SharedSecret.accepting_weak(key)
        wanted = replace(request(which, digits), secret=secret, initial_counter=counter, confirmed=True)
        new = KINDS[which](self.value_of(key, digits), digits, confirmed=True, key=key)
        last = counter - 1 if which.factor is Factor.HOTP else self.now // 30 + 1
        new.accepted += [last] if last >= 0 else []
        slot = self.slots[which]
        if slot.state is not None:
            with pytest.raises(AlreadyEnrolled) as refusal:
                self.rig.enrol.execute(wanted)
            assert not isinstance(refusal.value, SameSecretEnrolled)
        elif self.import_with_accident(wanted, accident):
            self.begin(which, new)

    def import_with_accident(self, wanted: EnrolRequest, accident: Accident) -> bool:
        """Return whether the credential is enrolled afterwards."""
        repository = self.rig.repository
        expected: type[Exception] | None = None
        if accident is Accident.RIVAL:
            repository.rivals = [lambda: self.rig.enrol.execute(wanted)]
            expected = SameSecretEnrolled
        elif accident is not Accident.NONE:
            expected = StoreUnavailable
        repository.down_before_commits = accident is Accident.STORE_DOWN
        repository.down_after_commits = accident is Accident.ANSWER_LOST
        with contextlib.nullcontext() if expected is None else pytest.raises(expected):
            self.rig.enrol.execute(wanted)
        repository.rivals = []
        repository.down_before_commits = repository.down_after_commits = False
        return accident is not Accident.STORE_DOWN

    @rule(which=SECRETS, counter=st.integers(0, 20))
    def bring_again(self, which: CredentialId, counter: int) -> None:
        """Repeat an import."""
        state = self.slots[which].state
        if isinstance(state, Secret) and state.key:
            secret = SharedSecret.accepting_weak(state.key)
            again = replace(request(which, state.digits), secret=secret, initial_counter=counter, confirmed=True)
            with pytest.raises(SameSecretEnrolled):
                self.rig.enrol.execute(again)

    @rule(which=SECRETS, replacing=st.booleans(), digits=st.sampled_from([6, 8]))
    def bring_to_another_authenticator(self, which: CredentialId, replacing: bool, digits: int) -> None:
        """No two authenticators may have the same secret."""
        state = self.slots[which].state
        (other,) = (each for each in AUTHENTICATORS if each.factor is which.factor and each != which)
        if not isinstance(state, Secret) or not state.key:
            return
        secret = SharedSecret.accepting_weak(state.key)
        if replacing and (secret.weak or self.slots[other].state is None):
            return
        wanted = replace(request(other, digits), secret=secret, initial_counter=0, confirmed=not replacing)
        with pytest.raises(DuplicateSecret):
            (self.rig.enrol.replace if replacing else self.rig.enrol.execute)(wanted)

    @rule(
        which=SECRETS,
        size=st.sampled_from([10, 20]),
        counter=st.integers(0, 20),
        number=NUMBERS,
        accident=ACCIDENTS,
    )
    def challenge_with_a_code_of_what_was_just_brought(
        self, which: CredentialId, size: int, counter: int, number: int, accident: Accident
    ) -> None:
        self.prepare(True)
        self.remove(which)
        self.bring(which, 6, size, counter, accident)
        self.ask(self.code((which, False), number), None)

    @rule(which=SECRETS, digits=st.sampled_from([6, 6, 8]))
    def start_a_replacement(self, which: CredentialId, digits: int) -> None:
        state = self.slots[which].state
        if not isinstance(state, Secret):
            with pytest.raises(NotEnrolled):
                self.rig.enrol.replace(request(which, digits))
        elif not state.confirmed or state.living_replacement(self.now):
            with pytest.raises(AlreadyEnrolled):
                self.rig.enrol.replace(request(which, digits))
        else:
            key = self.rig.enrol.replace(request(which, digits)).secret.key
            state.replacement = KINDS[which](self.value_of(key, digits), digits, ends_at=self.now + 3600)

    def have_a_replacement(self, which: CredentialId) -> None:
        state = self.slots[which].state
        if isinstance(state, Secret) and state.confirmed and state.living_replacement(self.now) is None:
            self.start_a_replacement(which, 6)

    @rule(which=SECRETS)
    def drop_a_replacement(self, which: CredentialId) -> None:
        state = self.slots[which].state
        if isinstance(state, Secret) and state.living_replacement(self.now):
            self.rig.drop_replacement.execute(which)
            state.replacement = None
        else:
            with pytest.raises(NotEnrolled):
                self.rig.drop_replacement.execute(which)

    @rule()
    def issue_recovery_codes(self) -> None:
        slot = self.slots[RECOVERY_CODES]
        if slot.state is not None:
            self.former += slot.state.texts(self.now)[:2]
        codes = self.rig.issue_recovery_codes.execute(ALICE).codes
        slot.begin(Sheet([code.text for code in codes]), self.now)

    @rule(which=st.sampled_from(CREDENTIAL_IDS))
    def remove(self, which: CredentialId) -> None:
        slot = self.slots[which]
        if slot.state is None:
            with pytest.raises(NotEnrolled):
                self.rig.remove.execute(which)
        else:
            self.former += slot.state.texts(self.now)[:3]
            self.rig.remove.execute(which)
            self.end(which)

    @rule()
    def unlock(self) -> None:
        self.rig.unlock.execute(ALICE)
        for which, slot in (self.slots | self.graves).items():
            if slot.state is not None or self.now < slot.forgotten_at:
                slot.clear()
                slot.forgotten_at = 0
                left = self.rig.repository.state(which)
                assert isinstance(left, Tombstone | None) if slot.state is None else isinstance(left, Credential)
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
        ends = [slot.locked_until for slot in self.slots.values() if slot.locked(self.now)]
        if ends:
            self.rig.clock.time = min(ends) + off

    # The invariants

    @invariant()
    def the_state_is_what_it_should_be(self) -> None:
        for which, slot in (self.slots | self.graves).items():
            stored = self.rig.repository.state(which)
            if slot.state is None and self.now >= slot.forgotten_at:
                # A store may remove expired states late.
                assert not isinstance(stored, Credential)
                continue
            assert stored is not None
            assert stored.failures == Failures(slot.count, slot.locked_until)
            match stored, slot.state:
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
                    assert slot.state is None

    @invariant()
    def every_acceptance_was_announced_and_nothing_else(self) -> None:
        assert sum(isinstance(event[-1], Accepted) for event in self.rig.events.all) == self.acceptances


def is_accepted(answer: Answer) -> bool:
    return answer[-1:] == ACCEPTED


def land(commits: Sequence[Callable[[], object]]) -> None:
    for commit in commits:
        commit()


def request(which: CredentialId, digits: int) -> EnrolRequest:
    parameters = TotpParameters(digits=digits) if which.factor is Factor.TOTP else HotpParameters(digits=digits)
    return EnrolRequest(ALICE, None, parameters, suffix=which.suffix)


class AccountModelWithFewCodes(AccountModel):
    """HOTP and TOTP often have the same codes here. With real codes, this happens once in a hundred thousand."""

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
        for which in (TOTP, HOTP, RECOVERY_CODES):
            state = repository.state(which)
            if state is not None:
                assert repository.expires_at(which) == state.expires_at
        shared = [repository.state(which) for which in (SECOND_TOTP, SECOND_HOTP, TOTP.removed, HOTP.removed)]
        ends = [state.expires_at for state in shared if state is not None]
        if ends:
            assert repository.expires_at(SECOND_TOTP) == (None if None in ends else max(filter(None, ends)))


TestAccount = AccountModel.TestCase
TestAccount.settings = settings(max_examples=100, stateful_step_count=50)
TestAccountWithFewCodes = AccountModelWithFewCodes.TestCase
TestAccountWithFewCodes.settings = settings(max_examples=50, stateful_step_count=50)
TestStoredAccount = StoredAccountModel.TestCase
TestStoredAccount.settings = settings(max_examples=60, stateful_step_count=50)
