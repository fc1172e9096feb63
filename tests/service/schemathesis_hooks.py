"""What schemathesis is told beyond the OpenAPI document; it imports this module by its path."""

import base64

import schemathesis
from hypothesis import strategies as st

# The document says `format: base32`; 16 to 128 bytes is what its `minLength` and its description say.
schemathesis.openapi.format(
    "base32", st.binary(min_size=16, max_size=128).map(lambda key: base64.b32encode(key).decode().rstrip("="))
)
