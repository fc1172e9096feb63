"""The port of refusals by the limits of tenants."""

from typing import Protocol

from domain.usage import LimitName


class LimitRefusals(Protocol):
    """Records the requests that a limit of a tenant has refused. They are no part of the audit trail."""

    def refused(self, tenant: str, limit: LimitName, wait: int) -> None:
        """Record a refusal.

        Args:
            tenant: the tenant.
            limit: the limit.
            wait: the seconds until the limit may admit a request.
        """
