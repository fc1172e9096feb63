"""What stops a use case that the domain has nothing to say about."""


class ApplicationError(Exception):
    """Root of the application's errors; messages hold nothing secret."""


class StoreUnavailable(ApplicationError):
    """The state could not be read or written in time, or could not be understood: nothing was accepted.

    Whatever the cause, the way out for the caller is the same: try again later.
    """


class UnreadableRecord(StoreUnavailable):
    """What is stored in one place can't be understood, or does not open under any of the keys."""


class AuditUnavailable(StoreUnavailable):
    """The audit trail takes no more lines. Nothing was judged or changed, so the trail has no gap."""


class UnsupportedDelivery(ApplicationError):
    """The channel for sending a one-time code is not set up."""


class InvalidRecipient(ApplicationError):
    """What can't be a recipient of the channel; the message says why and does not repeat it."""


class TooManySends(ApplicationError):
    """Too many codes were sent to one recipient, or to all recipients together; `wait` is in seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__(f"too many codes were sent; {wait} s until the next")
        self.wait = wait


class NoDerivation(ApplicationError):
    """A derived secret was asked for, but there is nothing to derive one from."""


class DeliveryFailed(ApplicationError):
    """A one-time code could not be handed on: refused, or not in time. The message names neither code nor recipient."""
