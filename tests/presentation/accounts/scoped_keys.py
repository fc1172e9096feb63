"""API keys of every scope, expired ones included, and an application that knows them."""

from typing import Final

from domain.api_key import Scope, digest_of
from domain.api_key_format import api_key_of
from infrastructure.tenants.tenants_file import TenantsFile
from tests.presentation.api import Account

SCOPES: Final = [*Scope]
KEYS: Final = {scope: api_key_of(bytes([number]) * 32) for number, scope in enumerate(SCOPES)}
EXPIRED: Final = {scope: api_key_of(bytes([number]) * 32) for number, scope in enumerate(SCOPES, start=100)}
"""They expire at midnight of the day at whose noon the clock of the tests stands."""
UNKNOWN: Final = api_key_of(bytes([200]) * 32)
TENANT: Final = "shop"


def key_table(key_id: str, key: str, scope: Scope, *more: str) -> str:
    """Return the lines of a key in the tenants file."""
    lines = [f"[[{TENANT}.keys]]", f'id = "{key_id}"', f'sha256 = "{digest_of(key).hex()}"', f'scopes = ["{scope}"]']
    return "\n".join([*lines, *more, ""])


TENANTS_FILE: Final = "".join(
    [
        *(key_table(scope, key, scope) for scope, key in KEYS.items()),
        *(key_table(f"old-{scope}", key, scope, "expires = 2040-11-22") for scope, key in EXPIRED.items()),
    ]
)


class ScopedAccount(Account):
    """An account of a tenant whose keys are in a tenants file. `holder` returns it for the holder of another key."""

    def __init__(self, *, tenants_file: str = TENANTS_FILE, **options: object) -> None:
        super().__init__(**{"api_keys": (), "tenants_file": TenantsFile.parse(tenants_file)} | options)  # type: ignore[arg-type]
        self.key = KEYS[Scope.MANAGE]

    def holder(self, key: str) -> "ScopedAccount":
        """Return the account for the holder of this key."""
        other = self.named(self.name)
        other.key = key
        return other
