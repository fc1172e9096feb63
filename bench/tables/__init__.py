"""The results as Markdown, by the name of their section on the capacity page."""

from collections.abc import Mapping
from typing import Any

from bench.tables import cases, open_loop, planning, scale, storage
from bench.tables.markdown import table

_MAKERS = {"cases": cases.tables, "open-loop": open_loop.tables, "scale": scale.tables, "storage": storage.tables}


def sections(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the sections of all measured parts."""
    found = {"environment": _environments(parts)}
    for name, part in parts.items():
        found |= dict(_MAKERS[name](part))
    if {"cases", "storage"} <= parts.keys():
        found["planning"] = planning.table_of_users(parts["cases"], parts["storage"])
    return found


def _environments(parts: Mapping[str, Mapping[str, Any]]) -> str:
    """Return where and when each part was measured."""
    rows = []
    for name, part in parts.items():
        each = part["environment"]
        software = [each["python"], each["redis"], str(each["cores"])]
        duration = [f"{each['load_average']:.1f}", f"{each['seconds']:.0f} s"]
        rows.append([name, each["time"][:10], each["commit"], *software, *duration])
    return table(["part", "date", "commit", "Python", "Redis", "cores", "load before", "duration"], rows)
