"""The registry of channels: the settings of a channel contain everything that the service needs to know about it.

A new channel is a member of `Channel`, an adapter in this package, a settings group that extends `ChannelSettings`, and
the field of that group in `Settings`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from application.ports.clock import Clock
from application.ports.delivery import Channel, Delivery
from domain.language import LANGUAGES
from infrastructure.delivery.mail_template import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryProfile:
    """What codes look like to the people who get them: for all sessions, or for the accounts of a tenant.

    Attributes:
        issuer: the name of the service that the codes are for.
        language: the language of mail for which a request names none.
        mail_from: the sender of mail; None for that of the settings.
        mail_texts: the tenant's own texts of mail by language.
        mail_language: the tenant's own default language, which has a text; None for `language`.
    """

    issuer: str
    language: str = LANGUAGES[0]
    mail_from: str | None = None
    mail_texts: Mapping[str, Template] = field(default_factory=dict)
    mail_language: str | None = None


class ChannelSettings(ABC):
    """The settings of a channel that sends codes.

    Attributes:
        channel: the channel.
        url_variable: the variable whose URL leads to the receiver.
        encrypted_schemes: the schemes of URLs that encrypt, for advice.
    """

    __slots__ = ()

    channel: ClassVar[Channel]
    url_variable: ClassVar[str]
    encrypted_schemes: ClassVar[str]

    @abstractmethod
    def delivery(self, profile: DeliveryProfile, clock: Clock) -> Delivery:
        """Return the adapter that sends.

        Raises:
            ValueError: the settings do not fit the profile.
        """

    @abstractmethod
    def check_recipient(self, to: str) -> str:
        """Return the recipient as it is. Raise `ValueError` with the reason if it is invalid."""

    @property
    @abstractmethod
    def is_unencrypted(self) -> bool:
        """Whether others can read codes on their way to the receiver."""

    @property
    def secrets(self) -> Mapping[str, str]:
        """The secrets that an operator chose for this channel alone, by their variables."""
        return {}
