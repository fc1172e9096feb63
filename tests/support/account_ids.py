"""The ids of accounts, described independently of the service's pattern."""

import string
from typing import Final

from hypothesis import strategies as st

EXCLUDED: Final = '/?#%{}\\"<>'
ALPHABET: Final = "".join(sorted(set(string.digits + string.ascii_letters + string.punctuation) - set(EXCLUDED)))
"""The characters of an account id."""
ACCOUNT_IDS: Final = st.text(ALPHABET, min_size=1, max_size=255).filter(lambda text: text not in {".", ".."})
REAL_IDS: Final = (
    "auth0|5f7c8ec7c33c6c004bbafe82",
    "cn=ann,dc=example",
    "Zm9vYmFyZm9vYmFyZm9vYg==",
    "arn:aws:iam::123456789012:user;path",
    "O'Brien+tag@example.com",
    "ann(1)[2]*^~!$&`",
    "0" * 64,
)
"""Ids as identity providers, directories and databases make them."""
