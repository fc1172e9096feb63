"""The paths at which the service judges codes, from its OpenAPI document. Proxies and firewalls limit these paths."""

import json
import re
from typing import Any, NamedTuple

from domain.secret import SharedSecret
from tests.presentation.api import API_KEYS, Api, document


class Posts(NamedTuple):
    """Paths that accept POST, with an example in place of the account's ID."""

    judging: set[str]
    others: set[str]


def posts() -> Posts:
    """Return all of them. A path judges codes if its request body has a code."""
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
    """Return a part of the document in which each reference is replaced by its target."""
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
