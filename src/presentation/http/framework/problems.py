"""Problem documents (RFC 9457): what went wrong, in a form that a program and a person can act on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from json import JSONEncoder
from typing import TYPE_CHECKING, Any, Final

from flask import Response

from application.request_context import current_call
from presentation.http.framework.links import link

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MEDIA_TYPE: Final = "application/problem+json"
RETRY_WHEN_UNAVAILABLE: Final = 2
"""Seconds: a fail-over takes 2 to 4."""


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem.

    Attributes:
        meaning: what happened; this and the next are for the person who opens its page.
        way_out: what to do.
        for_programs: what to do for whoever writes the program that met it.
    """

    slug: str
    status: int
    title: str
    meaning: str
    way_out: str
    for_programs: str = ""

    @property
    def uri(self) -> str:
        """The relative reference that identifies the type and leads to its page."""
        return f"/problems/{self.slug}"


class Problems(Enum):
    """Every kind of problem that this service answers with."""

    INVALID_REQUEST = ProblemType(
        "invalid-request",
        400,
        "The request is not valid",
        "What was sent is incomplete, or has parts that are not understood or out of range. Nothing was changed, "
        "and no wrong guess was counted.",
        "Check what you typed, and try again.",
        "The body must be a JSON object; mend the members that «errors» names.",
    )
    UNAUTHENTICATED = ProblemType(
        "unauthenticated",
        401,
        "Credentials are missing or wrong",
        "This part of the service is for applications and administrators, and the request did not prove to come "
        "from one.",
        "As an administrator, check your name and password. Anybody else has come here by mistake.",
        "Send an API key as «Authorization: Bearer …», or for the admin API the name and password by HTTP Basic.",
    )
    CODE_REJECTED = ProblemType(
        "code-rejected",
        403,
        "The code was not accepted",
        "The code is wrong, was used before, or came too late.",
        "Wait for the next code of your authenticator, or ask for a new one, and try again. After several wrong "
        "ones you have to wait.",
        "«reason» is wrong, replayed or expired; «attempts_left» says how many wrong codes are left, the last of "
        "which locks the factor. Replayed and expired ones are not counted.",
    )
    CROSS_SITE_REQUEST = ProblemType(
        "cross-site-request",
        403,
        "The request came from another site",
        "A browser sent this request on behalf of a page of another site, and it would have changed something.",
        "Open the page itself, and do it there.",
        "What is no browser sends neither Sec-Fetch-Site nor Origin.",
    )
    NOT_FOUND = ProblemType(
        "not-found",
        404,
        "There is nothing here",
        "Nothing has this address.",
        "Check the address.",
        "Compare the path with the API's documentation.",
    )
    NOT_ENROLLED = ProblemType(
        "not-enrolled",
        404,
        "This factor is not enrolled",
        "There is nothing of this factor to verify, read or delete: it was never enrolled or confirmed, was deleted, "
        "was burned by wrong guesses, or its session is over.",
        "Enrol the factor first and confirm it, or ask for a new code.",
    )
    METHOD_NOT_ALLOWED = ProblemType(
        "method-not-allowed",
        405,
        "This method is not allowed here",
        "There is something at this address, but it does not do what was asked of it.",
        "Go back, and try again from there.",
        "Use one of the methods that the Allow header names.",
    )
    NOT_ACCEPTABLE = ProblemType(
        "not-acceptable",
        406,
        "No picture of an acceptable type",
        "A QR code can be had as an SVG and as a PNG picture, and neither was asked for.",
        "Open the page that shows the picture.",
        "Ask for image/svg+xml or image/png in the Accept header, or by the endings .svg and .png.",
    )
    ALREADY_ENROLLED = ProblemType(
        "already-enrolled",
        409,
        "This factor is already enrolled",
        "The factor, or its replacement, exists, and a secret is never replaced silently. Nothing was changed.",
        "If you have not finished enrolling it, delete it and begin again. For a new phone, replace it.",
        "DELETE what is pending and POST it again; replace what is confirmed by «…/replacement».",
    )
    ALREADY_CONFIRMED = ProblemType(
        "already-confirmed",
        409,
        "This factor is already confirmed",
        "The secret and its QR code are shown only until the first accepted code.",
        "For a new phone, replace the factor. If the old one is lost, delete the factor and enrol it again.",
        "POST «…/replacement», or DELETE the factor and POST it again.",
    )
    TOO_LARGE = ProblemType(
        "too-large",
        413,
        "The request's body is too large",
        "More was sent than is ever needed, and it was not read.",
        "Send less.",
        "No body may have more than 16 KiB.",
    )
    UNSUPPORTED_MEDIA_TYPE = ProblemType(
        "unsupported-media-type",
        415,
        "This is not read here",
        "What was sent is not in a form that is read here.",
        "Go back, and send it from the page itself.",
        "Send JSON in UTF-8, with Content-Type: application/json.",
    )
    HEAD_TOO_LARGE = ProblemType(
        "head-too-large",
        431,
        "The request's head is too large",
        "The page's address, its cookies and the browser's own additions are too long together, or too many.",
        "Delete the cookies of this site, and try again.",
        "The request line and the header fields may have 64 KiB together, and there may be 200 header fields.",
    )
    LOCKED = ProblemType(
        "locked",
        429,
        "This factor is locked",
        "There were too many wrong codes in a row. While the lock lasts no code is judged, not even a good one.",
        "Wait: half a minute the first time, longer after each further wrong code, a quarter of an hour at most.",
        "«locked_until» and Retry-After say until when.",
    )
    RATE_LIMITED = ProblemType(
        "rate-limited",
        429,
        "Too many requests",
        "There were too many requests from one address, or too many codes were sent to one recipient "
        "or to all of them.",
        "Wait half a minute and try again; for another code that is sent to you, ten minutes or up to an hour.",
        "Retry-After says how many seconds.",
    )
    DELIVERY_FAILED = ProblemType(
        "delivery-failed",
        502,
        "The code could not be sent",
        "The code could not be sent: the mail server or the webhook refused it, or did not take it in time. It is"
        " not usable.",
        "Check where it was to go, and ask for a new one. If that fails too, tell whoever runs the service.",
    )
    INTERNAL_ERROR = ProblemType(
        "internal-error",
        500,
        "Something went wrong in the service",
        "This is a fault of the service, not of the request. No code was accepted.",
        "Try again. If it stays so, tell whoever runs the service the request's id.",
    )
    STORE_UNAVAILABLE = ProblemType(
        "store-unavailable",
        503,
        "The store is not available",
        "The service can't reach what it keeps its state in, or can't read it. No code was accepted.",
        "Try again in a few seconds. If it stays so, tell whoever runs the service.",
        "Retry-After says in how many seconds.",
    )


