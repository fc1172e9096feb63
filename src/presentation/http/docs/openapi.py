"""The OpenAPI document, which is built from the routes and schemas that serve requests."""

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any, Final

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask

from presentation.http.docs.responses import ProblemComponents, example_of, successes
from presentation.http.docs.schema_components import SchemaComponents, schema_name
from presentation.http.framework.access import Access
from presentation.http.framework.endpoint import Endpoint, endpoint_of
from presentation.http.framework.operation import Operation
from presentation.http.framework.request_body import LARGEST_BODY
from presentation.http.framework.responses import JSON

OPENAPI_VERSION: Final = "3.0.3"
"""For 3.1, openapi-generator warns that its support is in beta (ADR 23)."""
REQUIRED_SCOPE: Final = "x-required-scope"
"""The member of an operation that names the scope of the API key. The bearer scheme of OpenAPI 3.0 has no scopes."""
SCOPES_OF_MEMBERS: Final = "x-required-scopes-of-members"
"""The member of an operation that names the members of the body that need a further scope, and for each its scope."""
_INTRODUCTION: Final = """\
Open-MFA checks second factors: TOTP (RFC 6238), HOTP (RFC 4226), one-time codes and recovery codes.

**Try it here.** Enrol a TOTP secret with `POST /api/v1/session/totp`, scan its QR code, and verify the code that the
authenticator shows. Then verify the same code again. The first `POST` starts a session and sets its cookie. A
credential of a session lives until its `expires_at`.

**Acceptance.** The service accepts a code **at most once**, regardless of the number of simultaneous requests. A code
that is not accepted never gets a `2xx` status, so a client that checks only the status is safe.

**Authorization.** Operations with a padlock need credentials. Select **Authorize** to enter them.

**Errors.** Every error is a problem document (RFC 9457). Each operation lists its problems. Their pages describe them
with an example; see [all problems](/problems). These errors can occur at any path: an unknown path gets
[404](/problems/not-found), an unsupported method [405](/problems/method-not-allowed) with `Allow`, a head of more than
64 KiB or 200 fields [431](/problems/head-too-large), and a failure of the service [500](/problems/internal-error).

**Request IDs.** Every response has an `X-Request-ID`, which the problem documents and the logs repeat. It is the
request's own if that is 1 to 128 printable ASCII characters. A valid `traceparent` (W3C Trace Context) is repeated,
too.
"""
_LINK: Final = re.compile(r"(?P<before>^|\]\()/(?=(?:problems|api)\b)")
"""A link to a resource of the service: a whole value, or the target of a link in Markdown."""


def build_openapi(app: Flask, prefix: str = "") -> dict[str, Any]:
    """Return the document of all routes that `add_routes` has added to the application.

    Args:
        app: the application.
        prefix: the path below which the service runs, and to which all paths are relative.
    """
    plugin = MarshmallowPlugin(schema_name_resolver=schema_name)
    spec = APISpec(
        title="Open-MFA",
        version=version("open-mfa"),
        openapi_version=OPENAPI_VERSION,
        info={"description": _INTRODUCTION, "license": {"name": "MIT"}},
        plugins=[plugin],
        servers=[{"url": prefix or "/"}],
        tags=[],
    )
    schemas = SchemaComponents(spec, plugin.converter)
    problems = ProblemComponents(spec, schemas)
    tags: dict[str, str] = {}
    schemes: dict[str, Mapping[str, str]] = {}
    for path, operation_id, endpoint in _endpoints(app):
        tags.setdefault(*endpoint.tag)
        security = endpoint.access.security
        if security is not None:
            schemes[security.name] = security.definition
        method = endpoint.route.method.lower()
        spec.path(path=path, operations={method: _describe(problems, path, operation_id, endpoint)})
    # Swagger UI asks for the credentials in the order of the first operations that need them.
    for name, definition in schemes.items():
        spec.components.security_scheme(name, dict(definition))
    schemas.name_enumerations()
    document: dict[str, Any] = spec.to_dict()
    document["tags"] = [{"name": tag, "description": text} for tag, text in tags.items()]
    return _below(document, prefix) if prefix else document


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


def _describe(problems: ProblemComponents, path: str, operation_id: str, endpoint: Endpoint) -> dict[str, Any]:
    operation, access = endpoint.route.operation, endpoint.access
    described: dict[str, Any] = {
        "operationId": operation_id,
        "summary": operation.summary,
        "tags": [endpoint.tag.name],
        "responses": successes(path, endpoint) | problems.of(endpoint),
    }
    if access.path_variables or operation.query is not None:
        described["parameters"] = _parameters(operation, access)
    if description := _description(operation, access):
        described["description"] = description
    if access.authorization is not None:
        described[REQUIRED_SCOPE] = operation.scope
        if operation.scopes_of_members:
            described[SCOPES_OF_MEMBERS] = dict(operation.scopes_of_members)
    if access.security is not None:
        described["security"] = [{access.security.name: []}, *([{}] if endpoint.serves_new_owners else [])]
    # An empty object means the same as no body. Generated code would call its type Any.
    if operation.body is not None and operation.body.fields:
        described["requestBody"] = _body(operation)
    return described


def _description(operation: Operation, access: Access) -> str:
    sentences = [operation.description] if operation.description else []
    if access.authorization is not None:
        sentences.append(f"Needs an API key with the scope `{operation.scope}`.")
        sentences += [
            f"A body with `{name}` needs the scope `{scope}`." for name, scope in operation.scopes_of_members.items()
        ]
    return " ".join(sentences)


def _parameters(operation: Operation, access: Access) -> list[dict[str, Any]]:
    """Return the variables of the path and the parameters of the query. apispec reads the latter from their schema."""
    variables = [
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
    return variables if operation.query is None else [*variables, {"in": "query", "schema": operation.query}]


def _body(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": operation.body}
    if operation.examples:
        content["examples"] = {
            name.replace(" ", "-"): {"summary": name, "value": value} for name, value in operation.examples.items()
        }
    elif operation.body is not None:
        content["example"] = example_of(operation.body)
    return {
        "required": operation.body_required,
        "description": f"At most {LARGEST_BODY // 1024} KiB.",
        "content": {JSON: content},
    }
