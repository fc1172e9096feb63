"""The difference between two tenants files, for the log."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from infrastructure.tenants.tables import TenantTable


def changes_between(former: Mapping[str, TenantTable], new: Mapping[str, TenantTable]) -> dict[str, list[str]]:
    """Return the tenants, keys and settings that differ, by the kind of their change. Empty if nothing differs.

    The texts are names and ids: `shop`, `shop/web` for a key, and `shop.issuer` for a setting. They are no secrets.
    """
    kept = sorted(former.keys() & new.keys())
    found = {
        "added": sorted(new.keys() - former.keys()),
        "removed": sorted(former.keys() - new.keys()),
        "changed": [each for name in kept for each in _changed_settings(former[name], new[name])],
    }
    for change, keys in _key_changes([(_keys(former.get(name)), _keys(new.get(name))) for name in kept]).items():
        found[f"keys_{change}"] = keys
    return {change: names for change, names in found.items() if names}


def _key_changes(pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, list[str]]:
    changes: dict[str, list[str]] = {"added": [], "removed": [], "changed": []}
    for former, new in pairs:
        changes["added"] += sorted(new.keys() - former.keys())
        changes["removed"] += sorted(former.keys() - new.keys())
        changes["changed"] += [name for name in sorted(former.keys() & new.keys()) if former[name] != new[name]]
    return changes


def _keys(table: TenantTable | None) -> dict[str, Any]:
    return {f"{each.key.tenant}/{each.key.id}": each.key for each in (table.keys if table is not None else ())}


def _changed_settings(former: TenantTable, new: TenantTable) -> Iterator[str]:
    one, other = _settings(former), _settings(new)
    for name in sorted(one.keys() | other.keys()):
        if one.get(name) != other.get(name):
            yield f"{new.name}.{name}"


def _settings(table: TenantTable) -> dict[str, Any]:
    """Return the settings of a table by their keys in the file."""
    return {
        "issuer": table.issuer,
        **table.parameters,
        "lock": table.locks,
        "recovery_codes": table.recovery_codes,
        **asdict(table.limits),
        "recipients": table.recipients,
        "mail_from": table.delivery.mail_from,
        "languages": {
            tag: (text.subject.template, text.body.template) for tag, text in table.delivery.languages.items()
        },
        "language": table.delivery.language,
        "webhook": table.delivery.webhook,
    }
