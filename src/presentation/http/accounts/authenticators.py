"""The routes of the authenticators of an account."""

from dataclasses import replace
from typing import Any, Final

from flask import Response, request

from application.ports.qr_code import QrFormat
from application.renaming import Rename
from application.verification import Disable
from domain.api_key import Scope
from domain.authenticators import AUTHENTICATOR_FACTORS
from domain.errors import InvalidValue, NotEnrolled
from domain.owner import AUTHENTICATOR_ID, CredentialId, Factor, Owner
from presentation.http.accounts.authenticator_requests import (
    EnrolAuthenticatorBody,
    RenameBody,
    ReplaceAuthenticatorBody,
    errors_of_type,
    members_of_type,
)
from presentation.http.accounts.authenticator_responses import (
    EXAMPLE_ID,
    AuthenticatorEnrolmentResponse,
    AuthenticatorResponse,
    AuthenticatorResynchronizedResponse,
    AuthenticatorsResponse,
)
from presentation.http.accounts.disabling import DisableHandler, disable
from presentation.http.factors import operations
from presentation.http.factors.credential_handlers import CredentialHandlers
from presentation.http.factors.enrolment_handlers import EnrolmentHandlers
from presentation.http.factors.secret_handlers import SecretHandlers
from presentation.http.factors.serializers import describe_credential
from presentation.http.factors.use_cases import FactorServices
from presentation.http.framework.access import Access, PathVariable
from presentation.http.framework.endpoint import Route
from presentation.http.framework.operation import Operation, OwnerUse
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import invalid
from presentation.http.framework.responses import json_response

_VARIABLE: Final = "authenticator_id"


def authenticator_of_path(owner: Owner) -> CredentialId:
    """Return the id of the authenticator in the path. Raise `NotEnrolled` for a text that is no id."""
    try:
        return CredentialId.of_authenticator(owner, (request.view_args or {})[_VARIABLE])
    except InvalidValue:
        raise NotEnrolled from None


def authenticator_access(access: Access) -> Access:
    """Return the access to the routes of one authenticator of an account."""
    variable = PathVariable(
        "The ID of the authenticator. `totp` and `hotp` are the credentials of the paths `/totp` and `/hotp`.",
        EXAMPLE_ID,
        AUTHENTICATOR_ID,
    )
    return replace(access, path_variables={**access.path_variables, _VARIABLE: variable})


class AuthenticatorHandlers:
    """Enrol, list, describe, rename and replace authenticators."""

    def __init__(self, rename: Rename, services: FactorServices) -> None:
        use_cases = services.use_cases
        self._rename = rename
        self._describe = use_cases.describe
        self._describe_all = use_cases.describe_all
        self._clock = services.clock
        self._enrolment = EnrolmentHandlers(use_cases.enrol.add, None, services, in_collection=True)
        self._replacement = EnrolmentHandlers(use_cases.enrol.replace, None, services, authenticator_of_path)

    def enrol(self, owner: Owner, *, type: Factor, **members: Any) -> Response:  # noqa: A002 - the member of the API
        """Enrol an authenticator."""
        return (self._enrolment.totp if type is Factor.TOTP else self._enrolment.hotp)(owner, **members)

    def list(self, owner: Owner) -> Response:
        """List all authenticators."""
        now = self._clock.now()
        credentials = self._describe_all.execute(owner)
        described = [describe_credential(each, now) for each in credentials if each.id.factor in AUTHENTICATOR_FACTORS]
        return json_response({"authenticators": described})

    def describe(self, owner: Owner) -> Response:
        """Describe the authenticator."""
        credential = self._describe.execute(authenticator_of_path(owner))
        return json_response(describe_credential(credential, self._clock.now()))

    def rename(self, owner: Owner, *, name: str) -> Response:
        """Give the authenticator another name."""
        credential = self._rename.execute(authenticator_of_path(owner), name)
        return json_response(describe_credential(credential, self._clock.now()))

    def replace(self, owner: Owner, **members: Any) -> Response:
        """Enrol a replacement of the authenticator's secret."""
        factor = authenticator_of_path(owner).factor
        errors = errors_of_type(factor, members)
        if errors:
            raise invalid(errors)
        own = members_of_type(factor, members)
        return (self._replacement.totp if factor is Factor.TOTP else self._replacement.hotp)(owner, **own)


