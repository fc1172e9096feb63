"""All tenants of the service (the port `Policies`)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from domain.api_key import ApiKey
from domain.owner import Owner
from domain.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A tenant.

    Attributes:
        name: the name, which is a part of the keys of its records. A renamed tenant loses its accounts.
        policy: its policy.
        keys: its API keys.
    """

    name: str
    policy: Policy
    keys: tuple[ApiKey, ...] = ()


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
