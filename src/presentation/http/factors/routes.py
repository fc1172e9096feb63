"""The routes of the factors that all kinds of owners have, by factor."""

from typing import NamedTuple

from presentation.http.factors.hotp import hotp_routes
from presentation.http.factors.otp import otp_routes
from presentation.http.factors.requests import EnrolHotpBody, EnrolTotpBody, ReplaceHotpBody, ReplaceTotpBody
from presentation.http.factors.totp import totp_routes
from presentation.http.factors.use_cases import FactorServices
from presentation.http.framework.access import Guards
from presentation.http.framework.endpoint import Route


class FactorRoutes(NamedTuple):
    """The routes of one factor, with its name and its description in the OpenAPI document."""

    name: str
    description: str
    routes: tuple[Route, ...]


def factor_routes(
    services: FactorServices,
    lifetime: int | None,
    totp_body: EnrolTotpBody,
    totp_replacement_body: ReplaceTotpBody,
    sending_guards: Guards = (),
) -> tuple[FactorRoutes, ...]:
    """Return the routes of all factors, in the order in which people need them.

    Args:
        services: the shared parts.
        lifetime: the lifetime of the owner in seconds; None for no end.
        totp_body: the schema of the enrolment of a TOTP secret.
        totp_replacement_body: the schema of its replacement.
        sending_guards: the additional guards of a request that sends a code to a recipient.
    """
    totp = totp_routes(services, lifetime, totp_body, totp_replacement_body)
    hotp = hotp_routes(services, lifetime, EnrolHotpBody(), ReplaceHotpBody())
    otp = otp_routes(services, lifetime, sending_guards)
    return (
        FactorRoutes("TOTP", "Codes that depend on the time (RFC 6238).", totp),
        FactorRoutes("HOTP", "Codes that depend on a counter (RFC 4226).", hotp),
        FactorRoutes("one-time code", "Random codes, which the service can send if it is configured for that.", otp),
    )
