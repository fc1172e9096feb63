"""The handlers for HOTP and TOTP only."""

from flask import Response

from application.verification import ResynchronizeRequest, VerifyRequest
from domain.code import Code
from domain.errors import MalformedCode
from domain.owner import Owner
from presentation.http.factors.enrolment_handlers import EnrolmentHandlers
from presentation.http.factors.identity import Identify
from presentation.http.factors.picture_handlers import PictureHandlers
from presentation.http.factors.serializers import resynchronized, verified
from presentation.http.factors.use_cases import FactorServices
from presentation.http.factors.verdict_problems import accepted
from presentation.http.framework.problems import invalid
from presentation.http.framework.responses import json_response, no_content


class SecretHandlers:
    """Resynchronize an authenticator, and confirm or drop a replacement.

    Attributes:
        enrolment: the handlers that enrol a secret.
        replacement: the handlers that enrol a replacement.
        picture: the handlers that show the QR code.
        replacement_picture: the handlers that show the QR code of the replacement.
    """

    def __init__(self, identify: Identify, lifetime: int | None, services: FactorServices) -> None:
        use_cases = services.use_cases
        self.enrolment = EnrolmentHandlers(use_cases.enrol.execute, lifetime, services)
        self.replacement = EnrolmentHandlers(use_cases.enrol.replace, lifetime, services, identify)
        self.picture = PictureHandlers(identify, use_cases.show_qr)
        self.replacement_picture = PictureHandlers(identify, use_cases.show_qr, replacement=True)
        self._identify = identify
        self._use_cases = use_cases
        self._clock = services.clock

    def resynchronize(self, owner: Owner, *, codes: list[Code]) -> Response:
        """Resynchronize the authenticator by two consecutive codes."""
        first, second = codes
        wanted = ResynchronizeRequest(self._identify(owner), first, second)
        try:
            outcome = self._use_cases.resynchronize.execute(wanted)
        except MalformedCode as error:
            raise invalid({"codes": [f"This factor's codes {error}."]}) from None
        return json_response(resynchronized(accepted(outcome, self._clock)))

    def confirm_replacement(self, owner: Owner, *, code: Code) -> Response:
        """Verify a code of the replacement, which then becomes the credential."""
        try:
            outcome = self._use_cases.confirm_replacement.execute(VerifyRequest(self._identify(owner), code))
        except MalformedCode as error:
            raise invalid({"code": [f"This factor's codes {error}."]}) from None
        return json_response(verified(accepted(outcome, self._clock)))

    def drop_replacement(self, owner: Owner) -> Response:
        """Drop the replacement."""
        self._use_cases.drop_replacement.execute(self._identify(owner))
        return no_content()
