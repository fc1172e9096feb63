"""No code of three secrets is accepted twice, in any sequence of enrolments, imports, replacements and removals."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from application.enrolment import EnrolRequest
from application.verification import VerifyRequest
from domain.code import Code
from domain.credential import Credential, Status
from domain.errors import AlreadyEnrolled, InvalidSecret, NotEnrolled, SameSecretEnrolled
from domain.owner import CredentialId
from domain.parameters import HotpParameters, TotpParameters
from domain.secret import SharedSecret
from domain.secret_credential import SecretCredential
from domain.verdict import Accepted, Locked
from tests.application.rig import HOTP, TOTP, Rig
from tests.domain.examples import ALICE
from tests.domain.reference import hotp_value
from tests.support.stored_repository import StoredRepository

SECRETS = tuple(SharedSecret(f"{number}".encode() * 20) for number in range(3))
CREDENTIAL_IDS = st.sampled_from([TOTP, HOTP])
WHICH = st.integers(0, len(SECRETS) - 1)
Spent = tuple[CredentialId, int, int]
"""A credential, a secret and a moving factor."""


class FormerSecretsModel(RuleBasedStateMachine):
    """The reference is the set of all codes that were ever accepted.

    Another system has the same secrets. A secret is imported while the other system no longer accepts its codes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(stored=True)
        self.present: dict[CredentialId, int | None] = {TOTP: None, HOTP: None}
        self.coming: dict[CredentialId, int | None] = {TOTP: None, HOTP: None}
        self.shown = {(where, which): 0 for where in (TOTP, HOTP) for which in range(len(SECRETS))}
        """The next counter of each token."""
        self.accepted: set[Spent] = set()
        self.elsewhere: dict[tuple[CredentialId, int], list[int]] = {each: [] for each in self.shown}
        """The moving factors whose codes the other system has accepted."""

    def factor(self, where: CredentialId, which: int) -> int:
        """Return the moving factor of the code that the authenticator displays."""
        return self.rig.clock.time // 30 if where == TOTP else self.shown[where, which]

    def request(self, where: CredentialId, which: int) -> EnrolRequest:
        parameters = TotpParameters() if where == TOTP else HotpParameters()
        return EnrolRequest(ALICE, None, parameters, secret=SECRETS[which])

    def state(self, where: CredentialId) -> Credential | None:
        state = self.rig.repository.state(where)
        return state if isinstance(state, Credential) else None

    def accept(self, where: CredentialId, which: int, factor: int) -> None:
        assert (where, which, factor) not in self.accepted, "a code was accepted twice"
        self.accepted.add((where, which, factor))
        self.shown[where, which] = max(self.shown[where, which], factor + 1)

    def send(self, where: CredentialId, which: int, off: int, *, swapping: bool) -> None:
        """Send the code that an authenticator displays, or one near it. Sometimes it has the digits of a spent one."""
        factor = max(0, self.factor(where, which) + off)
        request = VerifyRequest(where, Code(hotp_value(SECRETS[which].key, factor)))
        use_case = self.rig.confirm_replacement if swapping else self.rig.verify
        present = self.coming[where] if swapping else self.present[where]
        try:
            verdict = use_case.execute(request).verdict
        except NotEnrolled:
            return
        if isinstance(verdict, Locked):
            self.rig.clock.time = verdict.until
        if isinstance(verdict, Accepted):
            assert present == which, "a code of another secret was accepted"
            self.accept(where, which, factor)
            if swapping:
                self.present[where], self.coming[where] = which, None

    @initialize()
    def begin(self) -> None:
        self.enrol(TOTP, 0)
        self.enrol(HOTP, 0)

    @rule(where=CREDENTIAL_IDS, which=WHICH)
    def enrol(self, where: CredentialId, which: int) -> None:
        if self.present[where] is not None:
            with pytest.raises(AlreadyEnrolled):
                self.rig.enrol.execute(self.request(where, which))
            return
        self.rig.enrol.execute(self.request(where, which))
        self.present[where], self.coming[where] = which, None

    @rule(where=CREDENTIAL_IDS, which=WHICH, off=st.integers(-1, 1))
    def another_system_accepts(self, where: CredentialId, which: int, off: int) -> None:
        """Its window is one step. Its last counters stay within the look-ahead of a new enrolment."""
        factor, spent = max(0, self.factor(where, which) + off), self.elsewhere[where, which]
        if which in {self.present[where], self.coming[where]} or factor <= max(spent, default=-1):
            return
        if where == TOTP or factor < 6:
            spent.append(factor)
            self.shown[where, which] = max(self.shown[where, which], factor + 1)

    @rule(where=CREDENTIAL_IDS, which=WHICH)
    def bring(self, where: CredentialId, which: int) -> None:
        spent = self.elsewhere[where, which]
        counter = max(spent, default=-1) + 1 if where == HOTP else None
        request = replace(self.request(where, which), initial_counter=counter, confirmed=True)
        state = self.state(where)
        if state is not None:
            present = self.present[where] == which and state.status is Status.CONFIRMED
            with pytest.raises(AlreadyEnrolled) as refusal:
                self.rig.enrol.execute(request)
            assert isinstance(refusal.value, SameSecretEnrolled) is present
            return
        assert self.rig.enrol.execute(request).status is Status.CONFIRMED
        self.present[where], self.coming[where] = which, None
        self.accepted |= {(where, which, factor) for factor in spent}

    @rule(where=CREDENTIAL_IDS, off=st.integers(-1, 1))
    def bring_and_verify(self, where: CredentialId, off: int) -> None:
        """Send a code that the other system has accepted a moment ago."""
        self.remove(where)
        self.another_system_accepts(where, 0, off)
        self.bring(where, 0)
        self.send(where, 0, off, swapping=False)
        self.send(where, 0, off - 1, swapping=False)

    @rule(where=CREDENTIAL_IDS, off=st.integers(-1, 1))
    def bring_and_enrol_again(self, where: CredentialId, off: int) -> None:
        """Send a code that the other system has accepted, after the import was undone."""
        self.remove(where)
        self.another_system_accepts(where, 0, off)
        self.bring(where, 0)
        self.remove(where)
        self.enrol(where, 0)
        self.send(where, 0, off - 1 if where == HOTP else off, swapping=False)

    @rule(where=CREDENTIAL_IDS, which=WHICH, off=st.integers(-3, 2))
    def verify(self, where: CredentialId, which: int, off: int) -> None:
        self.send(where, which, off, swapping=False)

    @rule(where=CREDENTIAL_IDS, which=WHICH)
    def replace(self, where: CredentialId, which: int) -> None:
        try:
            self.rig.enrol.replace(self.request(where, which))
        except (AlreadyEnrolled, InvalidSecret, NotEnrolled):
            return
        self.coming[where] = which

    @rule(where=CREDENTIAL_IDS, which=WHICH, off=st.integers(-3, 2))
    def swap(self, where: CredentialId, which: int, off: int) -> None:
        self.send(where, which, off, swapping=True)

    @rule(where=CREDENTIAL_IDS)
    def swap_with_the_code_on_display(self, where: CredentialId) -> None:
        coming = self.coming[where]
        if coming is not None:
            self.send(where, coming, 0, swapping=True)

    @rule(where=CREDENTIAL_IDS)
    def drop(self, where: CredentialId) -> None:
        try:
            self.rig.drop_replacement.execute(where)
        except NotEnrolled:
            return
        self.coming[where] = None

    @rule(where=CREDENTIAL_IDS)
    def remove(self, where: CredentialId) -> None:
        if self.present[where] is not None:
            self.rig.remove.execute(where)
            self.present[where] = self.coming[where] = None

    @rule(where=CREDENTIAL_IDS, off=st.integers(-1, 1))
    def disable(self, where: CredentialId, off: int) -> None:
        which = self.present[where]
        if which is None:
            return
        factor = max(0, self.factor(where, which) + off)
        verdict = self.rig.disable.execute(VerifyRequest(where, Code(hotp_value(SECRETS[which].key, factor)))).verdict
        if isinstance(verdict, Accepted):
            self.accept(where, which, factor)
            self.present[where] = self.coming[where] = None

    @rule()
    def unlock(self) -> None:
        self.rig.unlock.execute(ALICE)

    @rule(where=CREDENTIAL_IDS)
    def the_next_code_is_good(self, where: CredentialId) -> None:
        """The authenticator of a secret that is enrolled again is synchronized."""
        which = self.present[where]
        if which is None:
            return
        self.rig.unlock.execute(ALICE)
        if where == TOTP:
            self.rig.clock.advance(90)
        before = len(self.accepted)
        self.send(where, which, 0, swapping=False)
        assert len(self.accepted) == before + 1

    @rule(seconds=st.sampled_from([1, 30, 60, 930, 3600]))
    def time_passes(self, seconds: int) -> None:
        self.rig.clock.advance(seconds)
        self.rig.repository.expire(self.rig.clock.time)

    @invariant()
    def what_is_present_stays(self) -> None:
        for where, which in self.present.items():
            state = self.state(where)
            assert (which is None) == (state is None)
            if isinstance(state, SecretCredential) and which is not None:
                assert state.secret.key == SECRETS[which].key

    @invariant()
    def the_content_alone_says_when_redis_forgets_it(self) -> None:
        repository = self.rig.repository
        assert isinstance(repository, StoredRepository)
        for where in (TOTP, HOTP):
            state = repository.state(where)
            if state is not None:
                assert repository.expires_at(where) == state.expires_at
            if isinstance(state, Credential) and state.status is Status.CONFIRMED:
                assert repository.expires_at(where) is None


TestFormerSecrets = FormerSecretsModel.TestCase
TestFormerSecrets.settings = settings(max_examples=100, stateful_step_count=50)
