"""The OpenAPI document, made of the routes and schemas that serve: there is no second copy to keep in step."""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask
from marshmallow import Schema, fields

from presentation.http.framework.endpoint import Endpoint, endpoint_of
from presentation.http.framework.fields import OneOf, OrNull
from presentation.http.framework.middleware import REQUEST_ID
from presentation.http.framework.operation import Operation
from presentation.http.framework.problem_responses import SPECIFIC_RESPONSES, ProblemResponse
from presentation.http.framework.problem_types import Problems, ProblemType
from presentation.http.framework.problems import MEDIA_TYPE
from presentation.http.framework.request_body import LARGEST_BODY
from presentation.http.framework.responses import JSON

OPENAPI_VERSION: Final = "3.0.3"
"""For 3.1, openapi-generator warns that its support is in beta (ADR 23)."""
_INTRODUCTION: Final = """\
Second factors over REST: one-time codes, HOTP (RFC 4226) and TOTP (RFC 6238).

A code is accepted **at most once**, whatever the number of simultaneous requests. A code that is not accepted is never
a `2xx`, so a client that looks only at the status is safe. Every refusal is a problem document (RFC 9457).

Every answer carries `X-Request-ID`, which the problem documents and the logs repeat: the request's own, if it is 1 to
128 printable ASCII characters, else a new one. A valid `traceparent` (W3C Trace Context) is repeated, too.

A path that leads nowhere is answered with [404](/problems/not-found), a method that is not known there with
[405](/problems/method-not-allowed) and `Allow`, a head of more than 64 KiB or 200 fields with
[431](/problems/head-too-large), a fault of the service with [500](/problems/internal-error).

The first `POST` starts a session and sets its cookie; what is enrolled lives until its `expires_at`. Try it here: enrol
a TOTP secret, scan its QR code, and verify what the authenticator shows. Then verify the same code again.
"""
_LINK: Final = re.compile(r"(?P<before>^|\]\()/(?=(?:problems|api)/)")
"""A link to a resource of the service: a whole value, or the target of a link in Markdown."""
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


def build_openapi(app: Flask, prefix: str = "") -> dict[str, Any]:
    """Return the document of all routes that `add_routes` has added to the application.

    Args:
        app: the application.
        prefix: the path below which the service runs, and to which all paths are relative.
    """
    plugin = MarshmallowPlugin(schema_name_resolver=_schema_name)
    spec = APISpec(
        title="Open-MFA",
        version=version("open-mfa"),
        openapi_version=OPENAPI_VERSION,
        info={"description": _INTRODUCTION, "license": {"name": "MIT"}},
        plugins=[plugin],
        servers=[{"url": prefix or "/"}],
        tags=[],
    )
    shapes = _Shapes(spec, plugin.converter)
    tags: dict[str, None] = {}
    schemes: dict[str, Mapping[str, str]] = {}
    for path, operation_id, endpoint in _endpoints(app):
        tags[endpoint.tag] = None
        security = endpoint.access.security
        if security is not None:
            schemes[security.name] = security.definition
        method = endpoint.route.method.lower()
        spec.path(path=path, operations={method: _describe(shapes, path, operation_id, endpoint)})
    for name, definition in sorted(schemes.items()):
        spec.components.security_scheme(name, dict(definition))
    shapes.name_enumerations()
    document: dict[str, Any] = spec.to_dict()
    document["tags"] = [{"name": tag} for tag in tags]
    return _below(document, prefix) if prefix else document


class _Shapes:
    """The schemas that consist of others: unions, nullable objects and the kinds of problems."""

    def __init__(self, spec: APISpec, converter: Any) -> None:
        self._schemas: dict[str, Any] = spec.components.schemas
        self._converter = converter

        def compose(_: Any, field: Any, **__: Any) -> dict[str, Any]:
            # apispec calls this for every field, and adds the result to its own description.
            match field:
                case OneOf():
                    return self._one_of(field)
                case OrNull():
                    return self._or_null(field)
            return {}

        converter.add_attribute_function(compose)

    def of_problems(self, kinds: list[Problems]) -> dict[str, str]:
        """Return a reference to the schema of a problem of one of these kinds."""
        named = {kind.value.uri: self._problem(kind) for kind in kinds}
        if len(named) == 1:
            return _reference(*named.values())
        return self._union(
            "Or".join(name.removesuffix("Problem") for name in named.values()) + "Problem", "type", named
        )

    def name_enumerations(self) -> None:
        """Replace every enumeration within a schema with a reference to a named one that all schemas share.

        Generators name an inline enumeration after its schema or its member. Users would get several types for the same
        values, or several enumerations that are called `Type` and a number.
        """
        names: dict[tuple[str, ...], str] = {}
        for name, schema in list(self._schemas.items()):
            for member, described in schema.get("properties", {}).items():
                if "enum" in described:
                    values = tuple(described.pop("enum"))
                    own = _camel(values[0].rpartition("/")[2] if len(values) == 1 else "", member)
                    enumeration = names.setdefault(values, own if own not in self._schemas else _camel(name, member))
                    self._schemas[enumeration] = {"type": described.pop("type"), "enum": list(values)}
                    described["allOf"] = [_reference(enumeration)]

    def _problem(self, kind: Problems) -> str:
        """Return the name of the schema of one kind of problem. Only this kind has its `type`."""
        problem = kind.value
        name = _camel(problem.slug, "problem")
        schema = self._converter.schema2jsonschema(SPECIFIC_RESPONSES.get(kind, ProblemResponse)())
        members = schema["properties"]
        members["type"] |= {"enum": [problem.uri], "example": problem.uri}
        members["title"]["example"], members["status"]["example"] = problem.title, problem.status
        self._schemas[name] = {**schema, "description": f"{problem.title} (RFC 9457)."}
        return name

    def _one_of(self, field: OneOf) -> dict[str, str]:
        named = {}
        for view in field.responses:
            self._converter.resolve_nested_schema(view)
            name = _schema_name(view)
            (value,) = self._schemas[name]["properties"][field.discriminator]["enum"]
            named[value] = name
        return self._union(field.union, field.discriminator, named)

    def _union(self, name: str, discriminator: str, named: Mapping[str, str]) -> dict[str, str]:
        """Return a reference to a union of schemas. The value of a member, the discriminator, selects one of them."""
        self._schemas[name] = {
            "oneOf": [_reference(schema) for schema in named.values()],
            "discriminator": {
                "propertyName": discriminator,
                "mapping": {value: _reference(schema)["$ref"] for value, schema in named.items()},
            },
        }
        return _reference(name)

    def _or_null(self, field: OrNull) -> dict[str, Any]:
        reference = self._converter.resolve_nested_schema(field.response)
        # The object itself is nullable, because no keyword beside a reference allows null. Without a title,
        # openapi-python-client would give the class of a nullable object another name.
        name = _schema_name(field.response)
        self._schemas[name] |= {"title": name, "nullable": True}
        return {"allOf": [reference], "nullable": True}


