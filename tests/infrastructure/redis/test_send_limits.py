"""At most 5 codes are sent to one recipient in any 10 minutes."""

import hashlib
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from application.errors import StoreUnavailable
from application.ports.delivery import Channel
from application.request_context import FIELDS
from domain.owner import Owner, OwnerKind
from infrastructure.delivery.send_limits import HOUR, MOST_SENDS, WINDOW
from infrastructure.network import deadline
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.url import Connect, connector
from infrastructure.redis.stores.send_limits import RedisSendLimit
from tests.domain.examples import ALICE
from tests.infrastructure.redis.callers import all_at_once, unique_letters
from tests.support.fakes import NOON, FakeClock
from tests.support.redis_server import RedisServer
from tests.support.sends import wait_of

KEY = "tests count what they send with this key"
CLIENT = "192.0.2.1"
UNLIMITED = 1_000_000
PAUSES = st.lists(st.integers(0, 150) | st.sampled_from([WINDOW - 1, WINDOW, WINDOW + 1]), max_size=40)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def gateway(connect: Connect) -> Iterator[Gateway]:
    gateway = Gateway(connect)
    yield gateway
    gateway.close()


@pytest.fixture
def limit(gateway: Gateway, clock: FakeClock) -> RedisSendLimit:
    return RedisSendLimit(gateway, clock, KEY, UNLIMITED)


@pytest.fixture
def recipient() -> str:
    """Return a recipient of this test only."""
    return f"ada-{unique_letters()}@example.org"


def fill(limit: RedisSendLimit, recipient: str) -> None:
    assert [wait_of(limit, ALICE, Channel.EMAIL, recipient, CLIENT) for _ in range(MOST_SENDS)] == [0] * MOST_SENDS


class Reference:
    """A model that keeps all sent codes and counts them from the beginning."""

    def __init__(self) -> None:
        self.sent: list[int] = []

    def admit(self, now: int) -> int:
        recent = [moment for moment in self.sent if moment > now - WINDOW]
        if len(recent) < MOST_SENDS:
            self.sent.append(now)
            return 0
        return recent[-MOST_SENDS] + WINDOW - now


@given(PAUSES)
@example([0] * 6 + [WINDOW - 1, 1, 0])
@example([120] * 12)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_the_limit_agrees_with_a_count_of_all_sent_codes(
    limit: RedisSendLimit, clock: FakeClock, pauses: list[int]
) -> None:
    recipient, reference = unique_letters(), Reference()
    for pause in pauses:
        clock.advance(pause)
        assert wait_of(limit, ALICE, Channel.EMAIL, recipient, CLIENT) == reference.admit(clock.now())


