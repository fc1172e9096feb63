"""The programs and people that use the service: sessions, accounts and the administrator."""

from dataclasses import dataclass
from typing import Final

from domain.parameters import HashAlgorithm, check_name
from infrastructure.settings.declaration import in_development, setting
from infrastructure.settings.parsers import Choice, WholeNumber, api_keys, boolean, random_api_key, user_name, utf8
from infrastructure.tenants.tenants_file import TenantsFile

DEVELOPMENT_TENANT: Final = "development"
"""The tenant of the API key that development mode generates."""
_DAY: Final = 86400
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """A session holds the factors of one browser or one REST client."""

    lifetime: int = setting(
        "OPEN_MFA_SESSION_LIFETIME",
        WholeNumber(1, 7 * _DAY),
        "The lifetime of a session and its factors, in seconds.",
        default="3600",
    )
    cookie_secure: bool = setting(
        "OPEN_MFA_COOKIE_SECURE",
        boolean,
        "`true` restricts the cookies of sessions and of the gate to TLS. Their names then begin with `__Host-` or"
        " `__Secure-`.",
        default=in_development("false", otherwise="true"),
    )


@dataclass(frozen=True, slots=True)
class Enrolment:
    """These are the defaults of new factors. Requests may choose other values."""

    issuer: str = setting(
        "OPEN_MFA_ISSUER", check_name, "The name that the authenticator shows for the service.", default="Open-MFA"
    )
    algorithm: HashAlgorithm = setting(
        "OPEN_MFA_ALGORITHM",
        Choice(tuple(HashAlgorithm)),
        "The hash algorithm of new HOTP and TOTP secrets. Many authenticator apps support only SHA-1, and silently use"
        " it instead of any other.",
        default=HashAlgorithm.SHA1,
    )


def _random_api_key() -> str:
    return f"{DEVELOPMENT_TENANT}:{random_api_key()}"


@dataclass(frozen=True, slots=True)
class Accounts:
    """Applications enrol their users as accounts, with an API key of a tenant.

    The accounts belong to the tenant. A renamed tenant loses its accounts.
    """

    api_keys: tuple[tuple[str, str], ...] = setting(
        "OPEN_MFA_API_KEYS",
        api_keys,
        "The tenants and their keys: `tenant:key`, separated by commas. A key has at least 32 characters, and all"
        " scopes; a tenant may have several keys. `open-mfa api-key new` prints a key.",
        default="",
        absence="none: no accounts; in development, one key is generated",
        secret=True,
        generate=_random_api_key,
    )
    tenants_file: TenantsFile | None = setting(
        "OPEN_MFA_TENANTS",
        TenantsFile.load,
        "The path of the [tenants file](tenants-file.md), in TOML: tenants with policies and keys.",
        absence="none: the tenants of `OPEN_MFA_API_KEYS` have the default policy",
    )
    tenants_text: TenantsFile | None = setting(
        "OPEN_MFA_TENANTS_TOML",
        TenantsFile.parse,
        "The text of the tenants file, instead of its path.",
        absence="none",
    )

    @property
    def tenants(self) -> TenantsFile | None:
        """The tenants file, None without one."""
        return self.tenants_file or self.tenants_text


@dataclass(frozen=True, slots=True)
class Administrator:
    """The administrator of the admin API. Set both variables or neither."""

    user: str = setting(
        "OPEN_MFA_ADMIN_USER",
        user_name,
        "The user name for HTTP Basic, without a colon.",
        absence="none: no admin API",
        required=True,
    )
    password: str = setting(
        "OPEN_MFA_ADMIN_PASSWORD",
        utf8,
        "The password for HTTP Basic.",
        absence="none: no admin API",
        required=True,
        secret=True,
    )
