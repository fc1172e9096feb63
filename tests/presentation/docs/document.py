"""The OpenAPI document in a form that is easy to test."""

from typing import Any

from openapi_schema_validator import OAS30Validator


def with_own_responses(openapi: dict[str, Any]) -> dict[str, Any]:
    """Return the document with a copy of each shared response in place of every reference to it."""
    shared = openapi["components"]["responses"]
    for methods in openapi["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                if "$ref" in response:
                    operation["responses"][status] = shared[response["$ref"].removeprefix("#/components/responses/")]
    return openapi


def validator(openapi: dict[str, Any], schema: dict[str, Any]) -> OAS30Validator:
    """Return a validator for a schema that may refer to the components of the document."""
    return OAS30Validator({**schema, "components": openapi["components"]}, format_checker=OAS30Validator.FORMAT_CHECKER)