@given(PAUSES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_at_most_five_codes_are_sent_in_any_ten_minutes(
    limit: RedisSendLimit, clock: FakeClock, pauses: list[int]
) -> None:
    recipient, sent = unique_letters(), []
    for pause in pauses:
        clock.advance(pause)
        if wait_of(limit, ALICE, Channel.WEBHOOK, recipient, CLIENT) == 0:
            sent.append(clock.now())

    assert all(sixth - first >= WINDOW for first, sixth in zip(sent, sent[MOST_SENDS:], strict=False))


def test_a_code_may_be_sent_after_the_returned_wait(limit: RedisSendLimit, clock: FakeClock, recipient: str) -> None:
    wait_of(limit, ALICE, Channel.EMAIL, recipient, CLIENT)
    clock.advance(100)
    for _ in range(MOST_SENDS - 1):
        wait_of(limit, ALICE, Channel.EMAIL, recipient, CLIENT)

    wait = wait_of(limit, ALICE, Channel.EMAIL, recipient, CLIENT)
    clock.advance(wait - 1)
    early = wait_of(limit, ALICE, Channel.EMAIL, recipient, CLIENT)
    clock.advance(1)

    assert (wait, early, wait_of(limit, ALICE, Channel.EMAIL, recipient, CLIENT)) == (WINDOW - 100, 1, 0)


def test_a_refusal_does_not_count(limit: RedisSendLimit, clock: FakeClock, recipient: str) -> None:
    fill(limit, recipient)
    clock.advance(WINDOW - 1)
    for _ in range(20):
        wait_of(limit, ALICE, Channel.EMAIL, recipient, CLIENT)
    clock.advance(1)

    fill(limit, recipient)


def test_recipients_are_counted_separately(limit: RedisSendLimit, recipient: str) -> None:
    fill(limit, recipient)

    fill(limit, f"other-{recipient}")


def test_channels_are_counted_separately(limit: RedisSendLimit, recipient: str) -> None:
    fill(limit, recipient)

    assert wait_of(limit, ALICE, Channel.WEBHOOK, recipient, CLIENT) == 0


@pytest.mark.parametrize("spell", [str.upper, str.title, str.swapcase])
def test_the_case_of_an_address_does_not_matter(limit: RedisSendLimit, recipient: str, spell: object) -> None:
    fill(limit, recipient)

    assert wait_of(limit, ALICE, Channel.EMAIL, spell(recipient), CLIENT) > 0  # type: ignore[operator] # functions of str


def test_five_of_32_simultaneous_codes_are_sent(limit: RedisSendLimit, recipient: str) -> None:
    waits = all_at_once([lambda: wait_of(limit, ALICE, Channel.EMAIL, recipient, CLIENT)] * 32)

    assert sorted(waits) == [0] * MOST_SENDS + [WINDOW] * (32 - MOST_SENDS)


def test_a_clock_that_is_set_back_admits_no_further_code(
    limit: RedisSendLimit, clock: FakeClock, recipient: str
) -> None:
    fill(limit, recipient)
    clock.advance(-120)

    assert wait_of(limit, ALICE, Channel.EMAIL, recipient, CLIENT) >= WINDOW


@pytest.mark.parametrize("to", ["", "+15550100", "Zoë@exämple.org", "日本" * 100, "a\0b", "\u2028", "'; FLUSHALL"])
def test_every_text_is_a_recipient(limit: RedisSendLimit, to: str) -> None:
    assert wait_of(limit, ALICE, Channel.WEBHOOK, f"{to}{uuid.uuid4().hex}", CLIENT) == 0


def test_redis_contains_no_recipient(redis_server: RedisServer, recipient: str, clock: FakeClock) -> None:
    session = Owner(OwnerKind.SESSION, "s1")
    with redis_server.client() as client:
        client.flushdb()
        limit = RedisSendLimit(Gateway(connector(redis_server.url)), clock, KEY, UNLIMITED)
        limit.admit(session, Channel.EMAIL, recipient, CLIENT)

        values = {
            key: client.get(key) if client.type(key) == b"string" else client.lindex(key, 0)
            for key in client.scan_iter()
        }

    stored = b" ".join(key + b" " + value for key, value in values.items())
    readable = {
        recipient,
        recipient.partition("@")[0],
        "email",
        KEY,
        CLIENT,
        hashlib.sha256(recipient.encode()).hexdigest(),
    }
    assert [text for text in readable if text.encode() in stored] == []
    assert sorted(values.values()) == [b"1", b"1", str(NOON).encode()]


def test_every_key_expires_with_its_window(redis_server: RedisServer, recipient: str, clock: FakeClock) -> None:
    session = Owner(OwnerKind.SESSION, "s1")
    with redis_server.client() as client:
        client.flushdb()
        limit = RedisSendLimit(Gateway(connector(redis_server.url)), clock, KEY, UNLIMITED)
        for _ in range(20):
            wait_of(limit, session, Channel.EMAIL, recipient, CLIENT)

        keys = list(client.scan_iter())
        left = sorted(client.ttl(key) for key in keys)
        (length,) = [client.llen(key) for key in keys if client.type(key) == b"list"]

    assert WINDOW - 5 < left[0] <= WINDOW
    assert HOUR - 5 < left[1] <= left[2] <= HOUR
    assert length == MOST_SENDS
    assert {key.partition(b"}")[0] for key in keys} == {b"open-mfa:sends:{session:"}


def test_another_digest_key_counts_separately(gateway: Gateway, clock: FakeClock, recipient: str) -> None:
    fill(RedisSendLimit(gateway, clock, KEY, UNLIMITED), recipient)

    assert wait_of(RedisSendLimit(gateway, clock, "another key", UNLIMITED), ALICE, Channel.EMAIL, recipient) == 0


def test_without_redis_nothing_is_admitted(own_server: RedisServer, clock: FakeClock, recipient: str) -> None:
    gateway = Gateway(connector(own_server.url))
    limit = RedisSendLimit(gateway, clock, KEY, UNLIMITED)
    wait_of(limit, ALICE, Channel.EMAIL, recipient, CLIENT)
    own_server.kill()

    with deadline.within(0.6), pytest.raises(StoreUnavailable):
        wait_of(limit, ALICE, Channel.EMAIL, recipient, CLIENT)
    gateway.close()


def test_tenants_and_sessions_are_counted_separately(limit: RedisSendLimit, recipient: str) -> None:
    fill(limit, recipient)
    others = [Owner.of_account("bank", "alice"), Owner(OwnerKind.SESSION, "s1")]

    assert [wait_of(limit, owner, Channel.EMAIL, recipient, CLIENT) for owner in others] == [0, 0]


def test_accounts_of_one_tenant_share_the_limit_of_a_recipient_and_so_do_sessions(
    limit: RedisSendLimit, recipient: str
) -> None:
    fill(limit, recipient)
    for number in range(MOST_SENDS):
        wait_of(limit, Owner(OwnerKind.SESSION, f"s{number}"), Channel.EMAIL, recipient, CLIENT)

    assert wait_of(limit, Owner.of_account("shop", "bob"), Channel.EMAIL, recipient, CLIENT) > 0
    assert wait_of(limit, Owner(OwnerKind.SESSION, "another"), Channel.EMAIL, recipient, CLIENT) > 0


@pytest.mark.parametrize(
    ("channel", "spellings"),
    [
        (
            Channel.EMAIL,
            [
                "{}@b\u00fccher.example",
                "{}@bu\u0308cher.example",
                "{}@xn--bcher-kva.example",
                "{}+x@b\u00fccher.example",
            ],
        ),
        (Channel.WEBHOOK, ["+1555{}", " +1555{} ", "+1 555-{}", "001555{}", "(+1) 555.{}", "\uff0b\uff11555{}"]),
    ],
)
def test_another_spelling_is_the_same_recipient(limit: RedisSendLimit, channel: Channel, spellings: list[str]) -> None:
    number = str(uuid.uuid4().int)
    waits = [wait_of(limit, ALICE, channel, spelling.format(number), CLIENT) for spelling in spellings * MOST_SENDS]

    assert waits.count(0) == MOST_SENDS


# All recipients together


@pytest.fixture
def tight(gateway: Gateway, clock: FakeClock) -> RedisSendLimit:
    """A limit of 8 codes in an hour, with a random key and tenant, so that no other test counts in it."""
    return RedisSendLimit(gateway, clock, uuid.uuid4().hex, 8)


@pytest.fixture
def tenant(gateway: Gateway) -> str:
    return f"t{uuid.uuid4().hex[:20]}"


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.WEBHOOK])
def test_no_spelling_evades_the_limit_of_a_tenant(tight: RedisSendLimit, tenant: str, channel: Channel) -> None:
    owners = [Owner.of_account(tenant, name) for name in ("ada", "eve")]
    waits = [wait_of(tight, owners[n % 2], channel, f"{unique_letters()}@example.org", CLIENT) for n in range(20)]

    assert waits[:8] == [0] * 8
    assert all(HOUR - 5 < wait <= HOUR for wait in waits[8:])


