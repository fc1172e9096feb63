"""All tenants of the service (the port `Policies`)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self, TypeVar

from domain.api_key import ApiKey
from domain.owner import Owner
from domain.parameters import HotpParameters, TotpParameters
from domain.policy import Policy
from infrastructure.tenants.delivery import TenantDelivery
from infrastructure.tenants.tables import TenantTable

P = TypeVar("P", HotpParameters, TotpParameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A tenant.

    Attributes:
        name: the name, which is a part of the keys of its records. A renamed tenant loses its accounts.
        policy: its policy.
        keys: its API keys.
        delivery: how its codes are sent.
    """

    name: str
    policy: Policy
    keys: tuple[ApiKey, ...] = ()
    delivery: TenantDelivery = field(default_factory=TenantDelivery)


@dataclass(frozen=True, slots=True)
class Tenants:
    """All tenants. This is a value: a changed file yields other tenants, which new workers use.

    Attributes:
        default: the policy of sessions, of the gate, and of tenants that have none of their own.
        by_name: the tenants by name.
    """

    default: Policy
    by_name: Mapping[str, Tenant] = field(default_factory=dict)

    def of(self, owner: Owner) -> Policy:
        """Return the policy for an owner."""
        tenant = self.by_name.get(owner.tenant or "")
        return self.default if tenant is None else tenant.policy

    @property
    def api_keys(self) -> tuple[ApiKey, ...]:
        """The API keys of all tenants."""
        return tuple(key for tenant in self.by_name.values() for key in tenant.keys)

    def with_keys(self, keys: Iterable[ApiKey]) -> Self:
        """Return the tenants with further API keys. A tenant that has only such keys has the default policy."""
        tenants = dict(self.by_name)
        for key in keys:
            tenant = tenants.get(key.tenant) or Tenant(name=key.tenant, policy=self.default)
            tenants[key.tenant] = replace(tenant, keys=(*tenant.keys, key))
        return replace(self, by_name=tenants)


def tenants_of(tables: Mapping[str, TenantTable], default: Policy) -> Tenants:
    """Return the tenants of a file.

    Args:
        tables: the tables of the file.
        default: the policy that fills in what a tenant leaves out.
    """
    return Tenants(default, {name: _tenant(table, default) for name, table in tables.items()})


def _tenant(table: TenantTable, default: Policy) -> Tenant:
    policy = replace(
        default,
        issuer=table.issuer or default.issuer,
        hotp=_with(default.hotp, table.parameters),
        totp=_with(default.totp, table.parameters),
        locks=table.locks or default.locks,
        recovery_codes=table.recovery_codes or default.recovery_codes,
        limits=table.limits,
        recipients=table.recipients,
    )
    return Tenant(name=table.name, policy=policy, keys=tuple(each.key for each in table.keys), delivery=table.delivery)


def _with(parameters: P, changes: Mapping[str, Any]) -> P:
    """Return the parameters with those changes that concern them."""
    names = {each.name for each in fields(parameters)}
    return replace(parameters, **{name: value for name, value in changes.items() if name in names})
