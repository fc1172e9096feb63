"""Which settings there are, told by the code itself: for whatever lists them elsewhere."""

import re
from pathlib import Path

from infrastructure.settings import _PLAIN

CODE = Path(__file__).parents[2] / "src/infrastructure/settings.py"


def setting_names() -> set[str]:
    """Every environment variable that the service reads."""
    found = set(re.findall(r'"(OPEN_MFA_[A-Z_]+)"', CODE.read_text()))
    assert len(found) > 20
    return found | set(_PLAIN)
