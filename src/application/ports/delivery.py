"""The port that sends one-time codes."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from domain.code import Code
from domain.owner import Owner


class Channel(StrEnum):
    """The ways in which a one-time code reaches the user."""

    RESPONSE = "response"
    """The response to the request contains the code."""
    EMAIL = "email"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """A one-time code to be sent. `repr` does not show it.

    Attributes:
        code: the code.
        to: the recipient, as the channel names it.
        owner: the owner of the code.
        issued_at: Unix time in seconds.
        expires_at: Unix time in seconds.
        language: the tag of the language of the person (BCP 47); None for the default of the channel.
    """

    code: Code
    to: str
    owner: Owner
    issued_at: int
    expires_at: int
    language: str | None = None


class Delivery(Protocol):
    """One channel that sends messages."""

    def send(self, message: Message) -> None:
        """Return after the message is accepted for delivery. Raise `DeliveryFailed` after about 10 s at the latest."""
