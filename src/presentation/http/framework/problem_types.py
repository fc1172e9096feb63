"""The kinds of problems, and the texts that explain them (RFC 9457, section 3.1.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem.

    Attributes:
        slug: the name in the URI.
        status: the HTTP status code.
        title: a short sentence, in ASCII.
        meaning: what happened, for the person who opens the page of the problem.
        remedy: what this person can do.
        for_clients: what the developer of a client can do.
    """

    slug: str
    status: int
    title: str
    meaning: str
    remedy: str
    for_clients: str = ""

    @property
    def uri(self) -> str:
        """The relative reference that identifies the kind of problem and leads to its page."""
        return f"/problems/{self.slug}"


class Problems(Enum):
    """All kinds of problems that this service reports."""

    INVALID_REQUEST = ProblemType(
        "invalid-request",
        400,
        "The request is not valid",
        "The request is incomplete, or a part of it is unknown or out of range. Nothing was changed, and no wrong code "
        "was counted.",
        "Check your input and try again.",
        "The body must be a JSON object. Fix the members listed in `errors`.",
    )
    UNAUTHENTICATED = ProblemType(
        "unauthenticated",
        401,
        "Credentials are missing or wrong",
        "Only applications and administrators may use this part of the service. The request has no credentials, or "
        "wrong ones.",
        "If you are an administrator, check your user name and password. Otherwise, you do not need this page.",
        "Send an API key as `Authorization: Bearer <key>`. For the admin API, send the user name and the password with "
        "HTTP Basic authentication.",
    )
    CODE_REJECTED = ProblemType(
        "code-rejected",
        403,
        "The code was not accepted",
        "The code is wrong, was used before, or has expired.",
        "Wait for the next code of your authenticator, or request a new code, and try again. After several wrong "
        "codes, you must wait.",
        "`reason` is `wrong`, `replayed` or `expired`. `attempts_left` is the number of wrong codes that remain. The "
        "last one locks the factor. Replayed and expired codes are not counted.",
    )
    CROSS_SITE_REQUEST = ProblemType(
        "cross-site-request",
        403,
        "The request came from another site",
        "A page of another site made your browser send this request. The service refused it because it would have "
        "changed something.",
        "Open the page of this site yourself and try again there.",
        "Clients other than browsers should omit `Origin` and `Sec-Fetch-Site`.",
    )
    RECIPIENT_NOT_ALLOWED = ProblemType(
        "recipient-not-allowed",
        403,
        "Codes must not be sent to this recipient",
        "The application may send codes only to certain recipients, and this one is not among them. Nothing was sent "
        "or counted, and the previous code is still valid.",
        "Use an address or a number that the application allows, or ask the operator of the application.",
        "The operator of the service lists the allowed recipients in `recipients` in the tenants file. Write a number "
        "as + and digits.",
    )
    FORBIDDEN = ProblemType(
        "forbidden",
        403,
        "The API key does not have the scope",
        "The API key of the application may not do this. The service did not look at the account, and changed nothing.",
        "Tell the operator of the application.",
        "`scope` is the scope that the operation needs, and `key_scope` the highest one of the API key. Ask the "
        "operator of the service for another key.",
    )
    NOT_FOUND = ProblemType(
        "not-found",
        404,
        "There is nothing here",
        "This address does not exist.",
        "Check the address.",
        "Compare the path with the API documentation.",
    )
    NOT_ENROLLED = ProblemType(
        "not-enrolled",
        404,
        "This factor is not enrolled",
        "There is nothing to verify, show or delete. The factor was never enrolled or confirmed, it was deleted, it "
        "became invalid after wrong codes, or the session has ended.",
        "Enrol the factor and confirm it, or request a new code.",
    )
    METHOD_NOT_ALLOWED = ProblemType(
        "method-not-allowed",
        405,
        "This method is not allowed here",
        "This address exists, but it does not support this kind of request.",
        "Go back and try again.",
        "Use one of the methods in the `Allow` header.",
    )
    NOT_ACCEPTABLE = ProblemType(
        "not-acceptable",
        406,
        "No picture of an acceptable type",
        "QR codes are available as SVG and PNG, but the request accepts neither.",
        "Open the page that contains the QR code.",
        "Accept `image/svg+xml` or `image/png`, or request the path that ends with `.svg` or `.png`.",
    )
    ALREADY_ENROLLED = ProblemType(
        "already-enrolled",
        409,
        "This factor is already enrolled",
        "The factor or its replacement already exists. An enrolment never replaces an existing secret. Nothing "
        "was changed.",
        "If you did not finish the enrolment, delete the factor and start again. For a new phone, replace the factor.",
        "DELETE a pending factor before you POST it again. To replace a confirmed factor, POST to its `replacement`.",
    )
    ALREADY_CONFIRMED = ProblemType(
        "already-confirmed",
        409,
        "This factor is already confirmed",
        "The secret and its QR code are available only until the first code is accepted.",
        "For a new phone, replace the factor. If the old phone is lost, delete the factor and enrol it again.",
        "POST to the factor's `replacement`, or DELETE the factor and POST it again.",
    )
    TOO_MANY_AUTHENTICATORS = ProblemType(
        "too-many-authenticators",
        409,
        "The account has too many authenticators",
        "An account can have ten authenticators, including those that are not confirmed. Nothing was changed.",
        "Remove an authenticator that you no longer need, and add the new one again.",
        "GET the account's `authenticators`, and DELETE one of them.",
    )
    TOO_LARGE = ProblemType(
        "too-large",
        413,
        "The request's body is too large",
        "The request is larger than any valid request. The service did not read it.",
        "Send less data.",
        "A body may have at most 16 KiB.",
    )
    UNSUPPORTED_MEDIA_TYPE = ProblemType(
        "unsupported-media-type",
        415,
        "The request's format is not supported",
        "The service does not support the format of the data in the request.",
        "Go back and send the form on the page again.",
        "Send JSON in UTF-8 with `Content-Type: application/json`.",
    )
    HEAD_TOO_LARGE = ProblemType(
        "head-too-large",
        431,
        "The request's head is too large",
        "The address, the cookies and the other data that the browser adds are too long in total, or too many.",
        "Delete the cookies of this site and try again.",
        "The request line and the header fields may have at most 64 KiB in total, and there may be at most 200 header "
        "fields.",
    )
    LOCKED = ProblemType(
        "locked",
        429,
        "This factor is locked",
        "There were too many wrong codes in a row. During the lock, the service accepts no code, not even a correct "
        "one.",
        "Wait. The first lock lasts half a minute. Each further wrong code makes the next lock longer, up to a quarter "
        "of an hour.",
        "`locked_until` is the end of the lock, and `Retry-After` the number of seconds until then.",
    )
    RATE_LIMITED = ProblemType(
        "rate-limited",
        429,
        "Too many requests",
        "Your address or the application sent too many requests, or too many codes were sent to one recipient or in "
        "total. Nothing was judged or changed.",
        "Wait half a minute and try again. For another code by mail or message, wait ten minutes, or at most an hour. "
        "If the application has reached its limit for a day, tell its operator.",
        "`Retry-After` is the number of seconds to wait. If `limit` is present, it names the limit of the tenant that "
        "was reached: `sends_per_day`, `enrolments_per_day` or `challenges_per_second`.",
    )
    DELIVERY_FAILED = ProblemType(
        "delivery-failed",
        502,
        "The code could not be sent",
        "The mail server or the webhook refused the code or did not respond in time. The code is not valid.",
        "Check the recipient and request a new code. If this persists, tell the operator of the service.",
    )
    INTERNAL_ERROR = ProblemType(
        "internal-error",
        500,
        "Something went wrong in the service",
        "The service has failed. The request did not cause this. No code was accepted.",
        "Try again. If this persists, give the operator of the service the request ID.",
    )
    STORE_UNAVAILABLE = ProblemType(
        "store-unavailable",
        503,
        "The store is not available",
        "The service cannot reach or read its store. No code was accepted.",
        "Try again in a few seconds. If this persists, tell the operator of the service.",
        "`Retry-After` is the number of seconds to wait.",
    )


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
"""The kind of problem for a status code that Flask chooses."""
