"""The OpenAPI document, made of the routes and schemas that serve: there is no second copy to keep in step."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask
from marshmallow import Schema, fields

from presentation import schemas
from presentation.account_access import API_KEY
from presentation.admin import SECURITY as ADMINISTRATOR
from presentation.edge import REQUEST_ID
from presentation.problems import MEDIA_TYPE, Problems, ProblemType
from presentation.resource import DESCRIPTION, JSON, LARGEST_BODY, READING, Operation
from presentation.sessions import COOKIE

OPENAPI_VERSION: Final = "3.0.3"
"""What the Swagger UI that comes with flasgger shows."""
_INTRODUCTION: Final = """\
Second factors over REST: one-time codes, HOTP (RFC 4226) and TOTP (RFC 6238).

A code is accepted **at most once**, whatever the number of simultaneous requests. A code that is not accepted is never
a `2xx`, so a client that looks only at the status is safe. Every refusal is a problem document (RFC 9457).

Every answer carries `X-Request-ID`, which the problem documents and the logs repeat: the request's own, if it is 1 to
128 printable ASCII characters, else a new one.

A path that leads nowhere is answered with [404](/problems/not-found), a method that is not known there with
[405](/problems/method-not-allowed) and `Allow`, a fault of the service with [500](/problems/internal-error).

