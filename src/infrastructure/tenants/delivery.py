"""What the tenants file says about the delivery of codes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from infrastructure.delivery.channel import DeliveryProfile
from infrastructure.delivery.mail_template import Template


@dataclass(frozen=True, slots=True)
class TenantWebhook:
    """The webhook of a tenant.

    Attributes:
        url: the URL that receives the codes.
        secret: signs the requests.
    """

    url: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantDelivery:
    """The delivery of a tenant's codes. The settings of the service fill in what is None.

    Attributes:
        mail_from: the sender of mail, with or without a name.
        languages: the texts of mails by the language tags that requests name (BCP 47), in lower case.
        language: the default language of mails: a language of `languages`, or one that is built in.
        webhook: the receiver of the tenant's codes.
    """

    mail_from: str | None = None
    languages: Mapping[str, Template] = field(default_factory=dict)
    language: str | None = None
    webhook: TenantWebhook | None = None


def tenant_profile(service: DeliveryProfile, issuer: str, delivery: TenantDelivery) -> DeliveryProfile:
    """Return the profile of a tenant.

    Args:
        service: the profile of the service, which fills in what the tenant leaves out.
        issuer: the issuer of the tenant.
        delivery: what the tenants file says.
    """
    return replace(
        service,
        issuer=issuer,
        mail_from=delivery.mail_from,
        mail_texts=delivery.languages,
        mail_language=delivery.language,
    )
