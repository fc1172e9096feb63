"""Issuing one-time codes, and having them sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from application.enrolment import inherited, lifecycle
from application.errors import DeliveryFailed, InvalidRecipient, TooManySends, UnsupportedDelivery
from application.optimistic_update import Change, OptimisticUpdate
from application.ports.delivery import Channel, Delivery, Message
from application.ports.events import Action, Events
from application.ports.secrets import Randomness
from application.ports.stores import SendLimit
from domain.code import Code
from domain.credential import REMEMBERED_AFTER_REMOVAL, StoredState
from domain.failures import Failures
from domain.keyed_digest import keyed_digest
from domain.one_time_code import OneTimeCode
from domain.owner import CredentialId, Factor, Owner
from domain.secret import SharedSecret


@dataclass(frozen=True, slots=True)
class IssueCodeRequest:
    """A request for a new code.

    Attributes:
        lifetime: lifetime of the owner, in seconds.
        code_lifetime: lifetime of the code, in seconds.
        to: the recipient, as the channel names it.
        client: the network of the client that requests the code.
    """

    owner: Owner
    lifetime: int | None
    digits: int
    code_lifetime: int
    channel: Channel = Channel.RESPONSE
    to: str = ""
    client: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class IssuedCode:
    """The code in the clear, for this once, and its record."""

    code: Code
    record: OneTimeCode


@dataclass(frozen=True, slots=True)
class Route:
    """A channel that is set up: what sends, and what raises `ValueError` for what can't be a recipient there."""

    delivery: Delivery
    check: Callable[[str], object]


class IssueCode:
    """A new random code for a single use; it replaces the one before. Failures counted before go on counting.

    A code that is sent is good from the moment in which it has been taken over: whatever fails before, in between or
    while that is being written, leaves no live code.
    """

    def __init__(
        self,
        changes: OptimisticUpdate,
        randomness: Randomness,
        events: Events,
        channels: Mapping[Channel, Route],
        limit: SendLimit,
    ) -> None:
        self._changes = changes
        self._randomness = randomness
        self._events = events
        self._channels = channels
        self._limit = limit

    def execute(self, request: IssueCodeRequest) -> IssuedCode:
        """The code, which has been sent where that was asked for.

        Raises:
            UnsupportedDelivery, InvalidRecipient, TooManySends: nothing was changed.
            DeliveryFailed, StoreUnavailable: no code is live, unless it is the one before and nothing was changed.
        """
        self._events.require_room()
        delivery = self._delivery(request)
        code, secret = self._randomness.code(request.digits), self._randomness.secret()
        credential_id = CredentialId(request.owner, Factor.OTP)

        def decide(state: StoredState | None, now: int) -> Change[OneTimeCode]:
            record = _record(request, credential_id, code, secret, now, inherited(state))
            return Change(record, record if delivery is None else replace(record, code_expires_at=now))

        record = self._changes.apply(credential_id, decide)
        if delivery is not None:
            self._send(delivery, request.to, code, record)
        self._events.changed(Action.ISSUED, credential_id)
        return IssuedCode(code, record)

    def _delivery(self, request: IssueCodeRequest) -> Delivery | None:
        if request.channel is Channel.RESPONSE:
            return None
        route = self._channels.get(request.channel)
        if route is None:
            raise UnsupportedDelivery
        try:
            route.check(request.to)
        except ValueError as error:
            raise InvalidRecipient(str(error)) from None
        wait = self._limit.admit(request.owner, request.channel, request.to, request.client)
        if wait:
            raise TooManySends(wait)
        return route.delivery

    def _send(self, delivery: Delivery, to: str, code: Code, record: OneTimeCode) -> None:
        message = Message(code, to, record.id.owner, record.lifecycle.created_at, record.code_expires_at)
        try:
            delivery.send(message)
        except DeliveryFailed:
            self._events.changed(Action.UNDELIVERED, record.id)
            raise

        def decide(state: StoredState | None, _now: int) -> Change[None]:
            if isinstance(state, OneTimeCode) and state.digest == record.digest:
                return Change(None, replace(state, code_expires_at=record.code_expires_at))
            # Another one has been issued in the meantime, and replaces this one.
            return Change(None, state)

        self._changes.apply(record.id, decide)


def _record(
    request: IssueCodeRequest,
    credential_id: CredentialId,
    code: Code,
    secret: SharedSecret,
    now: int,
    failures: Failures,
) -> OneTimeCode:
    end = now + request.code_lifetime
    # An account has no end, but nothing is left of a code that is long past.
    forgotten_after = request.code_lifetime + REMEMBERED_AFTER_REMOVAL
    life = lifecycle(now, forgotten_after if request.lifetime is None else request.lifetime)
    return OneTimeCode(
        id=credential_id,
        lifecycle=life,
        failures=failures,
        code_digits=request.digits,
        secret=secret,
        digest=keyed_digest(secret, code.text),
        code_expires_at=end if life.expires_at is None else min(end, life.expires_at),
    )
