"""The errors that stop a use case for reasons outside the domain."""

from domain.usage import LimitName


class ApplicationError(Exception):
    """The root of the application's errors. Messages contain no secrets."""


class StoreUnavailable(ApplicationError):
    """The state could not be read or written in time, or is unreadable; nothing was accepted.

    The remedy is the same for every cause: the client tries again later.
    """


class UnreadableRecord(StoreUnavailable):
    """A stored record is malformed, or opens with none of the keys."""


class AuditUnavailable(StoreUnavailable):
    """The audit trail accepts no more lines. Nothing was judged or changed, so the trail has no gap."""


class InvalidCursor(ApplicationError):
    """The cursor is not one that this service has returned to this tenant."""


class UnsupportedDelivery(ApplicationError):
    """The channel for sending a one-time code is not set up."""


class InvalidRecipient(ApplicationError):
    """The recipient is invalid for the channel. The message gives the reason and does not repeat the recipient."""


class RecipientNotAllowed(ApplicationError):
    """The policy of the tenant does not allow codes to this recipient."""


class TooManySends(ApplicationError):
    """Too many codes were sent to one recipient, or to all recipients together.

    Attributes:
        wait: the seconds until the next code may be sent.
        limit: the limit of the tenant that was reached; None for a limit of the service.
    """

    def __init__(self, wait: int, limit: LimitName | None = None) -> None:
        super().__init__(f"too many codes were sent; the next one may be sent in {wait} s")
        self.wait = wait
        self.limit = limit


class LimitReached(ApplicationError):
    """A limit of the tenant is reached. Nothing was judged or changed.

    Attributes:
        limit: the limit.
        wait: the seconds until the limit may admit a request.
    """

    def __init__(self, limit: LimitName, wait: int) -> None:
        super().__init__(f"{limit} is reached; the next request may be admitted in {wait} s")
        self.limit = limit
        self.wait = wait


class NoDerivation(ApplicationError):
    """The request requires a derived secret, but there is no master secret."""


class DeliveryFailed(ApplicationError):
    """The channel refused a one-time code, or did not answer in time. The message names neither code nor recipient."""
