"""Where the service judges codes, told by its OpenAPI document: for whatever limits guessing in front of it."""

import json
import re
from typing import Any, NamedTuple

from domain.secret import SharedSecret
from tests.presentation.api import API_KEYS, Api, document


class Posts(NamedTuple):
    """Paths that something can be posted to, with an account's id in the place of each."""

    judging: set[str]
    others: set[str]


def posts() -> Posts:
    """All of them; a path is judging if a code is in what it takes."""
    api = Api(api_keys=tuple(API_KEYS.items()), gate_secret=SharedSecret(bytes(20)))
    openapi = document(api.client.get("/openapi.json"))
    found = Posts({"/auth/login"}, set())
    for path, methods in openapi["paths"].items():
        if "post" in methods and path != "/auth/login":
            body = json.dumps(_resolved(openapi, methods["post"].get("requestBody", {})))
            kind = found.judging if re.search(r'"(code|codes)": \{', body) else found.others
            kind.add(path.replace("{account_id}", "a@b.c"))
    assert len(found.judging) >= 15
    assert len(found.others) >= 8
    return found


def _resolved(openapi: dict[str, Any], node: Any) -> Any:
    """A part of the document, with what it refers to in the place of references."""
    if isinstance(node, list):
        return [_resolved(openapi, each) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        found: Any = openapi
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return _resolved(openapi, found)
    return {key: _resolved(openapi, value) for key, value in node.items()}
