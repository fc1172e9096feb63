"""An account that has confirmed its factors, and the codes that its authenticators show."""

from application.challenge import ChallengeOutcome
from application.enrolment import EnrolRequest
from application.verification import VerifyRequest
from domain.code import Code
from domain.owner import CredentialId, Factor
from domain.parameters import HotpParameters, TotpParameters
from domain.recovery_codes import RecoveryCode
from domain.secret_credential import SecretCredential
from domain.stored_state import Outcome
from domain.verdict import Verdict
from tests.application.rig import HOTP, RECOVERY_CODES, TOTP, Rig
from tests.domain.examples import ALICE, STEP, code_of

WRONG = Code("000000")
WRONG_RECOVERY_CODE = RecoveryCode("ZZZZZZZZZZZZZZZZ")
FLAGS = ("down_for_loads", "down_before_commits", "down_after_commits")
"""What can fail of a store."""


class Account(Rig):
    """Alice's. Her authenticators' clock stands at noon; `further` is in counters or steps."""

    def has_hotp(self, digits: int = 6) -> SecretCredential:
        """Confirmed with the code of counter 0."""
        return self._confirmed(HotpParameters(digits=digits), 0)

    def has_totp(self, digits: int = 6) -> SecretCredential:
        """Confirmed with the code of the step before noon's."""
        return self._confirmed(TotpParameters(digits=digits), STEP - 1)

    def has_both(self) -> tuple[SecretCredential, SecretCredential]:
        """HOTP and TOTP."""
        return self.has_hotp(), self.has_totp()

    def has_recovery_codes(self) -> tuple[RecoveryCode, ...]:
        return self.issue_recovery_codes.execute(ALICE).codes

    def gets_replacement(self, place: CredentialId, digits: int = 6) -> SecretCredential:
        parameters = HotpParameters(digits=digits) if place == HOTP else TotpParameters(digits=digits)
        return self.enrol.replace(EnrolRequest(ALICE, None, parameters))

    def sends(self, place: CredentialId, code: Code) -> Outcome:
        return self.verify.execute(VerifyRequest(place, code))

    def swaps(self, place: CredentialId, code: Code) -> Outcome:
        return self.confirm_replacement.execute(VerifyRequest(place, code))

    def disables(self, place: CredentialId, code: Code) -> Outcome:
        return self.disable.execute(VerifyRequest(place, code))

    def fails(self, place: CredentialId, times: int = 5) -> None:
        wrong = WRONG_RECOVERY_CODE if place == RECOVERY_CODES else WRONG
        for _ in range(times):
            self.sends(place, wrong)

    def failures(self, place: CredentialId) -> int:
        state = self.repository.state(place)
        return 0 if state is None else state.failures.count

    def _confirmed(self, parameters: HotpParameters | TotpParameters, factor: int) -> SecretCredential:
        credential = self.enrol.execute(EnrolRequest(ALICE, None, parameters))
        self.sends(credential.id, code_of(credential, factor))
        self.events.all.clear()
        return credential


def shown(credential: SecretCredential, further: int = 0) -> Code:
    """The next code that an authenticator shows."""
    return code_of(credential, {TOTP: STEP, HOTP: 1}[credential.id] + further)


def verdict_of(answer: ChallengeOutcome) -> tuple[Factor, Verdict]:
    return answer.factor, answer.outcome.verdict
