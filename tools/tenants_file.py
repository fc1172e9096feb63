"""Generate the reference of the tenants file from its schema."""

from typing import Final

from infrastructure.tenants.declaration import KEY, LOCK, TENANT, WEBHOOK
from infrastructure.tenants.schema import Member, Table

INTRODUCTION: Final = """\
# Tenants file

The tenants file lists the tenants of the service with their policies and API keys, in [TOML](https://toml.io).
`OPEN_MFA_TENANTS` contains its path, or `OPEN_MFA_TENANTS_TOML` its text. [Configure
tenants](../how-to/configure-tenants.md) shows how to use it.

The file has one table for each tenant. The name of the table is the name of the tenant: 1 to 32 letters, digits or
characters of `._-`. A tenant whose name has a full stop needs quotation marks: `["shop.eu"]`. The name is a part of the
keys of the stored records, so a renamed tenant loses its accounts.

`OPEN_MFA_API_KEYS` can name further tenants, and further keys of the same tenants. A key must be in one place only.

## Rules

- The file is a regular file with text in UTF-8, at most 1 MiB long. It must have at least one tenant.
- An unknown key, a wrong type and a value out of range are errors. A message names the line, the column, the table and
  the key. The service does not start with an invalid file. While it runs, it reports an invalid file in the log, and
  the former tenants stay in force.
- The policy applies to the accounts of the tenant. Sessions and the shared secret of the gate have the default policy:
  the settings of the service and the defaults of these tables.
- The parameters apply to new secrets. A request can choose others. Enrolled secrets keep their parameters.
- A changed `lock` applies from the next wrong code. It does not end a lock that has begun.
- The paths of other files are relative to the directory of the tenants file. With `OPEN_MFA_TENANTS_TOML`, they are
  absolute. The service reads these files together with the tenants file.
"""


def reference(_: str = "") -> str:
    """Return the page."""
    parts = [
        INTRODUCTION,
        _section("Keys of a tenant", TENANT),
        _section("Keys of `lock`", LOCK),
        _section("Keys of `webhook`", WEBHOOK),
        _section("Keys of an API key: `[[TENANT.keys]]`", KEY),
    ]
    return "\n".join(parts)


def _section(title: str, table: Table) -> str:
    rows = [_row(key, member) for key, member in table.members.items()]
    return "\n".join([f"## {title}\n", "| key | example | default | meaning |", "|---|---|---|---|", *rows, ""])


def _row(key: str, member: Member) -> str:
    example = f"`{member.example}`" if member.example else ""
    return f"| `{key}` | {example} | {member.default or 'required'} | {member.meaning} |"
