"""Findings about the channels that send codes."""

from collections.abc import Iterator

from infrastructure.delivery.webhook import Webhook
from infrastructure.settings import Settings
from presentation.cli.doctor.finding import Finding, Grade


def check_delivery(settings: Settings, grave: Grade) -> Iterator[Finding]:
    """Yield a finding for each channel: whether codes are encrypted in transit.

    Args:
        settings: the settings.
        grave: the grade of codes that are not encrypted.
    """
    channels = []
    if settings.mail is not None:
        channels.append(("OPEN_MFA_SMTP_URL", settings.mail.server.in_the_clear, "smtps:// or smtp+starttls://"))
    if settings.webhook is not None:
        channels.append(("OPEN_MFA_WEBHOOK_URL", Webhook.in_the_clear(settings.webhook.url), "https://"))
    for name, in_the_clear, remedy in channels:
        if in_the_clear:
            yield Finding(grave, f"{name} sends codes unencrypted: use {remedy}")
        else:
            yield Finding(Grade.OK, f"{name} sends codes encrypted or on this machine only")
