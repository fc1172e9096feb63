"""Issuing one-time codes, and sending them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from application.errors import (
    DeliveryFailed,
    InvalidRecipient,
    RecipientNotAllowed,
    TooManySends,
    UnsupportedDelivery,
)
from application.optimistic_update import Change, OptimisticUpdate
from application.ports.delivery import Channel, Delivery, Message
from application.ports.events import Action, Events
from application.ports.policies import Policies
from application.ports.refusals import LimitRefusals
from application.ports.secrets import Randomness
from application.ports.stores import SendLimit
from domain.code import Code
from domain.credential import Lifecycle
from domain.failures import Failures
from domain.keyed_digest import keyed_digest
from domain.one_time_code import OneTimeCode
from domain.owner import CredentialId, Factor, Owner
from domain.secret import SharedSecret
from domain.stored_state import StoredState, inherited_failures
from domain.tombstone import REMEMBERED_AFTER_REMOVAL


@dataclass(frozen=True, slots=True)
class IssueCodeRequest:
    """A request for a new code.

    Attributes:
        owner: the owner of the code.
        lifetime: lifetime of the owner, in seconds; None for no end.
        digits: number of digits of the code.
        code_lifetime: lifetime of the code, in seconds.
        channel: the channel that sends the code.
        to: the recipient, as the channel names it.
        client: the network of the client that requests the code.
        language: the language of the message, as a tag of BCP 47; None for the default of the channel.
    """

    owner: Owner
    lifetime: int | None
    digits: int
    code_lifetime: int
    channel: Channel = Channel.RESPONSE
    to: str = ""
    client: str = ""
    language: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class IssuedCode:
    """The code in clear text, available only now, and its credential."""

    code: Code
    credential: OneTimeCode


@dataclass(frozen=True, slots=True)
class ConfiguredChannel:
    """A channel that is set up.

    Attributes:
        delivery: sends the codes.
        check: raises `ValueError` for an invalid recipient.
        allows: returns whether a list of recipients includes a valid recipient; see `Policy.recipients`.
    """

    delivery: Delivery
    check: Callable[[str], object]
    allows: Callable[[str, tuple[str, ...]], bool]


Channels = Callable[[Owner, Channel], ConfiguredChannel | None]
"""Returns how a channel sends the codes of an owner; None if the channel is not set up for the owner."""


class IssueCode:
    """Issue a new random code for a single use. It replaces the former one; former failures still count.

    A code that is sent becomes valid after the channel has accepted it and the store has recorded that. If either step
    fails, no code is valid.
    """

    def __init__(
        self,
        changes: OptimisticUpdate,
        randomness: Randomness,
        events: Events,
        channels: Channels,
        limit: SendLimit,
        policies: Policies,
        refusals: LimitRefusals,
    ) -> None:
        self._changes = changes
        self._randomness = randomness
        self._events = events
        self._channels = channels
        self._limit = limit
        self._policies = policies
        self._refusals = refusals

    def execute(self, request: IssueCodeRequest) -> IssuedCode:
        """Return the code, after it was sent if the request names a channel that sends.

        Raises:
            UnsupportedDelivery, InvalidRecipient, RecipientNotAllowed, TooManySends: nothing was changed.
            DeliveryFailed, StoreUnavailable: no code is valid, except the former one if nothing was changed.
        """
        self._events.require_room()
        delivery = self._delivery(request)
        code, secret = self._randomness.code(request.digits), self._randomness.secret()
        credential_id = CredentialId(request.owner, Factor.OTP)

        def decide(state: StoredState | None, now: int) -> Change[OneTimeCode]:
            credential = _credential(request, credential_id, code, secret, now, inherited_failures(state))
            return Change(credential, credential if delivery is None else replace(credential, code_expires_at=now))

        credential = self._changes.apply(credential_id, decide)
        if delivery is not None:
            self._send(delivery, request, code, credential)
        self._events.changed(Action.ISSUED, credential_id)
        return IssuedCode(code, credential)

    def _delivery(self, request: IssueCodeRequest) -> Delivery | None:
        if request.channel is Channel.RESPONSE:
            return None
        channel = self._channels(request.owner, request.channel)
        if channel is None:
            raise UnsupportedDelivery
        try:
            channel.check(request.to)
        except ValueError as error:
            raise InvalidRecipient(str(error)) from None
        policy = self._policies.of(request.owner)
        if policy.recipients and not channel.allows(request.to, policy.recipients):
            raise RecipientNotAllowed
        self._count(request, policy.limits.sends_per_day)
        return channel.delivery

    def _count(self, request: IssueCodeRequest, per_day: int | None) -> None:
        owner = request.owner
        refused = self._limit.admit(owner, request.channel, request.to, request.client, per_day)
        if refused is None:
            return
        if refused.limit is not None:
            self._refusals.refused(owner.tenant or "", refused.limit, refused.wait)
        raise TooManySends(refused.wait, refused.limit)

    def _send(self, delivery: Delivery, request: IssueCodeRequest, code: Code, sent: OneTimeCode) -> None:
        created_at, expires_at = sent.lifecycle.created_at, sent.code_expires_at
        message = Message(code, request.to, request.owner, created_at, expires_at, request.language)
        try:
            delivery.send(message)
        except DeliveryFailed:
            self._events.changed(Action.UNDELIVERED, sent.id)
            raise

        def decide(state: StoredState | None, _now: int) -> Change[None]:
            if isinstance(state, OneTimeCode) and state.digest == sent.digest:
                return Change(None, replace(state, code_expires_at=sent.code_expires_at))
            # Another code was issued in the meantime, and replaces this one.
            return Change(None, state)

        self._changes.apply(sent.id, decide)


def _credential(
    request: IssueCodeRequest,
    credential_id: CredentialId,
    code: Code,
    secret: SharedSecret,
    now: int,
    failures: Failures,
) -> OneTimeCode:
    end = now + request.code_lifetime
    # An account has no end, but the record of a code that expired long ago is not needed, unless its lock lasts longer.
    needed = max(request.code_lifetime, failures.locked_until - now) + REMEMBERED_AFTER_REMOVAL
    lifecycle = Lifecycle.starting(now, needed if request.lifetime is None else request.lifetime)
    return OneTimeCode(
        id=credential_id,
        lifecycle=lifecycle,
        failures=failures,
        code_digits=request.digits,
        secret=secret,
        digest=keyed_digest(secret, code.text),
        code_expires_at=end if lifecycle.expires_at is None else min(end, lifecycle.expires_at),
    )
