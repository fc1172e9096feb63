"""The gate in front of other web applications."""

import base64
import secrets
from dataclasses import dataclass
from typing import Final

from domain.secret import RECOMMENDED_SECRET, SharedSecret
from infrastructure.settings.declaration import in_development, setting
from infrastructure.settings.parsers import Choice, WholeNumber, boolean, cookie_domain, text_secret

ACCEPT: Final = "accept"
_MINUTE: Final = 60
_DAY: Final = 86400
"""Seconds."""


def _secret(text: str) -> SharedSecret:
    """Return the secret of a text in base32. `conflicts` refuses a weak one unless a setting accepts it."""
    return SharedSecret.from_base32(text, accept_weak=True)


def _random_base32() -> str:
    return base64.b32encode(secrets.token_bytes(RECOMMENDED_SECRET)).decode()


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate asks for a code in front of other web applications. It has one secret, in base32 or as text.

    See also: [share one log-in](../how-to/share-one-log-in.md).
    """

    secret: SharedSecret | None = setting(
        "OPEN_MFA_GATE_SECRET",
        _secret,
        "The shared TOTP secret of the gate, in base32: 128 to 1024 bits.",
        absence="none: no gate; in development, one is generated",
        secret=True,
        generate=_random_base32,
        unless="OPEN_MFA_GATE_SECRET_TEXT",
    )
    secret_text: SharedSecret | None = setting(
        "OPEN_MFA_GATE_SECRET_TEXT",
        text_secret,
        "The shared secret as text instead of base32, such as the `RAW_SECRET` of a totp-server: at least 16 characters"
        " and at most 128 bytes of UTF-8.",
        secret=True,
    )
    weak_secret: str | None = setting(
        "OPEN_MFA_GATE_WEAK_SECRET",
        Choice((ACCEPT,)),
        f"`{ACCEPT}` allows an `OPEN_MFA_GATE_SECRET` of 80 to 127 bits, which some other systems use. Replace such a"
        " secret with a longer one soon.",
        absence="none: the secret has 128 bits or more",
    )
    lifetime: int = setting(
        "OPEN_MFA_GATE_LIFETIME",
        WholeNumber(_MINUTE, 90 * _DAY),
        "The lifetime of a log-in at the gate, in seconds.",
        default="86400",
    )
    tenant: str | None = setting(
        "OPEN_MFA_GATE_TENANT",
        str,
        "The tenant whose accounts can log in at the gate, too. `OPEN_MFA_TENANTS` or `OPEN_MFA_API_KEYS`"
        " must contain it.",
        absence="none: shared secret only",
    )
    cookie_domain: str | None = setting(
        "OPEN_MFA_GATE_COOKIE_DOMAIN",
        cookie_domain,
        "The domain, such as `example.com`, whose hosts share a log-in. `return_to` may then be an `https` URL on one"
        " of these hosts.",
        absence="none: one log-in for each host",
    )
    show_qr: bool = setting(
        "OPEN_MFA_GATE_SHOW_QR",
        boolean,
        "`true` prints the QR code of the gate's secret in the terminal when the service starts.",
        default=in_development("true", otherwise="false"),
    )

    @property
    def shared_secret(self) -> SharedSecret | None:
        """The secret, None if the gate is off."""
        return self.secret if self.secret_text is None else self.secret_text

    @property
    def secret_variable(self) -> str:
        """The name of the variable that holds the secret."""
        return "OPEN_MFA_GATE_SECRET" if self.secret_text is None else "OPEN_MFA_GATE_SECRET_TEXT"
