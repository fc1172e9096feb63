"""Issuing one-time codes, and having them sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from application.enrolment import inherited, lifecycle
from application.errors import DeliveryFailed, InvalidRecipient, TooManySends, UnsupportedDelivery
from application.ports import Action, Channel, Delivery, Events, Message, Randomness, SendLimit
from application.state_change import Change, StateChange
from domain.code import Code
from domain.credential import REMEMBERED_AFTER_REMOVAL, Remnant
from domain.keyed_digest import keyed_digest
from domain.one_time_code import OneTimeCode
from domain.owner import CredentialId, Factor, Owner


@dataclass(frozen=True, slots=True)
class IssueCodeRequest:
    """`lifetime` is the owner's, `code_lifetime` the code's, both in seconds; `to` is the channel's recipient."""

    owner: Owner
    lifetime: int | None
    digits: int
    code_lifetime: int
    channel: Channel = Channel.RESPONSE
    to: str = ""


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

    It is committed before it is sent: whoever reads it can use it. What could not be sent is taken back.
    """

    def __init__(
        self,
        changes: StateChange,
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
            DeliveryFailed: no code is live, nor is the one before.
            StoreUnavailable: nobody was sent a code that is live.
        """
        delivery = self._delivery(request)
        issued = self._commit(request)
        if delivery is not None:
            record = issued.record
            message = Message(
                issued.code, request.to, request.owner, record.lifecycle.created_at, record.code_expires_at
            )
            try:
                delivery.send(message)
            except DeliveryFailed:
                self._take_back(record)
                raise
        self._events.changed(Action.ISSUED, issued.record.id)
        return issued

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
        wait = self._limit.admit(request.channel, request.to)
        if wait:
            raise TooManySends(wait)
        return route.delivery

    def _commit(self, request: IssueCodeRequest) -> IssuedCode:
        credential_id = CredentialId(request.owner, Factor.OTP)
        code = self._randomness.code(request.digits)
        secret = self._randomness.secret()

        def decide(content: Remnant | None, now: int) -> Change[OneTimeCode]:
            end = now + request.code_lifetime
            # An account has no end, but nothing is left of a code that is long past.
            forgotten_after = request.code_lifetime + REMEMBERED_AFTER_REMOVAL
            life = lifecycle(now, forgotten_after if request.lifetime is None else request.lifetime)
            record = OneTimeCode(
                id=credential_id,
                lifecycle=life,
                failures=inherited(content),
                code_digits=request.digits,
                secret=secret,
                digest=keyed_digest(secret, code.text),
                code_expires_at=end if life.expires_at is None else min(end, life.expires_at),
            )
            return Change(record, record)

        return IssuedCode(code, self._changes.apply(credential_id, decide))

    def _take_back(self, record: OneTimeCode) -> None:
        def decide(content: Remnant | None, now: int) -> Change[None]:
            # Another one may have been issued in the meantime, and that one may have arrived.
            ours = isinstance(content, OneTimeCode) and content.digest == record.digest
            return Change(None, content.removed(now) if ours and isinstance(content, OneTimeCode) else content)

        self._changes.apply(record.id, decide)
        self._events.changed(Action.UNDELIVERED, record.id)
