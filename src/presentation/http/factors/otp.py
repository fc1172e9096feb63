"""The routes of one-time codes, which are the same for all kinds of owners."""

from typing import Any

from flask import Response, request

from application.errors import DeliveryFailed, InvalidRecipient, RecipientNotAllowed, TooManySends, UnsupportedDelivery
from application.issuing import IssueCode, IssueCodeRequest
from application.ports.delivery import Channel
from application.timestamps import timestamp
from domain.api_key import Scope
from domain.owner import Factor, Owner
from presentation.http.factors import operations
from presentation.http.factors.credential_handlers import CredentialHandlers
from presentation.http.factors.identity import first_of
from presentation.http.factors.requests import IssueCodeBody
from presentation.http.factors.responses import IssuedCodeResponse, OtpResponse
from presentation.http.factors.use_cases import FactorServices
from presentation.http.framework.access import Guards, Limit
from presentation.http.framework.client_address import network_of
from presentation.http.framework.endpoint import Route
from presentation.http.framework.operation import Operation, OwnerUse
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import Problem, invalid, limit_problem, sentence
from presentation.http.framework.responses import json_response


class IssueHandler:
    """Issue one-time codes.

    Args:
        issue: the use case.
        lifetime: the lifetime of the owner in seconds; None for no end.
        sending_guards: the additional guards of a request that sends a code to a recipient.
    """

    def __init__(self, issue: IssueCode, lifetime: int | None, sending_guards: Guards) -> None:
        self._issue = issue
        self._lifetime = lifetime
        self._sending_guards = sending_guards

    def issue(self, owner: Owner, *, digits: int, lifetime: int, delivery: dict[str, Any]) -> Response:
        """Issue a code, and send it if the channel is not the response."""
        channel: Channel = delivery["channel"]
        if channel is not Channel.RESPONSE:
            # A client that sends mail to strangers must keep to the stricter limit.
            for guard in self._sending_guards:
                guard()
        wanted = IssueCodeRequest(
            owner,
            self._lifetime,
            digits,
            lifetime,
            channel,
            delivery.get("to", ""),
            network_of(request.remote_addr),
            delivery.get("language"),
        )
        try:
            issued = self._issue.execute(wanted)
        except UnsupportedDelivery:
            raise invalid({"delivery.channel": ["The service is not configured for this channel."]}) from None
        except InvalidRecipient as error:
            raise invalid({"delivery.to": [sentence(error)]}) from None
        except RecipientNotAllowed:
            raise Problem(Problems.RECIPIENT_NOT_ALLOWED) from None
        except TooManySends as error:
            if error.limit is not None:
                raise limit_problem(error.limit, error.wait) from None
            wait = str(error.wait)
            detail = f"Too many codes were sent to this recipient, or in total. Try again in {wait} s."
            raise Problem(Problems.RATE_LIMITED, detail, headers={"Retry-After": wait}) from None
        except DeliveryFailed:
            raise Problem(Problems.DELIVERY_FAILED) from None
        document: dict[str, Any] = {} if channel is not Channel.RESPONSE else {"code": issued.code.text}
        document |= {
            "digits": issued.credential.code_digits,
            "expires_at": timestamp(issued.credential.code_expires_at),
            "delivery": {"channel": channel.value},
        }
        return json_response(document, 201)


def otp_routes(services: FactorServices, lifetime: int | None, sending_guards: Guards = ()) -> tuple[Route, ...]:
    """Return the routes of one-time codes.

    Args:
        services: the shared parts.
        lifetime: the lifetime of the owner in seconds; None for no end.
        sending_guards: the additional guards of a request that sends a code to a recipient.
    """
    credential = CredentialHandlers(first_of(Factor.OTP), services)
    issue = IssueHandler(services.use_cases.issue, lifetime, sending_guards).issue
    issuing = Operation(
        summary="Issue a one-time code",
        description="The code is random and valid once. It replaces the previous code. The count of wrong codes "
        "continues, and the fifth wrong code makes the one-time code invalid. The service sends at most 5 codes in 10 "
        "minutes to one recipient, regardless of the spelling of the address, and a limited number per hour in total.",
        body=IssueCodeBody(),
        responses={201: IssuedCodeResponse()},
        problems=(Problems.RECIPIENT_NOT_ALLOWED, Problems.RATE_LIMITED, Problems.DELIVERY_FAILED),
        examples={"defaults": {}, "eight digits for one minute": {"digits": 8, "lifetime": 60}},
        owner=OwnerUse.CREATED,
        limit=Limit.ENROLMENTS,
        scope=Scope.VERIFY,
    )
    return (
        Route("POST", "/otp", issue, issuing),
        Route("POST", "/otp/verify", credential.verify, operations.verify("Verify a one-time code")),
        Route("GET", "/otp", credential.describe, operations.describe("Describe the one-time code", OtpResponse())),
        Route("DELETE", "/otp", credential.remove, operations.remove("Delete the one-time code")),
    )
