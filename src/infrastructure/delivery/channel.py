"""The registry of channels: the settings of a channel contain everything that the service needs to know about it.

A new channel is a member of `Channel`, an adapter in this package, a settings group that extends `ChannelSettings`, and
the field of that group in `Settings`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from application.ports.clock import Clock
from application.ports.delivery import Channel, Delivery


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
    def delivery(self, issuer: str, clock: Clock) -> Delivery:
        """Return the adapter that sends.

        Raises:
            ValueError: the settings do not fit the issuer.
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
