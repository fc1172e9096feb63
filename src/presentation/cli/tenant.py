"""The tenant that a command works on."""

from collections.abc import Sequence

from presentation.cli.output import Refused


def tenant_of(tenants: Sequence[str], name: str | None) -> str:
    """Return the tenant with this name, or the only tenant if the name is None. Raise `Refused` if there is none."""
    if name in tenants:
        return str(name)
    if name is not None:
        raise Refused(f"OPEN_MFA_API_KEYS has no key with this name; it has {', '.join(tenants) or 'none'}")
    if len(tenants) != 1:
        raise Refused(f"name the tenant with --tenant: {', '.join(tenants) or 'OPEN_MFA_API_KEYS is not set'}")
    return tenants[0]
