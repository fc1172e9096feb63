"""Reading and validating the bodies of requests."""

from json import JSONDecoder, JSONEncoder
from typing import TYPE_CHECKING, Any, Final

from flask import request
from marshmallow import Schema, ValidationError
from marshmallow.exceptions import SCHEMA
from werkzeug.sansio.utils import get_content_length

from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import Problem, invalid
from presentation.http.framework.responses import JSON

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

LARGEST_BODY: Final = 16 * 1024
"""The size of the largest body in bytes."""


def read_body(schema: Schema, *, required: bool) -> dict[str, Any]:
    """Return the members of the body, validated. A missing body counts as `{}` unless it is required.

    Raises:
        Problem: 400 with all invalid members, 413 or 415.
    """
    environ = request.environ
    raw = read_raw(environ)
    if environ.get("CONTENT_TYPE") != JSON and (raw or request.mimetype) and not _is_json():
        raise Problem(Problems.UNSUPPORTED_MEDIA_TYPE)
    document = _parse(raw) if raw or required else {}
    if not isinstance(document, dict):
        raise invalid({"body": ["Must be a JSON object."]})
    try:
        loaded: dict[str, Any] = schema.load(document)
    except ValidationError as error:
        raise invalid(_flat(error.messages)) from None
    return loaded


def read_raw(environ: "WSGIEnvironment") -> bytes:
    """Return the bytes of the body of a request.

    This reads the server's stream, because Werkzeug silently cuts off a chunked body at the limit.

    Raises:
        Problem: 400 or 413.
    """
    coding = environ.get("HTTP_TRANSFER_ENCODING")
    if coding is not None and coding.strip().lower() != "chunked":
        raise invalid({"body": ["Must have no transfer coding other than `chunked`."]})
    length = get_content_length(environ.get("CONTENT_LENGTH"), coding)
    if length is None and not environ.get("wsgi.input_terminated"):
        return b""
    if length is not None and length > LARGEST_BODY:
        raise Problem(Problems.TOO_LARGE)
    try:
        raw: bytes = environ["wsgi.input"].read(LARGEST_BODY + 1 if length is None else length)
    except (OSError, ValueError):
        # The client is gone, or the server's stream has found malformed chunks.
        raise invalid({"body": ["Must arrive completely, in well-formed chunks if it is chunked."]}) from None
    if len(raw) > LARGEST_BODY:
        raise Problem(Problems.TOO_LARGE)
    if length is not None and len(raw) < length:
        raise invalid({"body": ["Must be as long as `Content-Length` states."]})
    return raw


def _is_json() -> bool:
    charset = request.mimetype_params.get("charset", "utf-8")
    return request.mimetype == JSON and charset.lower().replace("_", "-") in {"utf-8", "utf8"}


def _parse(raw: bytes) -> Any:
    try:
        document = _decoder.decode(raw.decode("utf-8"))
        if b"\\u" in raw:
            # JSON can escape half of a surrogate pair, but UTF-8 cannot encode it. Refuse it before anything uses it.
            _encode(document).encode()
    except (ValueError, RecursionError):
        raise invalid({"body": ["Must be JSON in UTF-8, without repeated members."]}) from None
    return document


def _flat(messages: Any, prefix: str = "") -> dict[str, list[str]]:
    """Return marshmallow's nested messages as {member: [message, …]}. A dot joins the names of nested members."""
    if isinstance(messages, list):
        return {prefix or "body": [str(message) for message in messages]}
    flat: dict[str, list[str]] = {}
    for name, inner in messages.items():
        parts = [part for part in (prefix, "" if name == SCHEMA else str(name)) if part]
        flat |= _flat(inner, ".".join(parts))
    return flat


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("repeated member")
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(name)


_encode: Final = JSONEncoder(ensure_ascii=False).encode
_decoder: Final = JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
