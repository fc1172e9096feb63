"""The kinds of events that are HTTP requests.

Each kind has the address of the client in a part that only the platform writes, so no client can forge it.
"""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct, ValidationError, convert

UNKNOWN: Final = "unknown"
"""The address of a client that the platform does not name, such as the health check of a load balancer."""
_ASCII: Final = "".join(map(chr, range(128)))


class NotHttp(Exception):
    """The event is not an HTTP request, or its source is one that the service does not support."""


@dataclass(frozen=True, slots=True)
class HttpEvent:
    """An event that is an HTTP request.

    Attributes:
        event: the event, for apig-wsgi.
        address: the address of the client.
        scheme: `http` or `https`.
        repeats_fields: whether the response can have several header fields with the same name.
        errors: the rules that the event breaks, by its invalid parts. The texts repeat no value.
    """

    event: dict[str, Any]
    address: str = UNKNOWN
    scheme: str = "https"
    repeats_fields: bool = True
    errors: Mapping[str, list[str]] | None = None


class _Http(Struct, rename="camel"):
    method: str
    source_ip: str
    protocol: str


class _HttpContext(Struct):
    http: _Http


class _PayloadTwo(Struct, rename="camel"):
    """The event of a function URL, or of an HTTP API with the payload format 2.0."""

    request_context: _HttpContext
    raw_path: str
    raw_query_string: str
    headers: dict[str, str]
    cookies: list[str] = []
    body: str | None = None
    is_base64_encoded: bool = False


class _Identity(Struct, rename="camel"):
    source_ip: str


class _IdentityContext(Struct):
    identity: _Identity


class _Balanced(Struct, rename="camel"):
    """The event of an Application Load Balancer, with or without multi-value headers."""

    path: str
    http_method: str
    headers: dict[str, str] | None = None
    multi_value_headers: dict[str, list[str]] | None = None
    query_string_parameters: dict[str, str] | None = None
    multi_value_query_string_parameters: dict[str, list[str]] | None = None
    body: str | None = None
    is_base64_encoded: bool = False

    def last_value(self, name: str) -> str:
        """Return the last value of a header field whose values are a list. The balancer appends it."""
        single = {field: [value] for field, value in (self.headers or {}).items()}
        fields = self.multi_value_headers or single
        values = [",".join(values) for field, values in fields.items() if field.lower() == name]
        return values[-1].rpartition(",")[2].strip() if values else ""


class _PayloadOne(_Balanced, rename="camel", kw_only=True):
    """The event of an HTTP API with the payload format 1.0."""

    request_context: _IdentityContext


def http_event(event: object) -> HttpEvent:
    """Return an event as an HTTP request. If parts of it are invalid, the result is empty except for its errors.

    Raises:
        NotHttp: the event is no HTTP request.
    """
    context = event.get("requestContext") if isinstance(event, dict) else None
    if not isinstance(event, dict) or not isinstance(context, dict):
        raise NotHttp
    if "elb" in context:
        return _balanced(event)
    match event.get("version"):
        case "1.0" if "identity" in context:
            return _payload_one(event)
        case "2.0" if "http" in context:
            return _payload_two(event)
    raise NotHttp


def _payload_two(event: dict[str, Any]) -> HttpEvent:
    try:
        content = convert(event, _PayloadTwo)
        _check_body(content)
    except ValueError as error:
        http = {"method": "GET", "sourceIp": UNKNOWN, "protocol": "HTTP/1.1"}
        empty = {
            "version": "2.0",
            "rawPath": "/",
            "rawQueryString": "",
            "headers": {},
            "requestContext": {"http": http},
        }
        return HttpEvent(empty, errors=_errors(error))
    return HttpEvent(event | {"rawPath": _encoded(content.raw_path)}, content.request_context.http.source_ip)


def _payload_one(event: dict[str, Any]) -> HttpEvent:
    try:
        content = convert(event, _PayloadOne)
        _check_body(content)
    except ValueError as error:
        empty = {"version": "1.0", "httpMethod": "GET", "path": "/", "multiValueHeaders": {}}
        return HttpEvent(empty, errors=_errors(error))
    # The response has the form of the event, and an HTTP API accepts repeated fields from both forms.
    fields = content.multi_value_headers or {name: [value] for name, value in (content.headers or {}).items()}
    clean = event | {"path": _encoded(content.path), "multiValueHeaders": _with_one_cookie_field(fields)}
    return HttpEvent(clean, content.request_context.identity.source_ip)


def _balanced(event: dict[str, Any]) -> HttpEvent:
    repeats_fields = "multiValueHeaders" in event
    try:
        content = convert(event, _Balanced)
        _check_body(content)
    except ValueError as error:
        headers = "multiValueHeaders" if repeats_fields else "headers"
        empty = {"requestContext": {"elb": {}}, "httpMethod": "GET", "path": "/", headers: {}}
        return HttpEvent(empty, repeats_fields=repeats_fields, errors=_errors(error))
    clean = event | {"path": _encoded(content.path)}
    if content.multi_value_headers:
        clean["multiValueHeaders"] = _with_one_cookie_field(content.multi_value_headers)
    return HttpEvent(
        clean,
        content.last_value("x-forwarded-for") or UNKNOWN,
        "https" if content.last_value("x-forwarded-proto") == "https" else "http",
        repeats_fields,
    )


def _with_one_cookie_field(fields: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return the fields with all values of Cookie joined by "; ".

    A client of HTTP/2 may send several (RFC 9113, section 8.2.3). apig-wsgi would join them with a comma, which is not
    a separator of cookies.
    """
    return {name: ["; ".join(values)] if name.lower() == "cookie" else values for name, values in fields.items()}


def _check_body(content: _PayloadTwo | _Balanced) -> None:
    """Raise `ValueError` unless the body can be decoded."""
    body = content.body or ""
    if content.is_base64_encoded:
        b64decode(body, validate=True)
    else:
        body.encode()


def _errors(error: ValueError) -> dict[str, list[str]]:
    if isinstance(error, ValidationError):
        return {"event": [f"{error}."]}
    return {"body": ["Must be text, or base64 if `isBase64Encoded` is true."]}


def _encoded(path: str) -> str:
    """Return a path without characters outside of ASCII. An HTTP API decodes the path that the client has sent."""
    return quote(path, safe=_ASCII, errors="replace")
