"""JSON responses."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from flask import Response
from msgspec.json import Encoder
from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

JSON: Final = "application/json"

_encode: Final = Encoder().encode


class CompleteResponse(Response):
    """A response that is complete when it is made. Werkzeug would copy, search and encode all of it once more."""

    def __init__(self, body: bytes, status: int, content_type: str, headers: Mapping[str, str] | None = None) -> None:
        fields = Headers()
        fields.add("Content-Type", content_type)
        fields.add("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            fields.add(name, value)
        super().__init__([body], status, fields)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        start_response(self.status, list(self.headers))
        return () if environ["REQUEST_METHOD"] == "HEAD" else self.response  # type: ignore[return-value] # always bytes


def json_response(document: Mapping[str, Any], status: int = 200) -> Response:
    """Return a response with a JSON object."""
    return CompleteResponse(encode(document), status, JSON)


def no_content() -> Response:
    """Return a response with status 204."""
    return Response(status=204)


def encode(document: Mapping[str, Any]) -> bytes:
    """Return JSON in UTF-8, in the form that all responses have."""
    return _encode(document) + b"\n"
