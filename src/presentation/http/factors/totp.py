"""The routes of TOTP (RFC 6238), which are the same for all kinds of owners."""

from application.ports.qr_code import QrFormat
from domain.owner import Factor
from presentation.http.factors import operations
from presentation.http.factors.credential_handlers import CredentialHandlers
from presentation.http.factors.identity import first_of
from presentation.http.factors.requests import EnrolTotpBody, ReplaceTotpBody
from presentation.http.factors.responses import TotpEnrolmentResponse, TotpResponse, TotpResynchronizedResponse
from presentation.http.factors.secret_handlers import SecretHandlers
from presentation.http.factors.use_cases import FactorServices
from presentation.http.framework.endpoint import Route
from presentation.http.framework.problem_types import Problems


def totp_routes(
    services: FactorServices, lifetime: int | None, body: EnrolTotpBody, replacement_body: ReplaceTotpBody
) -> tuple[Route, ...]:
    """Return the routes of TOTP.

    Args:
        services: the shared parts.
        lifetime: the lifetime of an enrolment in seconds; None for no end.
        body: the schema of an enrolment.
        replacement_body: the schema of a replacement.
    """
    credential = CredentialHandlers(first_of(Factor.TOTP), services)
    secret = SecretHandlers(first_of(Factor.TOTP), lifetime, services)
    enrolment, replacement = secret.enrolment.totp, secret.replacement.totp
    picture, replacement_picture = secret.picture, secret.replacement_picture
    enrolled, resynchronized, described = TotpEnrolmentResponse(), TotpResynchronizedResponse(), TotpResponse()
    confirmed, svg, png = Problems.ALREADY_CONFIRMED, QrFormat.SVG, QrFormat.PNG
    op = operations
    return (
        Route("POST", "/totp", enrolment, op.enrol("Enrol a TOTP secret", body, enrolled, several=lifetime is None)),
        Route("POST", "/totp/verify", credential.verify, op.verify("Verify a TOTP code")),
        Route(
            "POST",
            "/totp/resync",
            secret.resynchronize,
            op.resynchronize("Resynchronize a TOTP authenticator", resynchronized),
        ),
        Route("GET", "/totp", credential.describe, op.describe("Describe the TOTP credential", described)),
        Route("DELETE", "/totp", credential.remove, op.remove("Delete the TOTP credential")),
        Route(
            "GET",
            "/totp/qr",
            picture.negotiated,
            op.negotiated_picture("Show the QR code of the TOTP secret", confirmed),
        ),
        Route(
            "GET", "/totp/qr.svg", picture.svg, op.picture("Show the QR code of the TOTP secret as SVG", svg, confirmed)
        ),
        Route(
            "GET", "/totp/qr.png", picture.png, op.picture("Show the QR code of the TOTP secret as PNG", png, confirmed)
        ),
        Route(
            "POST",
            "/totp/replacement",
            replacement,
            op.replace("Enrol a replacement of the TOTP secret", replacement_body, enrolled),
        ),
        Route(
            "POST",
            "/totp/replacement/verify",
            secret.confirm_replacement,
            op.confirm_replacement("Confirm the TOTP replacement with a code"),
        ),
        Route("DELETE", "/totp/replacement", secret.drop_replacement, op.drop_replacement("Drop the TOTP replacement")),
        Route(
            "GET",
            "/totp/replacement/qr",
            replacement_picture.negotiated,
            op.negotiated_picture("Show the QR code of the TOTP replacement"),
        ),
        Route(
            "GET",
            "/totp/replacement/qr.svg",
            replacement_picture.svg,
            op.picture("Show the QR code of the TOTP replacement as SVG", svg),
        ),
        Route(
            "GET",
            "/totp/replacement/qr.png",
            replacement_picture.png,
            op.picture("Show the QR code of the TOTP replacement as PNG", png),
        ),
    )
