"""Deliveries that take their time must not take all threads."""

import logging
import threading

from application.errors import DeliveryFailed
from application.ports.delivery import Delivery, Message
from application.request_context import FIELDS

_log = logging.getLogger("open_mfa.delivery")


class Bulkhead:
    """Lets only so many deliveries be under way at once, and tells operators why one failed.

    Args:
        delivery: what sends.
        places: shared by all channels of a process.
        channel: its name, for the log.
    """

    def __init__(self, delivery: Delivery, places: threading.BoundedSemaphore, channel: str) -> None:
        self._delivery = delivery
        self._places = places
        self._channel = channel

    def send(self, message: Message) -> None:
        """Raises `DeliveryFailed`, at once where too many others are under way."""
        try:
            self._send(message)
        except DeliveryFailed as error:
            # Adapters see to it that this says neither code nor recipient.
            _log.warning("not delivered", extra={FIELDS: {"channel": self._channel, "problem": str(error)}})
            raise

    def _send(self, message: Message) -> None:
        if not self._places.acquire(blocking=False):
            raise DeliveryFailed("too many deliveries are under way")
        try:
            self._delivery.send(message)
        finally:
            self._places.release()
