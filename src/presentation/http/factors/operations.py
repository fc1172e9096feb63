"""The descriptions of the operations that several factors share."""

from typing import Final

from application.ports.qr_code import QrFormat
from domain.api_key import Scope
from presentation.http.factors.picture_handlers import OCTETS, require_acceptable
from presentation.http.factors.requests import NewSecretBody, ResynchronizeBody, VerifyBody
from presentation.http.factors.responses import (
    CredentialResponse,
    EnrolmentResponse,
    ResynchronizedResponse,
    VerifiedResponse,
)
from presentation.http.factors.verdict_problems import VERDICT_PROBLEMS
from presentation.http.framework.access import Limit
from presentation.http.framework.operation import Operation, OwnerUse
from presentation.http.framework.problem_types import Problems

_VERIFY_BODY: Final = VerifyBody()
_OF_SECRETS: Final = {"secret": Scope.MANAGE}
"""A migration brings secrets of another system along. An application does not need that in its daily work."""


def enrol(summary: str, body: NewSecretBody, response: EnrolmentResponse, *, several: bool) -> Operation:
    """Return the operation that enrols a secret.

    Args:
        summary: a short description.
        body: the schema of the request.
        response: the schema of the response.
        several: whether the owner can have several authenticators.
    """
    return Operation(
        summary=summary,
        description="The credential is pending until its first code is accepted. The secret and the QR code are "
        "available only until then. A `secret` of another system counts at once if `confirmed` is true.",
        body=body,
        responses={201: response},
        problems=(
            Problems.ALREADY_ENROLLED,
            *([Problems.TOO_MANY_AUTHENTICATORS] if several else []),
            Problems.RATE_LIMITED,
        ),
        examples={"defaults": {}, "named": {"label": "alice@example.com", "issuer": "Example"}},
        owner=OwnerUse.CREATED,
        limit=Limit.ENROLMENTS,
        scope=Scope.ENROL,
        scopes_of_members=_OF_SECRETS,
    )


def replace(summary: str, body: NewSecretBody, response: EnrolmentResponse) -> Operation:
    """Return the operation that enrols a replacement."""
    return Operation(
        summary=summary,
        description="The confirmed secret stays valid until the first code of the replacement is accepted. Then the "
        "replacement becomes the credential in one step. A replacement that is not confirmed expires after 60 minutes. "
        "Only a code can confirm it, so a weak secret cannot be a replacement.",
        body=body,
        responses={201: response},
        problems=(Problems.NOT_ENROLLED, Problems.ALREADY_ENROLLED, Problems.RATE_LIMITED),
        examples={"defaults": {}},
        owner=OwnerUse.REQUIRED,
        limit=Limit.ENROLMENTS,
        scope=Scope.ENROL,
        scopes_of_members=_OF_SECRETS,
    )


def verify(summary: str) -> Operation:
    """Return the operation that verifies a code."""
    return Operation(
        summary=summary,
        description="Each code is accepted at most once. Wrong codes are counted: the fifth one in a row locks the "
        "factor for 30 s, and each further one for twice as long, up to 15 min.",
        body=_VERIFY_BODY,
        body_required=True,
        responses={200: VerifiedResponse()},
        problems=VERDICT_PROBLEMS,
        owner=OwnerUse.REQUIRED,
        limit=Limit.CODE_CHECKS,
        scope=Scope.VERIFY,
    )


def confirm_replacement(summary: str) -> Operation:
    """Return the operation that verifies a code of a replacement."""
    return Operation(
        summary=summary,
        description="The replacement becomes the credential if the code is accepted. Wrong codes count as they do for "
        "the factor itself.",
        body=_VERIFY_BODY,
        body_required=True,
        responses={200: VerifiedResponse()},
        problems=VERDICT_PROBLEMS,
        owner=OwnerUse.REQUIRED,
        limit=Limit.CODE_CHECKS,
        scope=Scope.ENROL,
    )


def resynchronize(summary: str, response: ResynchronizedResponse) -> Operation:
    """Return the operation that resynchronizes an authenticator."""
    return Operation(
        summary=summary,
        description="The service searches for two consecutive codes far beyond the range of a verification: 1000 "
        "counters ahead (HOTP), or 20 time steps before and after the current one (TOTP, whose drift is stored). Both "
        "codes are then spent. A wrong pair counts as one wrong code.",
        body=ResynchronizeBody(),
        body_required=True,
        responses={200: response},
        problems=VERDICT_PROBLEMS,
        owner=OwnerUse.REQUIRED,
        limit=Limit.CODE_CHECKS,
        scope=Scope.ENROL,
    )


def describe(summary: str, response: CredentialResponse) -> Operation:
    """Return the operation that describes a credential."""
    return Operation(
        summary=summary,
        responses={200: response},
        problems=(Problems.NOT_ENROLLED,),
        owner=OwnerUse.REQUIRED,
        scope=Scope.VERIFY,
    )


def remove(summary: str) -> Operation:
    """Return the operation that removes a credential."""
    return Operation(
        summary=summary,
        description="The next credential of the factor inherits the count of wrong codes.",
        responses={204: None},
        problems=(Problems.NOT_ENROLLED,),
        owner=OwnerUse.REQUIRED,
        scope=Scope.MANAGE,
    )


def drop_replacement(summary: str) -> Operation:
    """Return the operation that drops a replacement."""
    return Operation(
        summary=summary,
        responses={204: None},
        problems=(Problems.NOT_ENROLLED,),
        owner=OwnerUse.REQUIRED,
        scope=Scope.ENROL,
    )


def negotiated_picture(summary: str, *problems: Problems) -> Operation:
    """Return the operation that shows a QR code in the format that the request prefers."""
    return Operation(
        summary=summary,
        description="The format is SVG unless the `Accept` header prefers PNG. A client that accepts only "
        "`application/octet-stream` gets PNG. The picture is available only until the first code is accepted.",
        # Swagger UI requests the first media type, and would show SVG as text.
        responses={200: (QrFormat.PNG, QrFormat.SVG, OCTETS)},
        problems=(Problems.NOT_ENROLLED, *problems, Problems.NOT_ACCEPTABLE),
        owner=OwnerUse.REQUIRED,
        # A picture takes much more CPU time than any other response.
        limit=Limit.ENROLMENTS,
        guards=(require_acceptable,),
        scope=Scope.ENROL,
    )


def picture(summary: str, picture: QrFormat, *problems: Problems) -> Operation:
    """Return the operation that shows a QR code in one format."""
    return Operation(
        summary=summary,
        responses={200: (picture.value, OCTETS)},
        problems=(Problems.NOT_ENROLLED, *problems),
        owner=OwnerUse.REQUIRED,
        limit=Limit.ENROLMENTS,
        scope=Scope.ENROL,
    )
