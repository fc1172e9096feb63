"""Settings for tests, without environment variables."""

from collections import Counter
from typing import Any, Final

from infrastructure.settings import GROUPS, Settings

_NAMES: Final = Counter(field for group in GROUPS for field in group.variables)


def settings_with(**values: Any) -> Settings:
    """Return settings with some values, and defaults for the others.

    A setting has the name of its group and its field, such as `gate_secret`, or of its field alone if no other group
    has such a field, such as `issuer`. The name of an optional group takes the whole group.
    """
    groups: dict[str, Any] = {}
    for group in GROUPS:
        if group.optional:
            groups[group.attribute] = values.pop(group.attribute, None)
            continue
        names = {f"{group.attribute}_{field}": field for field in group.variables}
        names |= {field: field for field in group.variables if _NAMES[field] == 1}
        own = {field: values.pop(name) for name, field in names.items() if name in values}
        groups[group.attribute] = group.kind(**own)
    return Settings(**groups, **values)
