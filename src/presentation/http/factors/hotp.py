"""The routes of HOTP (RFC 4226), which are the same for all kinds of owners."""

from application.ports.qr_code import QrFormat
from domain.owner import Factor
from presentation.http.factors import operations
from presentation.http.factors.credential_handlers import CredentialHandlers
from presentation.http.factors.identity import first_of
from presentation.http.factors.requests import EnrolHotpBody, ReplaceHotpBody
from presentation.http.factors.responses import HotpEnrolmentResponse, HotpResponse, HotpResynchronizedResponse
from presentation.http.factors.secret_handlers import SecretHandlers
from presentation.http.factors.use_cases import FactorServices
from presentation.http.framework.endpoint import Route
from presentation.http.framework.problem_types import Problems


def hotp_routes(
    services: FactorServices, lifetime: int | None, body: EnrolHotpBody, replacement_body: ReplaceHotpBody
) -> tuple[Route, ...]:
    """Return the routes of HOTP.

    Args:
        services: the shared parts.
        lifetime: the lifetime of an enrolment in seconds; None for no end.
        body: the schema of an enrolment.
        replacement_body: the schema of a replacement.
    """
    credential = CredentialHandlers(first_of(Factor.HOTP), services)
    secret = SecretHandlers(first_of(Factor.HOTP), lifetime, services)
    enrolment, replacement = secret.enrolment.hotp, secret.replacement.hotp
    picture, replacement_picture = secret.picture, secret.replacement_picture
    enrolled, resynchronized, described = HotpEnrolmentResponse(), HotpResynchronizedResponse(), HotpResponse()
    confirmed, svg, png = Problems.ALREADY_CONFIRMED, QrFormat.SVG, QrFormat.PNG
    op = operations
    return (
        Route("POST", "/hotp", enrolment, op.enrol("Enrol an HOTP secret", body, enrolled, several=lifetime is None)),
        Route("POST", "/hotp/verify", credential.verify, op.verify("Verify an HOTP code")),
        Route(
            "POST",
            "/hotp/resync",
            secret.resynchronize,
            op.resynchronize("Resynchronize an HOTP authenticator", resynchronized),
        ),
        Route("GET", "/hotp", credential.describe, op.describe("Describe the HOTP credential", described)),
        Route("DELETE", "/hotp", credential.remove, op.remove("Delete the HOTP credential")),
        Route(
            "GET",
            "/hotp/qr",
            picture.negotiated,
            op.negotiated_picture("Show the QR code of the HOTP secret", confirmed),
        ),
        Route(
            "GET", "/hotp/qr.svg", picture.svg, op.picture("Show the QR code of the HOTP secret as SVG", svg, confirmed)
        ),
        Route(
            "GET", "/hotp/qr.png", picture.png, op.picture("Show the QR code of the HOTP secret as PNG", png, confirmed)
        ),
        Route(
            "POST",
            "/hotp/replacement",
            replacement,
            op.replace("Enrol a replacement of the HOTP secret", replacement_body, enrolled),
        ),
        Route(
            "POST",
            "/hotp/replacement/verify",
            secret.confirm_replacement,
            op.confirm_replacement("Confirm the HOTP replacement with a code"),
        ),
        Route("DELETE", "/hotp/replacement", secret.drop_replacement, op.drop_replacement("Drop the HOTP replacement")),
        Route(
            "GET",
            "/hotp/replacement/qr",
            replacement_picture.negotiated,
            op.negotiated_picture("Show the QR code of the HOTP replacement"),
        ),
        Route(
            "GET",
            "/hotp/replacement/qr.svg",
            replacement_picture.svg,
            op.picture("Show the QR code of the HOTP replacement as SVG", svg),
        ),
        Route(
            "GET",
            "/hotp/replacement/qr.png",
            replacement_picture.png,
            op.picture("Show the QR code of the HOTP replacement as PNG", png),
        ),
    )
