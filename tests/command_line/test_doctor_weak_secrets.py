"""`open-mfa doctor` names the accounts whose secrets are weak."""

import itertools
from collections.abc import Callable

from redis import Redis

from application.enrolment import Enrol, EnrolRequest
from application.optimistic_update import OptimisticUpdate
from domain.owner import Owner, OwnerKind
from domain.parameters import HotpParameters, TotpParameters
from domain.secret import SharedSecret
from infrastructure.crypto.derivation import HkdfDerivation
from infrastructure.crypto.sealing import EncryptionKey, KeyRing
from infrastructure.records.codec import RecordCodec
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.stores.credentials import RedisCredentialRepository
from presentation.bootstrap.stores import redis_store
from presentation.cli.doctor.credentials import LONGEST_SEARCH, MOST_UNREADABLE, check_credentials
from presentation.cli.doctor.finding import Finding, Grade
from presentation.cli.doctor.redis import check_store
from tests.application.rig import RecordedEvents
from tests.command_line.test_doctor import settings
from tests.support.fakes import FakeClock, FakeRandomness
from tests.support.redis_clients import embedded_redis
from tests.support.redis_server import RedisServer

WEAK = SharedSecret(b"1234567890", weak=True)
STRONG = SharedSecret(b"12345678901234567890")
KEYS = KeyRing((EncryptionKey("k1", bytes(range(32))),))


def repository(redis: Redis | None = None, keys: KeyRing = KEYS) -> RedisCredentialRepository:
    client = redis or embedded_redis()
    return RedisCredentialRepository(Gateway(lambda: client), RecordCodec(keys), FakeClock())


def account(number: int) -> Owner:
    return Owner.of_account("shop", f"user{number}")


def bring(stored: RedisCredentialRepository, owner: Owner, secret: SharedSecret = WEAK) -> None:
    enrol = Enrol(OptimisticUpdate(stored, FakeClock()), FakeRandomness(), HkdfDerivation(None), RecordedEvents())
    lifetime = 3600 if owner.kind is OwnerKind.SESSION else None
    enrol.execute(EnrolRequest(owner, lifetime, TotpParameters(), secret=secret, confirmed=True))
    enrol.execute(EnrolRequest(owner, lifetime, HotpParameters(), 0, secret=STRONG, confirmed=True))


def findings(stored: RedisCredentialRepository, monotonic: Callable[[], float] = lambda: 0.0) -> list[Finding]:
    return list(check_credentials(stored, monotonic))


def test_an_empty_store_has_no_finding() -> None:
    assert findings(repository()) == []


def test_strong_secrets_are_fine() -> None:
    stored = repository()
    bring(stored, account(1), STRONG)

    assert findings(stored) == [Finding(Grade.OK, "Weak secrets are not among the credentials of accounts")]


def test_the_accounts_with_weak_secrets_are_named() -> None:
    stored = repository()
    bring(stored, account(1))
    bring(stored, account(2), STRONG)

    (finding,) = findings(stored)

    assert finding.grade is Grade.WARNING
    assert "(1 of less than 128 bits) are among the credentials of accounts: shop/user1 (totp): " in finding.text


def test_weak_secrets_of_sessions_are_not_named() -> None:
    stored = repository()
    bring(stored, Owner(OwnerKind.SESSION, "a digest"))

    assert findings(stored) == []


def test_many_weak_secrets_are_counted() -> None:
    stored = repository()
    for number in range(12):
        bring(stored, account(number))

    (finding,) = findings(stored)

    assert "(12 of less than" in finding.text
    assert finding.text.count("shop/user") == 10
    assert "and 2 more" in finding.text


def test_the_search_ends_after_some_seconds_and_says_so() -> None:
    stored = repository()
    for number in range(12):
        bring(stored, account(number))

    (finding,) = findings(stored, itertools.count(step=LONGEST_SEARCH / 5).__next__)

    assert "among the first 4 credentials" in finding.text


def test_the_search_ends_at_many_unreadable_records() -> None:
    redis = embedded_redis()
    for number in range(MOST_UNREADABLE):
        bring(repository(redis), account(number))

    (finding,) = findings(repository(redis, KeyRing((EncryptionKey("k1", bytes(32)),))))[:1]

    assert finding.grade is Grade.WARNING
    assert f"may be among {MOST_UNREADABLE} unreadable records" in finding.text


def test_the_doctor_searches_a_real_store(redis_server: RedisServer) -> None:
    checked = settings(redis_server.url)
    client = redis_server.service_client()
    client.flushall()
    store = redis_store(checked, FakeClock(), lambda: client)
    enrol = Enrol(
        OptimisticUpdate(store.credentials, FakeClock()), FakeRandomness(), HkdfDerivation(None), RecordedEvents()
    )
    enrol.execute(EnrolRequest(account(7), None, TotpParameters(), secret=WEAK, confirmed=True))

    texts = [finding.text for finding in check_store(checked, lambda: 0.0, Grade.WARNING)]
    client.flushall()
    client.close()

    assert [text for text in texts if "shop/user7 (totp)" in text] != []
