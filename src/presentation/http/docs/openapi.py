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

from presentation.http import schemas
from presentation.http.framework.endpoint import DESCRIPTION, JSON, LARGEST_BODY, READING, Operation
from presentation.http.framework.middleware import REQUEST_ID
from presentation.http.framework.problems import MEDIA_TYPE, Problems, ProblemType

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


def build_openapi(app: Flask, prefix: str = "") -> dict[str, Any]:
    """Return the document of all operations that `resource.add` has added to the application.

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
    for method, path, endpoint, operation in _operations(app):
        tags[operation.tag] = None
        if operation.security is not None:
            schemes[operation.security.name] = operation.security.definition
        spec.path(path=path, operations={method.lower(): _describe(shapes, method, path, endpoint, operation)})
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
                case schemas.OneOfView():
                    return self._one_of(field)
                case schemas.OrNullView():
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
        schema = self._converter.schema2jsonschema(_PROBLEM_VIEWS.get(kind, schemas.ProblemView)())
        members = schema["properties"]
        members["type"] |= {"enum": [problem.uri], "example": problem.uri}
        members["title"]["example"], members["status"]["example"] = problem.title, problem.status
        self._schemas[name] = {**schema, "description": f"{problem.title} (RFC 9457)."}
        return name

    def _one_of(self, field: schemas.OneOfView) -> dict[str, str]:
        named = {}
        for view in field.views:
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

    def _or_null(self, field: schemas.OrNullView) -> dict[str, Any]:
        reference = self._converter.resolve_nested_schema(field.view)
        # The object itself is nullable, because no keyword beside a reference allows null. Without a title,
        # openapi-python-client would give the class of a nullable object another name.
        name = _schema_name(field.view)
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


def _operations(app: Flask) -> Iterator[tuple[str, str, str, Operation]]:
    for rule in app.url_map.iter_rules():
        operation = getattr(app.view_functions[rule.endpoint], DESCRIPTION, None)
        if isinstance(operation, Operation):
            (method,) = (rule.methods or set()) - {"HEAD"}
            yield method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), rule.endpoint, operation


def _describe(shapes: _Shapes, method: str, path: str, endpoint: str, operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": endpoint.replace(".", "_"),
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": _answers(path, operation) | _problems(shapes, method, operation),
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
        described["security"] = [{operation.security.name: []}, *([{}] if operation.anonymous else [])]
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
        if operation.sets_cookie and operation.security is not None:
            cookie = operation.security.definition["name"]
            answer["headers"]["Set-Cookie"] = {
                "description": f"The session, `{cookie}`.",
                "schema": {"type": "string", "example": f"{cookie}=…; HttpOnly; SameSite=Lax"},
            }
        answers[str(status)] = answer
    return answers


def _problems(shapes: _Shapes, method: str, operation: Operation) -> dict[str, Any]:
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
        elif isinstance(field, fields.List) and isinstance(field.inner, schemas.OneOfView):
            example[name] = [_example(view()) for view in field.inner.views]
    return example


def _schema_name(schema: type[Schema] | Schema) -> str:
    cls = schema if isinstance(schema, type) else type(schema)
    return cls.__name__.removesuffix("View").removesuffix("Body")


_HEADERS: Final = {REQUEST_ID: {"description": "The request's id.", "schema": {"type": "string"}}}
