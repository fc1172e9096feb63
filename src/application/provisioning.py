"""The provisioning URI, which transfers a secret to an authenticator (Key URI Format)."""

from typing import assert_never
from urllib.parse import quote, urlencode

from application.ports.policies import Policies
from domain.credential import Credential
from domain.hotp import HotpCredential
from domain.stored_state import AnySecretCredential
from domain.totp import TotpCredential


class Provisioning:
    """Builds provisioning URIs.

    Args:
        policies: the policies, which have the issuers of credentials that have none of their own.
    """

    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    def uri(self, credential: AnySecretCredential) -> str:
        """Return `key_uri`. The caller shows it only while the credential is pending."""
        return key_uri(credential, self._policies.of(credential.id.owner).issuer)


def key_uri(credential: AnySecretCredential, default_issuer: str) -> str:
    """Return `otpauth://totp/Issuer:label?secret=…`.

    It contains every parameter, even with its default, so that an authenticator need not guess. pyotp builds such URIs
    too, but refuses the intervals above 120 s that this service allows.

    Args:
        credential: the credential.
        default_issuer: the issuer if the credential has none of its own.
    """
    issuer = credential.issuer or default_issuer
    label = credential.label or default_label(credential)
    query: dict[str, str | int] = {
        "secret": credential.secret.base32,
        "issuer": issuer,
        "algorithm": credential.parameters.algorithm.value,
        "digits": credential.digits,
    }
    match credential:
        case HotpCredential():
            query["counter"] = credential.counter
        case TotpCredential():
            query["period"] = credential.parameters.interval
        case _:
            assert_never(credential)
    path = f"{quote(issuer, safe='')}:{quote(label, safe='@')}"
    return f"otpauth://{credential.id.factor.value}/{path}?{urlencode(query, quote_via=quote)}"


def default_label(credential: Credential) -> str:
    """Return the account name for the authenticator if the request named none."""
    # In the Key URI Format, a colon separates the issuer from the account name.
    owner = credential.id.owner
    return (owner.account or owner.kind.value).replace(":", "-")