def collection_routes(rename: Rename, services: FactorServices) -> tuple[Route, ...]:
    """Return the routes of all authenticators of an account."""
    authenticators = AuthenticatorHandlers(rename, services)
    enrolment = operations.enrol(
        "Enrol an authenticator", EnrolAuthenticatorBody(), AuthenticatorEnrolmentResponse(), several=True
    )
    enrolment = replace(
        enrolment,
        body_required=True,
        examples={"totp": {"type": "totp", "name": "Phone"}, "hotp": {"type": "hotp", "name": "Token"}},
    )
    listing = Operation(
        summary="List the authenticators of the account",
        responses={200: AuthenticatorsResponse()},
        owner=OwnerUse.REQUIRED,
        scope=Scope.VERIFY,
    )
    return (
        Route("POST", "/authenticators", authenticators.enrol, enrolment),
        Route("GET", "/authenticators", authenticators.list, listing),
    )


def authenticator_routes(rename: Rename, disabling: Disable, services: FactorServices) -> tuple[Route, ...]:
    """Return the routes of one authenticator of an account."""
    authenticator = AuthenticatorHandlers(rename, services)
    credential = CredentialHandlers(authenticator_of_path, services)
    secret = SecretHandlers(authenticator_of_path, None, services)
    picture, replacement_picture = secret.picture, secret.replacement_picture
    enrolled, resynchronized = AuthenticatorEnrolmentResponse(), AuthenticatorResynchronizedResponse()
    described = AuthenticatorResponse()
    confirmed, svg, png = Problems.ALREADY_CONFIRMED, QrFormat.SVG, QrFormat.PNG
    op = operations
    renaming = Operation(
        summary="Rename an authenticator",
        body=RenameBody(),
        body_required=True,
        responses={200: described},
        problems=(Problems.NOT_ENROLLED,),
        owner=OwnerUse.REQUIRED,
        scope=Scope.ENROL,
    )
    return (
        Route(
            "GET",
            "/authenticators/<authenticator_id>",
            authenticator.describe,
            op.describe("Describe an authenticator", described),
        ),
        Route("PATCH", "/authenticators/<authenticator_id>", authenticator.rename, renaming),
        Route(
            "DELETE",
            "/authenticators/<authenticator_id>",
            credential.remove,
            op.remove("Delete an authenticator"),
        ),
        Route(
            "POST",
            "/authenticators/<authenticator_id>/verify",
            credential.verify,
            op.verify("Verify a code of an authenticator"),
        ),
        Route(
            "POST",
            "/authenticators/<authenticator_id>/resync",
            secret.resynchronize,
            op.resynchronize("Resynchronize an authenticator", resynchronized),
        ),
        Route(
            "POST",
            "/authenticators/<authenticator_id>/disable",
            DisableHandler(authenticator_of_path, disabling, services.clock),
            disable("Remove an authenticator with a valid code"),
        ),
        Route(
            "GET",
            "/authenticators/<authenticator_id>/qr",
            picture.negotiated,
            op.negotiated_picture("Show the QR code of an authenticator", confirmed),
        ),
        Route(
            "GET",
            "/authenticators/<authenticator_id>/qr.svg",
            picture.svg,
            op.picture("Show the QR code of an authenticator as SVG", svg, confirmed),
        ),
        Route(
            "GET",
            "/authenticators/<authenticator_id>/qr.png",
            picture.png,
            op.picture("Show the QR code of an authenticator as PNG", png, confirmed),
        ),
        Route(
            "POST",
            "/authenticators/<authenticator_id>/replacement",
            authenticator.replace,
            op.replace("Enrol a replacement of an authenticator's secret", ReplaceAuthenticatorBody(), enrolled),
        ),
        Route(
            "POST",
            "/authenticators/<authenticator_id>/replacement/verify",
            secret.confirm_replacement,
            op.confirm_replacement("Confirm the replacement of an authenticator with a code"),
        ),
        Route(
            "DELETE",
            "/authenticators/<authenticator_id>/replacement",
            secret.drop_replacement,
            op.drop_replacement("Drop the replacement of an authenticator"),
        ),
        Route(
            "GET",
            "/authenticators/<authenticator_id>/replacement/qr",
            replacement_picture.negotiated,
            op.negotiated_picture("Show the QR code of an authenticator's replacement"),
        ),
        Route(
            "GET",
            "/authenticators/<authenticator_id>/replacement/qr.svg",
            replacement_picture.svg,
            op.picture("Show the QR code of an authenticator's replacement as SVG", svg),
        ),
        Route(
            "GET",
            "/authenticators/<authenticator_id>/replacement/qr.png",
            replacement_picture.png,
            op.picture("Show the QR code of an authenticator's replacement as PNG", png),
        ),
    )
