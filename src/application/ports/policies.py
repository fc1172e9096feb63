"""The port of the policies."""

from typing import Protocol

from domain.owner import Owner
from domain.policy import Policy


class Policies(Protocol):
    """The policies of all tenants. They do not change while a process runs."""

    def of(self, owner: Owner) -> Policy:
        """Return the policy for an owner: its tenant's, or the default of the service."""
