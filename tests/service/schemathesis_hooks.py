"""Facts for schemathesis that the OpenAPI document does not contain. It imports this module by its path.

The document admits further members in answers, because a later version may add some. The answers of this version have
only the members that the document names, so here its schemas admit no others.

No schema says exactly which codes and secrets the service reads, because it ignores white space, dashes and invisible
marks. The document's patterns are wider. This module describes the usual form of codes and secrets.
"""

import base64
from typing import Any

import schemathesis
from hypothesis import strategies as st

USUAL_CODES = {
    "Verify": r"^[ \-]*([0-9][ \-]*){6,10}$",
    "VerifyRecovery": r"^[ \-]*([0-9A-Za-z][ \-]*){16}$",
    "Challenge": r"^[ \-]*([0-9A-Za-z][ \-]*){6,16}$",
}
"""Strategies by the name of the schema."""

# The document's description names 16 to 128 bytes. Only a request that says so may have fewer.
schemathesis.openapi.format(
    "base32", st.binary(min_size=16, max_size=128).map(lambda key: base64.b32encode(key).decode().rstrip("="))
)


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Add the usual form of secrets and codes, and forbid members that the document does not name."""
    described = raw_schema["components"]["schemas"]
    for name, schema in described.items():
        members = schema.get("properties", {})
        if members:
            schema["additionalProperties"] = False
        if name.startswith(("Enrol", "Replace")) and "secret" in members:
            members["secret"]["format"] = "base32"
        if name in USUAL_CODES:
            members["code"]["pattern"] = USUAL_CODES[name]
    described["Resynchronize"]["properties"]["codes"]["items"]["pattern"] = USUAL_CODES["Verify"]
