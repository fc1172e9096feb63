"""The responses of the OpenAPI document. Each problem is described once, and all operations refer to it."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from apispec import APISpec
from marshmallow import Schema, fields

from presentation.http.docs.schema_components import SchemaComponents, camel
from presentation.http.framework.endpoint import Endpoint
from presentation.http.framework.fields import OneOf
from presentation.http.framework.middleware import REQUEST_ID
from presentation.http.framework.problem_types import Problems, ProblemType
from presentation.http.framework.problems import MEDIA_TYPE
from presentation.http.framework.responses import JSON

_HEADERS: Final = {REQUEST_ID: {"description": "The request ID.", "schema": {"type": "string"}}}
_PROBLEM_HEADERS: Final = {
    Problems.LOCKED: "Retry-After",
    Problems.RATE_LIMITED: "Retry-After",
    Problems.STORE_UNAVAILABLE: "Retry-After",
    Problems.CODE_REJECTED: "Retry-After",
    Problems.UNAUTHENTICATED: "WWW-Authenticate",
    Problems.FORBIDDEN: "WWW-Authenticate",
}
_MEMBER_EXAMPLES: Final[dict[ProblemType, dict[str, Any]]] = {
    Problems.INVALID_REQUEST.value: {"errors": {"code": ["Must be 6 to 10 digits."]}},
    Problems.CODE_REJECTED.value: {"reason": "replayed", "attempts_left": 5},
    Problems.FORBIDDEN.value: {"scope": "manage", "key_scope": "verify"},
    Problems.LOCKED.value: {"locked_until": "2026-11-22T03:28:00Z"},
}


class ProblemComponents:
    """Adds the problems of operations to the components of a document.

    Args:
        spec: the document.
        schemas: the schemas of the document.
    """

    def __init__(self, spec: APISpec, schemas: SchemaComponents) -> None:
        self._spec = spec
        self._schemas = schemas

    def of(self, endpoint: Endpoint) -> dict[str, Any]:
        """Return references to the problems that an endpoint reports, by status code."""
        by_status: dict[int, list[Problems]] = {}
        for kind in endpoint.problems:
            by_status.setdefault(kind.value.status, []).append(kind)
        return {str(status): self._reference(kinds) for status, kinds in sorted(by_status.items())}

    def _reference(self, kinds: Sequence[Problems]) -> dict[str, str]:
        name = "Or".join(camel(kind.value.slug) for kind in kinds)
        if name not in self._spec.components.responses:
            self._spec.components.response(name, self._describe(kinds))
        return {"$ref": f"#/components/responses/{name}"}

    def _describe(self, kinds: Sequence[Problems]) -> dict[str, Any]:
        headers: dict[str, Any] = dict(_HEADERS)
        for kind in kinds:
            if (header := _PROBLEM_HEADERS.get(kind)) is not None:
                schema = {"type": "integer", "minimum": 0} if header == "Retry-After" else {"type": "string"}
                headers[header] = {"schema": schema}
        content = {
            "schema": self._schemas.of_problems(kinds),
            "examples": {kind.value.slug: {"value": problem_example(kind.value)} for kind in kinds},
        }
        return {
            "description": " ".join(f"[{kind.value.title}]({kind.value.uri})." for kind in kinds),
            "headers": headers,
            "content": {MEDIA_TYPE: content},
        }


def successes(path: str, endpoint: Endpoint) -> dict[str, Any]:
    """Return the responses to success, by status code."""
    described = {}
    security = endpoint.access.security
    for status, shape in endpoint.route.operation.responses.items():
        response: dict[str, Any] = {"description": HTTPStatus(status).phrase, "headers": dict(_HEADERS)}
        if isinstance(shape, Schema):
            response["description"] = (type(shape).__doc__ or "").strip()
            example = example_of(shape)
            if "qr" in example:
                own = f"/{example['id']}" if path.endswith("/authenticators") else ""
                example["qr"] = f"{path}{own}/qr"
            response["content"] = {JSON: {"schema": shape, "example": example}}
        elif shape is not None:
            text = all(media_type.startswith("text/") for media_type in shape)
            schema = {"type": "string"} if text else {"type": "string", "format": "binary"}
            response["content"] = {media_type: {"schema": schema} for media_type in shape}
        if endpoint.sets_cookie and security is not None:
            cookie = security.definition["name"]
            response["headers"]["Set-Cookie"] = {
                "description": f"The session cookie `{cookie}`.",
                "schema": {"type": "string", "example": f"{cookie}=…; HttpOnly; SameSite=Lax"},
            }
        described[str(status)] = response
    return described


def problem_example(problem: ProblemType) -> dict[str, Any]:
    """Return an example of a problem document."""
    return {
        "type": problem.uri,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.meaning,
        "request_id": "5f0c1e5c7a9d4b1f8e2d3c4b5a697887",
        **_MEMBER_EXAMPLES.get(problem, {}),
    }


def example_of(schema: Schema) -> dict[str, Any]:
    """Return an example of an object, made of the examples of its fields."""
    example = {}
    for name, field in schema.fields.items():
        if "example" in field.metadata:
            example[name] = field.metadata["example"]
        elif isinstance(field, fields.Nested):
            example[name] = example_of(field.schema)
        elif isinstance(field, fields.List) and isinstance(field.inner, OneOf):
            example[name] = [example_of(response()) for response in field.inner.responses]
    return example
