"""The tenants file: TOML with one table for each tenant."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from domain.api_key import ApiKey, Scope
from domain.policy import Policy
from infrastructure.tenants.tenants import Tenant, Tenants


class KeyTable(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One API key of a tenant."""

    id: Annotated[str, Meta(pattern="^[A-Za-z0-9._-]{1,32}$")]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    scopes: Annotated[list[Scope], Meta(min_length=1)]
    expires: date | None = None


class TenantTable(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The table of one tenant."""

    issuer: str | None = None
    keys: list[KeyTable] = []


_SCOPES: Final = list(Scope)


def parse(text: str) -> Mapping[str, TenantTable]:
    """Return the tables of a tenants file by the names of their tenants.

    Raises:
        ValueError: the text is invalid. The message says where and why, and does not repeat secrets.
    """
    return msgspec.convert(tomllib.loads(text), dict[str, TenantTable])


def load(path: str) -> Mapping[str, TenantTable]:
    """Return the tables of the file with this path. Raise `ValueError` with the reason."""
    try:
        return parse(Path(path).read_text("utf-8"))
    except OSError as error:
        raise ValueError(f"the file cannot be read: {error.strerror}") from None


def tenants_of(tables: Mapping[str, TenantTable], default: Policy) -> Tenants:
    """Return the tenants of a file.

    Args:
        tables: the tables of the file.
        default: the policy that fills in what a tenant leaves out.
    """
    return Tenants(default, {name: _tenant(name, table, default) for name, table in tables.items()})


def _tenant(name: str, table: TenantTable, default: Policy) -> Tenant:
    changes: dict[str, Any] = {} if table.issuer is None else {"issuer": table.issuer}
    policy = replace(default, **changes)
    return Tenant(name=name, policy=policy, keys=tuple(_key(name, key) for key in table.keys))


def _key(tenant: str, table: KeyTable) -> ApiKey:
    expires = table.expires
    return ApiKey(
        tenant=tenant,
        id=table.id,
        digest=bytes.fromhex(table.sha256),
        scope=max(table.scopes, key=_SCOPES.index),
        expires_at=None if expires is None else int(datetime.combine(expires, time(), UTC).timestamp()),
    )
