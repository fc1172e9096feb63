"""Problem documents (RFC 9457): a description of an error that programs and people can act on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from flask import Response

from application.request_context import current_request
from domain.usage import LimitName
from presentation.http.framework.links import link
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.responses import CompleteResponse, encode

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Problem(Exception):
    """The reason why a request cannot succeed. The endpoint turns it into a problem document.

    Attributes:
        kind: the kind of problem.
        detail: what happened; None for the text of the kind.
        members: the members that this kind of problem has beyond those of RFC 9457.
        headers: the header fields of the response.
    """

    kind: Problems
    detail: str | None = None
    members: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        """Return the problem document as a response."""
        context = current_request.get()
        body = document(self.kind, self.detail, self.members, context.request_id if context else None, link(""))
        return CompleteResponse(body, self.kind.value.status, MEDIA_TYPE, self.headers)


def document(
    kind: Problems, detail: str | None, members: Mapping[str, Any], request_id: str | None, prefix: str = ""
) -> bytes:
    """Return a problem document as bytes.

    Args:
        kind: the kind of problem.
        detail: what happened; None for the text of the kind.
        members: the members that this kind of problem has beyond those of RFC 9457.
        request_id: the ID of the request, None for none.
        prefix: the path below which the service runs.
    """
    problem = kind.value
    return encode(
        {
            "type": f"{prefix}{problem.uri}",
            "title": problem.title,
            "status": problem.status,
            "detail": detail or f"{problem.meaning} {problem.for_clients or problem.remedy}",
            "request_id": request_id,
            **members,
        }
    )


def sentence(error: Exception) -> str:
    """Return the message of an error of the inner layers as a sentence."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def limit_problem(limit: LimitName, wait: int) -> Problem:
    """Return a problem with status 429 for a limit of the tenant. `wait` is in seconds."""
    detail = f"The application has reached its limit {limit}. Try again in {wait} s."
    return Problem(Problems.RATE_LIMITED, detail, {"limit": limit.value}, {"Retry-After": str(wait)})


def invalid(errors: Mapping[str, list[str]]) -> Problem:
    """Return a problem with status 400 that lists the invalid members, each with the rules that it breaks."""
    names = ", ".join(errors)
    return Problem(Problems.INVALID_REQUEST, f"Not valid: {names[:200]}.", {"errors": dict(errors)})
