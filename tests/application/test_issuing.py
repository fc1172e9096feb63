"""Sending one-time codes: the code that arrives is the valid one, and a code that was not sent is not valid."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from application.errors import DeliveryFailed, InvalidRecipient, StoreUnavailable, TooManySends, UnsupportedDelivery
from application.issuing import IssueCodeRequest, IssuedCode
from application.ports.delivery import Channel, Message
from application.ports.events import Action
from domain.code import Code
from domain.failures import Failures
from domain.verdict import Accepted, Locked, Reason, Rejected
from tests.application.account import FLAGS
from tests.application.rig import OTP, Rig
from tests.domain.examples import ALICE
from tests.support.fakes import NOON

TO = "alice@example.org"


def send(rig: Rig, to: str = TO, channel: Channel = Channel.EMAIL, digits: int = 6) -> IssuedCode:
    return rig.issue.execute(IssueCodeRequest(ALICE, None, digits, 300, channel, to))


def limit_reached(rig: Rig) -> None:
    rig.outbox.wait = 77
    send(rig)


REFUSALS: dict[type[Exception], Callable[[Rig], object]] = {
    UnsupportedDelivery: lambda rig: send(rig, channel=Channel.WEBHOOK),
    InvalidRecipient: lambda rig: send(rig, to="nowhere"),
    TooManySends: limit_reached,
}
every_refusal = pytest.mark.parametrize("error", REFUSALS)


def failing(before_failure: Callable[[Rig], object] = lambda _: None) -> tuple[Rig, Code]:
    """Return a rig whose channel fails, and the former code."""
    rig = Rig()
    former = rig.issued().code
    rig.submit(OTP, "000000")
    rig.events.all.clear()
    rig.outbox.failing = True
    rig.outbox.before_failure = lambda: before_failure(rig)
    return rig, former


def test_the_code_that_is_sent_is_the_valid_one() -> None:
    rig = Rig()
    send(rig)

    (message,) = rig.outbox.messages
    assert rig.submit(OTP, message.code.text).verdict == Accepted()


def test_a_message_contains_the_owner_and_the_expiry() -> None:
    rig = Rig()
    issued = send(rig)

    assert rig.outbox.messages == [Message(issued.code, TO, ALICE, NOON, NOON + 300)]


def test_neither_the_result_nor_the_message_shows_the_code() -> None:
    rig = Rig()
    issued = send(rig, digits=10)
    (message,) = rig.outbox.messages

    assert message.code.text not in f"{issued!r} {issued} {issued.credential!r} {message!r} {message}"


def test_a_message_does_not_show_its_recipient() -> None:
    rig = Rig()
    send(rig)

    assert TO not in f"{rig.outbox.messages}"


def test_a_code_in_the_response_is_not_sent() -> None:
    rig = Rig()
    rig.outbox.failing = True
    rig.outbox.wait = 77

    rig.issued()

    assert rig.outbox.messages == []


def test_a_code_that_was_sent_replaces_the_one_before() -> None:
    rig = Rig()
    former = send(rig).code
    send(rig)

    assert rig.submit(OTP, former.text).verdict == Rejected(Reason.WRONG, 4)


def test_a_code_is_sent_once_after_any_number_of_lost_races() -> None:
    rig = Rig()
    rig.repository.rivals = [rig.issued] * 3
    send(rig)

    (message,) = rig.outbox.messages
    assert rig.submit(OTP, message.code.text).verdict == Accepted()


def test_a_code_is_announced_as_issued_after_it_was_sent() -> None:
    rig = Rig()
    send(rig)

    assert rig.events.all == [(Action.ISSUED, OTP)]


# Refused


@every_refusal
def test_the_former_code_stays_valid_after_a_refusal(error: type[Exception]) -> None:
    rig = Rig()
    former = rig.issued().code
    with pytest.raises(error):
        REFUSALS[error](rig)

    assert rig.submit(OTP, former.text).verdict == Accepted()


@every_refusal
def test_a_refused_code_is_neither_stored_nor_sent_nor_announced(error: type[Exception]) -> None:
    rig = Rig()
    with pytest.raises(error):
        REFUSALS[error](rig)

    assert (rig.repository.committed, rig.outbox.messages, rig.events.all) == (0, [], [])


def test_a_refusal_contains_the_time_to_wait() -> None:
    with pytest.raises(TooManySends) as raised:
        limit_reached(Rig())

    assert raised.value.wait == 77


@every_refusal
def test_no_refusal_repeats_the_recipient(error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        REFUSALS[error](Rig())

    assert "nowhere" not in str(raised.value)
    assert TO not in str(raised.value)


def test_a_code_that_cannot_be_sent_does_not_count_as_sent() -> None:
    rig = Rig()
    rig.outbox.wait = 77

    with pytest.raises(InvalidRecipient):
        send(rig, to="nowhere")


# Failed


def test_no_code_is_valid_after_a_failed_delivery() -> None:
    rig, former = failing()
    with pytest.raises(DeliveryFailed):
        send(rig)

    assert isinstance(rig.submit(OTP, former.text).verdict, Rejected)
    assert isinstance(rig.submit(OTP, rig.outbox.refused[0].code.text).verdict, Rejected)


def test_a_code_is_not_valid_while_it_is_being_sent() -> None:
    verdicts: list[object] = []
    rig, _ = failing(
        before_failure=lambda rig: verdicts.append(rig.submit(OTP, rig.outbox.refused[0].code.text).verdict)
    )
    with pytest.raises(DeliveryFailed):
        send(rig)

    assert verdicts == [Rejected(Reason.EXPIRED, 4)]


def test_a_failed_delivery_keeps_all_failures_including_those_during_the_delivery() -> None:
    rig, _ = failing(before_failure=lambda rig: rig.submit(OTP, "000000"))
    with pytest.raises(DeliveryFailed):
        send(rig)

    # A code that is sent before the delivery is expired and does not count as a guess.
    state = rig.repository.state(OTP)
    assert state is not None
    assert state.failures == Failures(1)


def test_a_delivery_that_failed_keeps_the_lock() -> None:
    rig, _ = failing()
    for _ in range(4):
        rig.submit(OTP, "000000")
    with pytest.raises(DeliveryFailed):
        send(rig)

    assert rig.submit(OTP, "000000").verdict == Locked(NOON + 30)


def test_a_failed_delivery_is_announced_only_as_such() -> None:
    rig, _ = failing()
    with pytest.raises(DeliveryFailed):
        send(rig)

    assert rig.events.all == [(Action.UNDELIVERED, OTP)]


def test_a_new_code_is_valid_after_a_failed_delivery() -> None:
    rig, _ = failing()
    with pytest.raises(DeliveryFailed):
        send(rig)

    assert rig.submit(OTP, rig.issued().code.text).verdict == Accepted()


@pytest.mark.parametrize("fails", [True, False])
def test_a_code_that_was_issued_while_another_was_sent_survives_it(fails: bool) -> None:
    rivals: list[IssuedCode] = []
    rig = Rig()
    rig.outbox.failing, rig.outbox.before_failure = fails, lambda: rivals.append(rig.issued())
    with suppress(DeliveryFailed):
        send(rig)

    assert rig.submit(OTP, rivals[0].code.text).verdict == Accepted()


@pytest.mark.parametrize("fails", [True, False])
def test_a_code_that_is_removed_during_its_delivery_stays_removed(fails: bool) -> None:
    rig = Rig()
    rig.outbox.failing, rig.outbox.before_failure = fails, lambda: rig.forget.execute(ALICE)
    with suppress(DeliveryFailed):
        send(rig)

    assert rig.repository.state(OTP) is None


# The store


@pytest.mark.parametrize("flag", FLAGS)
def test_a_code_that_is_not_known_to_be_stored_is_neither_sent_nor_announced(flag: str) -> None:
    rig = Rig()
    setattr(rig.repository, flag, True)

    with pytest.raises(StoreUnavailable):
        send(rig)

    assert (rig.outbox.messages, rig.events.all) == ([], [])


@pytest.mark.parametrize("flag", ["down_for_loads", "down_before_commits"])
def test_a_sent_code_whose_acceptance_is_not_stored_never_becomes_valid(flag: str) -> None:
    rig = Rig()
    rig.outbox.before_failure = lambda: setattr(rig.repository, flag, True)
    with pytest.raises(StoreUnavailable):
        send(rig)
    setattr(rig.repository, flag, False)

    assert rig.submit(OTP, rig.outbox.messages[0].code.text).verdict == Rejected(Reason.EXPIRED, 5)
    assert [event[0] for event in rig.events.all if event[0] in list(Action)] == []