def test_a_tenant_does_not_use_up_the_limit_of_another(tight: RedisSendLimit, tenant: str) -> None:
    for _ in range(9):
        wait_of(tight, Owner.of_account(tenant, "ada"), Channel.EMAIL, unique_letters(), CLIENT)

    assert wait_of(tight, Owner.of_account(f"{tenant}2", "ada"), Channel.EMAIL, unique_letters(), CLIENT) == 0


def test_a_refused_code_counts_for_no_limit(gateway: Gateway, clock: FakeClock, tenant: str, recipient: str) -> None:
    ada = Owner.of_account(tenant, "ada")
    limit = RedisSendLimit(gateway, clock, KEY, 7)
    waits = [wait_of(limit, ada, Channel.EMAIL, recipient, CLIENT) for _ in range(50)]
    others = [wait_of(limit, ada, Channel.EMAIL, f"{n}{recipient}", CLIENT) for n in range(3)]
    clock.advance(WINDOW)

    assert (waits.count(0), [wait == 0 for wait in others]) == (5, [True, True, False])
    # The recipient may get codes again, and the refused code for the third recipient was not counted.
    roomy = RedisSendLimit(gateway, clock, KEY, 8 + MOST_SENDS)
    assert [wait_of(roomy, ada, Channel.EMAIL, f"2{recipient}", CLIENT) for _ in range(MOST_SENDS)] == [0] * MOST_SENDS


def test_sessions_of_one_client_share_a_smaller_limit(clock: FakeClock, redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        client.flushdb()
    limit = RedisSendLimit(Gateway(connector(redis_server.url)), clock, KEY, 200)

    def admitted(client: str) -> bool:
        session = Owner(OwnerKind.SESSION, uuid.uuid4().hex)
        return wait_of(limit, session, Channel.WEBHOOK, f"id-{unique_letters()}", client) == 0

    admitted_by_client = {
        client: [admitted(client) for _ in range(14)].count(True) for client in ("192.0.2.7", "2001:db8::/64")
    }
    all_admitted = [admitted(f"198.51.100.{number}") for number in range(200)].count(True)

    assert admitted_by_client == {"192.0.2.7": 10, "2001:db8::/64": 10}
    assert all_admitted == 200 - 20


def test_simultaneous_codes_do_not_exceed_the_limit_of_a_tenant(tight: RedisSendLimit, tenant: str) -> None:
    ada = Owner.of_account(tenant, "ada")
    waits = all_at_once([lambda: wait_of(tight, ada, Channel.EMAIL, unique_letters(), CLIENT)] * 32)

    assert waits.count(0) == 8


def test_a_reached_limit_is_logged(tight: RedisSendLimit, tenant: str, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(9):
        wait_of(tight, Owner.of_account(tenant, "ada"), Channel.EMAIL, f"ada{number}@example.org", CLIENT)

    (record,) = [record for record in caplog.records if record.getMessage() == "too many codes"]
    assert getattr(record, FIELDS) | {"wait": 0} == {
        "channel": "email",
        "limit": "all recipients",
        "sender": f"account:{tenant}",
        "wait": 0,
    }