The first `POST` starts a session and sets its cookie; what is enrolled lives until its `expires_at`. Try it here: enrol
a TOTP secret, scan its QR code, and verify what the authenticator shows. Then verify the same code again.
"""
_PROBLEM_VIEWS: Final[dict[Problems, type[schemas.ProblemView]]] = {
    Problems.INVALID_REQUEST: schemas.InvalidRequestView,
    Problems.CODE_REJECTED: schemas.CodeRejectedView,
    Problems.LOCKED: schemas.LockedView,
}
_PROBLEM_HEADERS: Final = {
    Problems.LOCKED: "Retry-After",
    Problems.RATE_LIMITED: "Retry-After",
    Problems.STORE_UNAVAILABLE: "Retry-After",
    Problems.CODE_REJECTED: "Retry-After",
    Problems.UNAUTHENTICATED: "WWW-Authenticate",
}
_MEMBER_EXAMPLES: Final[dict[Problems, dict[str, Any]]] = {
    Problems.INVALID_REQUEST: {"errors": {"code": ["Must be 6 to 10 digits."]}},
    Problems.CODE_REJECTED: {"reason": "replayed", "attempts_left": 5},
    Problems.LOCKED: {"locked_until": "2026-11-22T03:28:00Z"},
}


def build_openapi(app: Flask) -> dict[str, Any]:
    """The document of everything that was added to the application by `resource.add`."""
    plugin = MarshmallowPlugin(schema_name_resolver=_schema_name)
    spec = APISpec(
        title="Open-MFA",
        version=version("open-mfa"),
        openapi_version=OPENAPI_VERSION,
        info={"description": _INTRODUCTION, "license": {"name": "MIT"}},
        plugins=[plugin],
        tags=[],
    )
    converter: Any = plugin.converter
    converter.add_attribute_function(_any_of)
    tags: dict[str, None] = {}
    for method, path, endpoint, operation in _operations(app):
        tags[operation.tag] = None
        spec.path(path=path, operations={method.lower(): _describe(method, path, endpoint, operation)})
    demanded = {operation.security for *_, operation in _operations(app)}
    for name, scheme in ((ADMINISTRATOR, "basic"), (API_KEY, "bearer")):
        if name in demanded:
            spec.components.security_scheme(name, {"type": "http", "scheme": scheme})
    document: dict[str, Any] = spec.to_dict()
    document["tags"] = [{"name": tag} for tag in tags]
    return document


def _operations(app: Flask) -> Iterator[tuple[str, str, str, Operation]]:
    for rule in app.url_map.iter_rules():
        operation = getattr(app.view_functions[rule.endpoint], DESCRIPTION, None)
        if isinstance(operation, Operation):
            (method,) = (rule.methods or set()) - {"HEAD"}
            yield method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), rule.endpoint, operation


def _describe(method: str, path: str, endpoint: str, operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": endpoint.replace(".", "_"),
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": _answers(path, operation) | _problems(method, operation),
    }
    if operation.parameters:
        described["parameters"] = [
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": description,
                "schema": {"type": "string", "pattern": f"^{pattern}$"},
                "example": example,
            }
            for name, (description, example, pattern) in operation.parameters.items()
        ]
    if operation.description:
        described["description"] = operation.description
    if operation.security is not None:
        described["security"] = [{operation.security: []}]
    if operation.body is not None:
        described["requestBody"] = _body(operation)
    return described


def _body(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": operation.body}
    if operation.examples:
        content["examples"] = {
            name.replace(" ", "-"): {"summary": name, "value": value} for name, value in operation.examples.items()
        }
    elif operation.body is not None:
        content["example"] = _example(operation.body)
    return {
        "required": operation.body_required,
        "description": f"At most {LARGEST_BODY // 1024} KiB.",
        "content": {JSON: content},
    }


def _answers(path: str, operation: Operation) -> dict[str, Any]:
    answers = {}
    for status, shape in operation.answers.items():
        answer: dict[str, Any] = {"description": HTTPStatus(status).phrase, "headers": dict(_HEADERS)}
        if isinstance(shape, Schema):
            answer["description"] = (type(shape).__doc__ or "").strip()
            example = _example(shape)
            if "qr" in example:
                example["qr"] = f"{path}/qr"
            answer["content"] = {JSON: {"schema": shape, "example": example}}
        elif shape is not None:
            text = all(media_type.startswith("text/") for media_type in shape)
            schema = {"type": "string"} if text else {"type": "string", "format": "binary"}
            answer["content"] = {media_type: {"schema": schema} for media_type in shape}
        if operation.sets_cookie:
            answer["headers"]["Set-Cookie"] = {
                "description": f"The session, `{COOKIE}`.",
                "schema": {"type": "string", "example": f"{COOKIE}=…; HttpOnly; Path=/; SameSite=Lax"},
            }
        answers[str(status)] = answer
    return answers


def _problems(method: str, operation: Operation) -> dict[str, Any]:
    kinds = [*operation.problems]
    if operation.parameters and operation.body is None:
        kinds.append(Problems.INVALID_REQUEST)
    if operation.body is not None:
        kinds += [Problems.INVALID_REQUEST, Problems.TOO_LARGE, Problems.UNSUPPORTED_MEDIA_TYPE]
    if method not in READING:
        kinds.append(Problems.CROSS_SITE_REQUEST)
    if operation.touches_store:
        kinds.append(Problems.STORE_UNAVAILABLE)
    by_status: dict[int, list[Problems]] = {}
    for kind in kinds:
        by_status.setdefault(kind.value.status, []).append(kind)
    return {str(status): _problem(same) for status, same in sorted(by_status.items())}


def _problem(kinds: list[Problems]) -> dict[str, Any]:
    views = list(dict.fromkeys(_PROBLEM_VIEWS.get(kind, schemas.ProblemView) for kind in kinds))
    answer: dict[str, Any] = {
        "description": " ".join(f"[{kind.value.title}]({kind.value.uri})." for kind in kinds),
        "headers": dict(_HEADERS),
        "content": {
            MEDIA_TYPE: {
                "schema": views[0]() if len(views) == 1 else {"anyOf": [view() for view in views]},
                "examples": {kind.value.slug: {"value": _problem_example(kind)} for kind in kinds},
            }
        },
    }
    for kind in kinds:
        if (header := _PROBLEM_HEADERS.get(kind)) is not None:
            schema = {"type": "integer", "minimum": 0} if header == "Retry-After" else {"type": "string"}
            answer["headers"][header] = {"schema": schema}
    return answer


def _problem_example(kind: Problems) -> dict[str, Any]:
    problem: ProblemType = kind.value
    return {
        "type": problem.uri,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.meaning,
        "request_id": "5f0c1e5c7a9d4b1f8e2d3c4b5a697887",
        **_MEMBER_EXAMPLES.get(kind, {}),
    }


def _example(schema: Schema) -> dict[str, Any]:
    """An example of the whole, made of the fields' own."""
    example = {}
    for name, field in schema.fields.items():
        if "example" in field.metadata:
            example[name] = field.metadata["example"]
        elif isinstance(field, fields.Nested):
            example[name] = _example(field.schema)
        elif isinstance(field, fields.List) and isinstance(field.inner, schemas.AnyView):
            example[name] = [_example(view()) for view in field.inner.views]
    return example


def _any_of(converter: Any, field: Any, **_: Any) -> dict[str, Any]:
    """What apispec has no word for; it calls this for every field and adds what is returned to its description."""
    if not isinstance(field, schemas.AnyView):
        return {}
    return {"anyOf": [converter.resolve_nested_schema(view) for view in field.views]}


def _schema_name(schema: type[Schema] | Schema) -> str:
    cls = schema if isinstance(schema, type) else type(schema)
    return cls.__name__.removesuffix("View").removesuffix("Body")


_HEADERS: Final = {REQUEST_ID: {"description": "The request's id.", "schema": {"type": "string"}}}
