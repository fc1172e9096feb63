"""Records that former versions of the service have stored."""

import base64
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("records.txt")


def records() -> dict[str, bytes]:
    """Return the stored records by their names."""
    lines = (line.partition(": ") for line in FILE.read_text().splitlines() if not line.startswith("#"))
    return {name: base64.b64decode(record, validate=True) for name, _, record in lines}