def _camel(*names: str) -> str:
    words = "-".join(names).replace("_", "-").split("-")
    return "".join(f"{word[:1].upper()}{word[1:]}" for word in words)


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _below(document: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Return the document with the prefix before every link. The paths stay, because they are relative to `servers`."""

    def moved(value: Any) -> Any:
        match value:
            case dict():
                return {moved(name): moved(inner) for name, inner in value.items()}
            case list():
                return [moved(inner) for inner in value]
            case str():
                return _LINK.sub(rf"\g<before>{prefix}/", value)
            case _:
                return value

    paths = {path: moved(item) for path, item in document["paths"].items()}
    return {**moved({**document, "paths": {}}), "paths": paths}


def _endpoints(app: Flask) -> Iterator[tuple[str, str, Endpoint]]:
    """Yield the path, the operation ID and the description of each route of the API."""
    for rule in app.url_map.iter_rules():
        endpoint = endpoint_of(app.view_functions[rule.endpoint])
        if endpoint is not None:
            yield re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), rule.endpoint.replace(".", "_"), endpoint


def _describe(shapes: _Shapes, path: str, operation_id: str, endpoint: Endpoint) -> dict[str, Any]:
    operation, access = endpoint.route.operation, endpoint.access
    described: dict[str, Any] = {
        "operationId": operation_id,
        "summary": operation.summary,
        "tags": [endpoint.tag],
        "responses": _successes(path, endpoint) | _problems(shapes, endpoint),
    }
    if access.path_variables:
        described["parameters"] = [
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": variable.description,
                "schema": {"type": "string", "pattern": f"^{variable.pattern}$"},
                "example": variable.example,
            }
            for name, variable in access.path_variables.items()
        ]
    if operation.description:
        described["description"] = operation.description
    if access.security is not None:
        described["security"] = [{access.security.name: []}, *([{}] if endpoint.serves_new_owners else [])]
    # An empty object means the same as no body. Generated code would call its type Any.
    if operation.body is not None and operation.body.fields:
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


def _successes(path: str, endpoint: Endpoint) -> dict[str, Any]:
    described = {}
    security = endpoint.access.security
    for status, shape in endpoint.route.operation.responses.items():
        response: dict[str, Any] = {"description": HTTPStatus(status).phrase, "headers": dict(_HEADERS)}
        if isinstance(shape, Schema):
            response["description"] = (type(shape).__doc__ or "").strip()
            example = _example(shape)
            if "qr" in example:
                example["qr"] = f"{path}/qr"
            response["content"] = {JSON: {"schema": shape, "example": example}}
        elif shape is not None:
            text = all(media_type.startswith("text/") for media_type in shape)
            schema = {"type": "string"} if text else {"type": "string", "format": "binary"}
            response["content"] = {media_type: {"schema": schema} for media_type in shape}
        if endpoint.sets_cookie and security is not None:
            cookie = security.definition["name"]
            response["headers"]["Set-Cookie"] = {
                "description": f"The session, `{cookie}`.",
                "schema": {"type": "string", "example": f"{cookie}=…; HttpOnly; SameSite=Lax"},
            }
        described[str(status)] = response
    return described


def _problems(shapes: _Shapes, endpoint: Endpoint) -> dict[str, Any]:
    by_status: dict[int, list[Problems]] = {}
    for kind in endpoint.problems:
        by_status.setdefault(kind.value.status, []).append(kind)
    return {str(status): _problem(shapes, same) for status, same in sorted(by_status.items())}


def _problem(shapes: _Shapes, kinds: list[Problems]) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": " ".join(f"[{kind.value.title}]({kind.value.uri})." for kind in kinds),
        "headers": dict(_HEADERS),
        "content": {
            MEDIA_TYPE: {
                "schema": shapes.of_problems(kinds),
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
        elif isinstance(field, fields.List) and isinstance(field.inner, OneOf):
            example[name] = [_example(view()) for view in field.inner.responses]
    return example


def _schema_name(schema: type[Schema] | Schema) -> str:
    cls = schema if isinstance(schema, type) else type(schema)
    return cls.__name__.removesuffix("Response").removesuffix("Body")


_HEADERS: Final = {REQUEST_ID: {"description": "The request's id.", "schema": {"type": "string"}}}
