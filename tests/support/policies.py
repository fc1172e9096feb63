"""Policies for tests of use cases."""

from typing import Final

from domain.policy import Policy
from infrastructure.tenants.tenants import Tenants

DEFAULT_POLICIES: Final = Tenants(Policy(issuer="Open-MFA"))
"""The default policy for every owner."""
