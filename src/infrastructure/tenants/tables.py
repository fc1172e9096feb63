"""The tables of the tenants file, as they are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from domain.api_key import ApiKey, Scope
from domain.failures import LockSchedule
from domain.language import LANGUAGES
from domain.usage import UsageLimits
from infrastructure.delivery.mail_template import Template
from infrastructure.regular_file import UnusableFile, secret_text
from infrastructure.tenants.declaration import TENANT
from infrastructure.tenants.delivery import TenantDelivery, TenantWebhook
from infrastructure.tenants.schema import Place

_SCOPES: Final = list(Scope)
_PARAMETERS: Final = ("algorithm", "digits", "interval", "window", "look_ahead")

Files = Callable[[str], Path]
"""Returns the path of a file that a tenant names. Raises `ValueError` if the path is not allowed."""


@dataclass(frozen=True, slots=True)
class KeyTable:
    """An API key, and the place of its digest in the file."""

    key: ApiKey
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantTable:
    """The table of one tenant. The settings of the service fill in what is None.

    Attributes:
        parameters: those of the parameters of new credentials that the table has, by their names.
        delivery: see `TenantDelivery`.
        keys: the API keys.
    """

    name: str
    issuer: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    locks: LockSchedule | None = None
    recovery_codes: int | None = None
    limits: UsageLimits = field(default_factory=UsageLimits)
    recipients: tuple[str, ...] = ()
    delivery: TenantDelivery = field(default_factory=TenantDelivery)
    keys: tuple[KeyTable, ...] = ()


def read_tenant(name: str, value: Any, place: Place, files: Files | None) -> TenantTable | None:
    """Read the table of a tenant. Problems are added to those of the place.

    Args:
        name: the tenant.
        value: the table.
        place: its place.
        files: see `Files`; None to read no files that the tenant names. Texts and the webhook are then missing.
    """
    values = TENANT.read(value, place)
    if values is None:
        return None
    keys = _keys(name, values.get("keys") or (), place)
    parameters = {key: values[key] for key in _PARAMETERS if values.get(key) is not None}
    limits = UsageLimits(**{key: values.get(key) for key in UsageLimits.__dataclass_fields__})
    return TenantTable(
        name=name,
        issuer=values.get("issuer"),
        parameters=parameters,
        locks=values.get("lock"),
        recovery_codes=values.get("recovery_codes"),
        limits=limits,
        recipients=values.get("recipients") or (),
        delivery=_delivery(values, place, files),
        keys=keys,
    )


def _keys(tenant: str, tables: tuple[dict[str, Any], ...], place: Place) -> tuple[KeyTable, ...]:
    keys = []
    ids: set[str] = set()
    for number, table in enumerate(tables):
        if table["id"] in ids:
            (place / "keys" / number / "id").refuse("must differ from the ids of the tenant's other keys")
        ids.add(table["id"])
        key = ApiKey(
            tenant=tenant,
            id=table["id"],
            digest=bytes.fromhex(table["sha256"]),
            scope=max(table["scopes"], key=_SCOPES.index),
            expires_at=table.get("expires"),
        )
        keys.append(KeyTable(key, table["place"]))
    return tuple(keys)


def _delivery(values: Mapping[str, Any], place: Place, files: Files | None) -> TenantDelivery:
    paths = values.get("languages") or {}
    language = values.get("language")
    known = [*paths, *LANGUAGES]
    if language is not None and language not in known:
        (place / "language").refuse(f"must be a language that has a text: {', '.join(dict.fromkeys(known))}")
    return TenantDelivery(
        mail_from=values.get("mail_from"),
        languages={} if files is None else _templates(paths, place / "languages", files),
        language=language,
        webhook=None if files is None else _webhook(values.get("webhook"), place / "webhook", files),
    )


def _templates(paths: Mapping[str, str], place: Place, files: Files) -> dict[str, Template]:
    templates = {}
    for tag, path in paths.items():
        try:
            templates[tag] = Template.load(files(path))
        except ValueError as error:
            (place / tag).refuse(str(error))
    return templates


def _webhook(table: Mapping[str, str] | None, place: Place, files: Files) -> TenantWebhook | None:
    if table is None:
        return None
    try:
        return TenantWebhook(table["url"], secret_text(str(files(table["secret_file"]))))
    except UnusableFile as error:
        (place / "secret_file").refuse(f"names a file that {error}")
    except ValueError as error:
        (place / "secret_file").refuse(str(error))
    return None
