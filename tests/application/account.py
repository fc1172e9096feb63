"""An account with confirmed factors, and the codes that its authenticators display."""

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
"""The ways in which a store can fail."""


class Account(Rig):
    """The account of Alice. Her authenticators display the codes of noon; `further` is in counters or steps."""

    def has_hotp(self, digits: int = 6) -> SecretCredential:
        """Enrol HOTP and confirm it with the code of counter 0."""
        return self._confirmed(HotpParameters(digits=digits), 0)

    def has_totp(self, digits: int = 6) -> SecretCredential:
        """Enrol TOTP and confirm it with the code of the step before noon."""
        return self._confirmed(TotpParameters(digits=digits), STEP - 1)

    def has_both(self) -> tuple[SecretCredential, SecretCredential]:
        """Enrol and confirm HOTP and TOTP."""
        return self.has_hotp(), self.has_totp()

    def has_recovery_codes(self) -> tuple[RecoveryCode, ...]:
        return self.issue_recovery_codes.execute(ALICE).codes

    def gets_replacement(self, credential_id: CredentialId, digits: int = 6) -> SecretCredential:
        parameters = HotpParameters(digits=digits) if credential_id == HOTP else TotpParameters(digits=digits)
        return self.enrol.replace(EnrolRequest(ALICE, None, parameters))

    def sends(self, credential_id: CredentialId, code: Code) -> Outcome:
        return self.verify.execute(VerifyRequest(credential_id, code))

    def swaps(self, credential_id: CredentialId, code: Code) -> Outcome:
        return self.confirm_replacement.execute(VerifyRequest(credential_id, code))

    def disables(self, credential_id: CredentialId, code: Code) -> Outcome:
        return self.disable.execute(VerifyRequest(credential_id, code))

    def fails(self, credential_id: CredentialId, times: int = 5) -> None:
        wrong = WRONG_RECOVERY_CODE if credential_id == RECOVERY_CODES else WRONG
        for _ in range(times):
            self.sends(credential_id, wrong)

    def failures(self, credential_id: CredentialId) -> int:
        state = self.repository.state(credential_id)
        return 0 if state is None else state.failures.count

    def _confirmed(self, parameters: HotpParameters | TotpParameters, factor: int) -> SecretCredential:
        credential = self.enrol.execute(EnrolRequest(ALICE, None, parameters))
        self.sends(credential.id, code_of(credential, factor))
        self.events.all.clear()
        return credential


def shown(credential: SecretCredential, further: int = 0) -> Code:
    """Return the next code that an authenticator displays."""
    return code_of(credential, {TOTP: STEP, HOTP: 1}[credential.id] + further)


def verdict_of(answer: ChallengeOutcome) -> tuple[Factor, Verdict]:
    return answer.credential_id.factor, answer.outcome.verdict
