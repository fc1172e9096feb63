"""The channels of each owner: those of the settings, with the sender, the texts and the webhook of its tenant."""

import threading
from collections.abc import Mapping
from functools import partial

from application.issuing import ConfiguredChannel
from application.ports.clock import Clock
from application.ports.delivery import Channel
from domain.owner import Owner
from infrastructure.delivery.allowed_recipients import is_allowed
from infrastructure.delivery.bulkhead import Bulkhead
from infrastructure.delivery.channel import ChannelSettings, DeliveryProfile
from infrastructure.settings import Settings
from infrastructure.settings.groups.delivery import WebhookReceiver
from infrastructure.tenants.delivery import tenant_profile
from infrastructure.tenants.tenants import Tenant


class OwnerChannels:
    """Finds the channels of an owner (`application.issuing.Channels`).

    Sessions have those of the settings. A tenant may have a webhook although the settings name none.

    Args:
        settings: the settings, with the tenants.
        clock: the clock of the webhooks.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        # Half of the threads stay free for other requests.
        self._slots = threading.BoundedSemaphore(max(1, settings.server.threads // 2))
        self._clock = clock
        service = DeliveryProfile(issuer=settings.enrolment.issuer, language=settings.texts.language)
        self._shared = self._set_up(settings.channels, service)
        self._of_tenants = {
            name: {**self._shared, **self._own(settings, tenant, service)}
            for name, tenant in settings.tenants.by_name.items()
        }

    def __call__(self, owner: Owner, channel: Channel) -> ConfiguredChannel | None:
        """Return how a channel sends the codes of an owner; None if it is not set up."""
        return self._of_tenants.get(owner.tenant or "", self._shared).get(channel)

    def _set_up(self, channels: list[ChannelSettings], profile: DeliveryProfile) -> Mapping[Channel, ConfiguredChannel]:
        return {
            each.channel: ConfiguredChannel(
                Bulkhead(each.delivery(profile, self._clock), self._slots, each.channel.value),
                each.check_recipient,
                partial(is_allowed, each.channel),
            )
            for each in channels
        }

    def _own(self, settings: Settings, tenant: Tenant, service: DeliveryProfile) -> Mapping[Channel, ConfiguredChannel]:
        """Return the channels of a tenant that differ from those of the service. A webhook holds a TLS context."""
        profile = tenant_profile(service, tenant.policy.issuer, tenant.delivery)
        own = [each for each in settings.channels if each.channel is Channel.EMAIL and profile != service]
        if tenant.delivery.webhook is not None:
            own.append(WebhookReceiver(tenant.delivery.webhook.url, tenant.delivery.webhook.secret))
        return self._set_up(own, profile)
