"""The schemas of problem documents (RFC 9457)."""

from collections.abc import Mapping
from typing import Final

from marshmallow import fields, validate

from domain.api_key import Scope
from domain.failures import FAILURES_BEFORE_LOCK
from domain.usage import LimitName
from domain.verdict import Reason
from presentation.http.framework.fields import ResponseSchema, response_field, time_field
from presentation.http.framework.problem_types import Problems


class ProblemResponse(ResponseSchema):
    """A problem document (RFC 9457)."""

    type = response_field(
        fields.String, "Identifies the kind of problem and links to its explanation.", "/problems/not-found"
    )
    title = response_field(fields.String, "The kind of problem in a few words.", "There is nothing here")
    status = response_field(fields.Integer, "The HTTP status code.", 404)
    detail = response_field(fields.String, "A description of this occurrence.", "No resource has this path.")
    request_id = response_field(fields.String, "The request ID, as in `X-Request-ID` and in the logs.", "2f1b0c9e")


class InvalidRequestResponse(ProblemResponse):
    """A request with invalid members."""

    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        required=True,
        metadata={
            "description": "The invalid members, and for each of them the rules that it breaks.",
            "example": {"code": ["Must be 6 to 10 digits."]},
        },
    )


class CodeRejectedResponse(ProblemResponse):
    """A code that was judged and rejected."""

    reason = response_field(
        fields.String,
        "The reason for the rejection.",
        "wrong",
        validate=validate.OneOf([reason.value for reason in Reason]),
    )
    attempts_left = response_field(
        fields.Integer,
        "The number of wrong codes that remain. The last one locks the factor.",
        4,
        validate=validate.Range(0, FAILURES_BEFORE_LOCK),
    )
    locked_until = fields.String(
        metadata={"description": "The end of the lock, if this code has locked the factor.", "format": "date-time"}
    )


class LockedResponse(ProblemResponse):
    """A code that was not judged because the factor is locked."""

    locked_until = time_field("The end of the lock.")


class RateLimitedResponse(ProblemResponse):
    """A request beyond a limit."""

    limit = fields.String(
        validate=validate.OneOf([limit.value for limit in LimitName]),
        metadata={"description": "The limit of the tenant that was reached. It is missing for other limits."},
    )


class ForbiddenResponse(ProblemResponse):
    """An API key that does not have the scope of the operation."""

    scope = response_field(
        fields.String, "The scope that the operation needs.", "manage", validate=validate.OneOf([*map(str, Scope)])
    )
    key_scope = response_field(
        fields.String, "The highest scope of the API key.", "verify", validate=validate.OneOf([*map(str, Scope)])
    )


SPECIFIC_RESPONSES: Final[Mapping[Problems, type[ProblemResponse]]] = {
    Problems.INVALID_REQUEST: InvalidRequestResponse,
    Problems.CODE_REJECTED: CodeRejectedResponse,
    Problems.FORBIDDEN: ForbiddenResponse,
    Problems.LOCKED: LockedResponse,
    Problems.RATE_LIMITED: RateLimitedResponse,
}
"""The schemas of the problems that have members of their own."""
