"""The provisioning URI that brings a secret into an authenticator (Key URI Format)."""

from urllib.parse import quote, urlencode

from domain.credential import Credential
from domain.hotp import HotpCredential
from domain.secret_credential import SecretCredential
from domain.totp import TotpCredential


class Provisioning:
    """Builds provisioning URIs.

    Every parameter is spelled out, defaults too: an authenticator that honours them need not guess. pyotp builds such
    URIs as well, but refuses the intervals above 120 s that this service allows.
    """

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def uri(self, credential: SecretCredential) -> str:
        """`otpauth://totp/Issuer:label?secret=…`, shown only while the credential is pending."""
        issuer = credential.issuer or self._issuer
        label = credential.label or default_label(credential)
        query: dict[str, str | int] = {
            "secret": credential.secret.base32,
            "issuer": issuer,
            "algorithm": credential.parameters.algorithm.value,
            "digits": credential.digits,
        }
        if isinstance(credential, HotpCredential):
            query["counter"] = credential.counter
        if isinstance(credential, TotpCredential):
            query["period"] = credential.parameters.interval
        path = f"{quote(issuer, safe='')}:{quote(label, safe='@')}"
        return f"otpauth://{credential.id.factor.value}/{path}?{urlencode(query, quote_via=quote)}"


def default_label(credential: Credential) -> str:
    """The account name to show where the caller named none."""
    # The colon parts issuer and account name in the Key URI Format.
    owner = credential.id.owner
    return (owner.account or owner.kind.value).replace(":", "-")
