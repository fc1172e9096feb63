"""The tenant that a command works on."""

from collections.abc import Sequence

from presentation.cli.output import Refused


def tenant_of(tenants: Sequence[str], name: str | None) -> str:
    """Return the tenant with this name, or the only tenant if the name is None. Raise `Refused` if there is none."""
    if name in tenants:
        return str(name)
    known = ", ".join(tenants) or "none: OPEN_MFA_TENANTS and OPEN_MFA_API_KEYS are not set"
    if name is not None:
        raise Refused(f"there is no tenant with this name; the tenants are {known}")
    if len(tenants) != 1:
        raise Refused(f"name the tenant with --tenant: {known}")
    return tenants[0]