_encode: Final = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

BY_SLUG: Final[Mapping[str, ProblemType]] = {problem.value.slug: problem.value for problem in Problems}
BY_STATUS: Final[Mapping[int, Problems]] = {
    400: Problems.INVALID_REQUEST,
    401: Problems.UNAUTHENTICATED,
    404: Problems.NOT_FOUND,
    405: Problems.METHOD_NOT_ALLOWED,
    406: Problems.NOT_ACCEPTABLE,
    413: Problems.TOO_LARGE,
    415: Problems.UNSUPPORTED_MEDIA_TYPE,
    429: Problems.RATE_LIMITED,
}


@dataclass(frozen=True, slots=True)
class Problem(Exception):
    """Raised where a request can't be answered otherwise; `members` and `headers` are those of its kind."""

    kind: Problems
    detail: str | None = None
    members: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        """The problem document."""
        call = current_call.get()
        body = document(self.kind, self.detail, self.members, call.request_id if call else None, link(""))
        return JsonResponse(body, self.kind.value.status, MEDIA_TYPE, self.headers)


def document(
    kind: Problems, detail: str | None, members: Mapping[str, Any], request_id: str | None, prefix: str = ""
) -> bytes:
    """Return a problem document as it is sent.

    Args:
        kind: the kind of problem.
        detail: what happened; None for the text of the kind.
        members: the further members.
        request_id: the id of the request, None for none.
        prefix: the path below which the service runs.
    """
    problem = kind.value
    return encode(
        {
            "type": f"{prefix}{problem.uri}",
            "title": problem.title,
            "status": problem.status,
            "detail": detail or f"{problem.meaning} {problem.for_programs or problem.way_out}",
            "request_id": request_id,
            **members,
        }
    )


def sentence(error: Exception) -> str:
    """What the inner layers say of a value, as a sentence of its own."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def invalid(errors: Mapping[str, list[str]]) -> Problem:
    """A 400 that names every bad member."""
    names = ", ".join(errors)
    return Problem(Problems.INVALID_REQUEST, f"Not valid: {names[:200]}.", {"errors": dict(errors)})


class JsonResponse(Response):
    """An answer that is complete when it is made: werkzeug would copy, search and encode all of it once more."""

    def __init__(self, body: bytes, status: int, content_type: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(body, status, {"Content-Length": str(len(body)), **(headers or {})}, content_type=content_type)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        start_response(self.status, list(self.headers))
        return () if environ["REQUEST_METHOD"] == "HEAD" else self.response  # type: ignore[return-value] # always bytes


def encode(document: Mapping[str, Any]) -> bytes:
    """JSON in UTF-8, as every answer is written."""
    return f"{_encode(document)}\n".encode()
