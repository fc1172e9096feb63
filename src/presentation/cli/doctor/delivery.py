"""Findings about the channels that send codes."""

from collections.abc import Iterator

from infrastructure.delivery.channel import ChannelSettings
from infrastructure.settings import Settings, WebhookReceiver
from presentation.cli.doctor.finding import Finding, Grade


def check_delivery(settings: Settings, grave: Grade) -> Iterator[Finding]:
    """Yield a finding for each channel, and for each webhook of a tenant: whether codes are encrypted in transit.

    Args:
        settings: the settings.
        grave: the grade of codes that are not encrypted.
    """
    for name, channel in _channels(settings):
        if channel.is_unencrypted:
            yield Finding(grave, f"{name} sends codes unencrypted: use {channel.encrypted_schemes}")
        else:
            yield Finding(Grade.OK, f"{name} sends codes encrypted or on this machine only")


def tenant_webhooks(settings: Settings) -> Iterator[tuple[str, WebhookReceiver]]:
    """Yield the webhook of each tenant that has its own, with a name for findings."""
    for tenant in settings.tenants.by_name.values():
        own = tenant.delivery.webhook
        if own is not None:
            yield f"OPEN_MFA_TENANTS (webhook of {tenant.name})", WebhookReceiver(own.url, own.secret)


def _channels(settings: Settings) -> Iterator[tuple[str, ChannelSettings]]:
    for channel in settings.channels:
        yield channel.url_variable, channel
    yield from tenant_webhooks(settings)
