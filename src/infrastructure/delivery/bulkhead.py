"""A limit on deliveries, so that slow receivers can't occupy all threads."""

import logging
import threading

from application.errors import DeliveryFailed
from application.ports.delivery import Delivery, Message
from application.request_context import FIELDS

_log = logging.getLogger("open_mfa.delivery")


class Bulkhead:
    """Limits the number of deliveries at the same time, and logs why one failed.

    Args:
        delivery: the adapter that sends.
        slots: one for each delivery. All channels of a process share them.
        channel: the name of the channel, for the log.
    """

    def __init__(self, delivery: Delivery, slots: threading.BoundedSemaphore, channel: str) -> None:
        self._delivery = delivery
        self._slots = slots
        self._channel = channel

    def send(self, message: Message) -> None:
        """Send a message. Raise `DeliveryFailed`, at once if there is no slot."""
        try:
            self._send(message)
        except DeliveryFailed as error:
            # The text of the error contains neither the code nor the recipient.
            fields = {"channel": self._channel, "problem": str(error)}
            if message.owner.tenant is not None:
                fields["tenant"] = message.owner.tenant
            _log.warning("not delivered", extra={FIELDS: fields})
            raise

    def _send(self, message: Message) -> None:
        if not self._slots.acquire(blocking=False):
            raise DeliveryFailed("too many deliveries are under way")
        try:
            self._delivery.send(message)
        finally:
            self._slots.release()
