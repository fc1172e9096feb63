"""What makes a function a resource's method: how its body is read, what it needs, and what OpenAPI is to say of it.

The same description serves both the running service and the document, so that the two can't part.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from json import JSONDecoder
from typing import Any, Final

from flask import Blueprint, Response, request
from marshmallow import Schema, ValidationError
from marshmallow.exceptions import SCHEMA

from presentation.http.framework.middleware import ROUTE
from presentation.http.framework.problems import JsonResponse, Problem, Problems, encode, invalid

LARGEST_BODY: Final = 16 * 1024
"""Bytes."""
READING: Final = frozenset({"GET", "HEAD"})
JSON: Final = "application/json"
DESCRIPTION: Final = "__open_mfa_operation__"

SAME_ORIGIN: Final = frozenset({"same-origin", "none"})
_PERHAPS_SAME_ORIGIN: Final = frozenset({None, "same-site"})

View = Callable[..., Response]


@dataclass(frozen=True, slots=True)
class SecurityScheme:
    """A security scheme of the OpenAPI document.

    Attributes:
        name: its name in the document.
        definition: the scheme as OpenAPI describes it.
    """

    name: str
    definition: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one resource.

    Attributes:
        summary: in a few words, for the documentation.
        tag: the group it is shown in.
        body: the schema that the request's body is read with, None where there is none.
        body_required: whether the request must have a body.
        answers: what a success looks like: status to schema, or to the media types that are not JSON.
        problems: what else it answers with, beyond what every operation does.
        examples: request bodies, by name.
        security: its security scheme, None for none.
        anonymous: whether it also serves requests without credentials.
        parameters: what the variables of its path may be, by name: a description, an example and a pattern.
        sets_cookie: whether a success sets the session cookie.
        touches_store: whether it can fail with the store.
    """

    summary: str
    tag: str
    answers: Mapping[int, Schema | tuple[str, ...] | None]
    description: str = ""
    body: Schema | None = None
    body_required: bool = False
    problems: tuple[Problems, ...] = ()
    examples: Mapping[str, Any] = field(default_factory=dict)
    security: SecurityScheme | None = None
    anonymous: bool = False
    parameters: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    sets_cookie: bool = False
    touches_store: bool = True


def add(
    blueprint: Blueprint,
    method: str,
    path: str,
    view: View,
    operation: Operation,
    *,
    guards: tuple[Callable[[], None], ...] = (),
) -> None:
    """Adds a method of a resource to the blueprint.

    A request that changes something must not come from another site. Then `guards` are called, in order, and raise
    a `Problem` to refuse. A body is read and validated, and handed to the view as `body`.
    """
    changing = method not in READING
    rule = f"{blueprint.url_prefix or ''}{path}"

    def handle(**_path: str) -> Response:
        request.environ[ROUTE] = rule
        try:
            if changing:
                refuse_other_sites()
            for guard in guards:
                guard()
            if operation.body is not None:
                return view(body=read_body(operation.body, required=operation.body_required))
            return view()
        except Problem as problem:
            # Flask would come to the same answer, after looking for whom to ask; refusals are what guessers cause.
            return problem.response()

    setattr(handle, DESCRIPTION, operation)
    within = path.removeprefix(f"/api/v1/{blueprint.name}").strip("/")
    name = f"{method.lower()}_{re.sub(r'[/.-]', '_', within) or 'all'}"
    blueprint.add_url_rule(path, endpoint=name, view_func=handle, methods=[method], provide_automatic_options=False)


def reply(document: Mapping[str, Any], status: int = 200) -> Response:
    """JSON."""
    return JsonResponse(encode(document), status, JSON)


def refuse_other_sites() -> None:
    """Refuses what a browser sends on behalf of a page of another site.

    Fetch Metadata where the browser sends it, else the Origin (RFC 6454) against the host that the request was sent to.
    Neither is sent by what is no browser. Another host of the same site is told by its Origin: `same-site` may be
    whoever has got hold of a forgotten subdomain.
    """
    environ = request.environ
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site in SAME_ORIGIN:
        return
    origin = environ.get("HTTP_ORIGIN")
    other = origin is not None and (not request.host or origin.partition("://")[2] != request.host)
    if other or site not in _PERHAPS_SAME_ORIGIN:
        raise Problem(Problems.CROSS_SITE_REQUEST)


def read_body(schema: Schema, *, required: bool) -> dict[str, Any]:
    """The body, validated; an absent one counts as `{}` unless it is required.

    Raises:
        Problem: 400 with every bad member, 413 or 415.
    """
    raw = read_raw()
    if request.environ.get("CONTENT_TYPE") != JSON and (raw or request.mimetype) and not _is_json():
        raise Problem(Problems.UNSUPPORTED_MEDIA_TYPE)
    document = _parse(raw) if raw or required else {}
    if not isinstance(document, dict):
        raise invalid({"body": ["Must be a JSON object."]})
    try:
        loaded: dict[str, Any] = schema.load(document)
    except ValidationError as error:
        raise invalid(_flat(error.messages)) from None
    return loaded


def read_raw() -> bytes:
    """The body as it came. Raises a `Problem`: 400 or 413.

    Read off the server's stream: Werkzeug cuts a body in chunks off at the limit without a word.
    """
    environ = request.environ
    stated = request.content_length
    if environ.get("HTTP_TRANSFER_ENCODING", "chunked").strip().lower() != "chunked":
        raise invalid({"body": ["Must have no transfer coding but chunked."]})
    if stated is None and not environ.get("wsgi.input_terminated"):
        return b""
    if stated is not None and stated > LARGEST_BODY:
        raise Problem(Problems.TOO_LARGE)
    try:
        raw: bytes = environ["wsgi.input"].read(LARGEST_BODY + 1 if stated is None else stated)
    except (OSError, ValueError):
        # The client is gone, or the server's stream has found malformed chunks.
        raise invalid({"body": ["Must arrive whole."]}) from None
    if len(raw) > LARGEST_BODY:
        raise Problem(Problems.TOO_LARGE)
    if stated is not None and len(raw) < stated:
        raise invalid({"body": ["Must be as long as Content-Length says."]})
    return raw


def _is_json() -> bool:
    charset = request.mimetype_params.get("charset", "utf-8")
    return request.mimetype == JSON and charset.lower().replace("_", "-") in {"utf-8", "utf8"}


def _parse(raw: bytes) -> Any:
    try:
        document = _decoder.decode(raw.decode("utf-8"))
        if b"\\u" in raw:
            # Half a surrogate pair can be spelt in JSON but not in UTF-8: it is refused before it gets anywhere.
            encode(document)
    except (ValueError, RecursionError):
        raise invalid({"body": ["Must be JSON in UTF-8, no member named twice."]}) from None
    return document


def _flat(messages: Any, prefix: str = "") -> dict[str, list[str]]:
    """Marshmallow's nested messages as {member: [message, …]}; members of members are joined by a dot."""
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


_decoder: Final = JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
