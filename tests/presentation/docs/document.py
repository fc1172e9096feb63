"""The OpenAPI document in a form that is easy to test."""

from typing import Any


def with_own_responses(openapi: dict[str, Any]) -> dict[str, Any]:
    """Return the document with a copy of each shared response in place of every reference to it."""
    shared = openapi["components"]["responses"]
    for methods in openapi["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                if "$ref" in response:
                    operation["responses"][status] = shared[response["$ref"].removeprefix("#/components/responses/")]
    return openapi
