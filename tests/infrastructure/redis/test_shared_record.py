"""The record that the additional authenticators of an owner share in Redis: damage, the script, round trips, races."""

from collections.abc import Callable, Iterator
from functools import partial

import msgspec
import pytest

from application.challenge import Challenge, ChallengeRequest
from application.enrolment import Enrol, EnrolRequest
from application.errors import UnreadableRecord
from application.optimistic_update import OptimisticUpdate
from application.removal import Remove
from application.verification import VerdictCommitter, Verify, VerifyRequest
from domain.code import Code
from domain.errors import AlreadyEnrolled, NotEnrolled, TooManyAuthenticators
from domain.owner import CredentialId, Factor, Owner
from domain.parameters import HotpParameters, TotpParameters
from domain.secret_credential import SecretCredential
from domain.verdict import Accepted, Reason, Rejected
from infrastructure.crypto.derivation import HkdfDerivation
from infrastructure.crypto.hotp import PyotpHotp
from infrastructure.records.codec import RecordCodec
from infrastructure.redis.client.embedded import embedded
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.url import Connect, connector
from infrastructure.redis.stores.credentials import COMPARE_AND_SET, RedisCredentialRepository, key_of, shared_key
from tests.domain.examples import STEP, code_of
from tests.infrastructure.redis.callers import KEYS, SilentEvents, all_at_once, new_owner
from tests.support.fakes import NOON, FakeClock, FakeRandomness
from tests.support.policies import DEFAULT_POLICIES
from tests.support.redis_server import RedisServer

CODEC = RecordCodec(KEYS, HkdfDerivation("a master secret for the tests"))
WRONG = Code("000000")


class Instance:
    """One instance of the service, from the use cases down."""

    def __init__(self, connect: Connect) -> None:
        clock = FakeClock()
        self.gateway = Gateway(connect)
        self.repository = RedisCredentialRepository(self.gateway, CODEC, clock)
        changes, events = OptimisticUpdate(self.repository, clock), SilentEvents()
        committer = VerdictCommitter(changes, events, DEFAULT_POLICIES)
        self.enrol = Enrol(changes, FakeRandomness(), HkdfDerivation(None), events)
        self.verify = Verify(committer, PyotpHotp())
        self.challenge = Challenge(changes, committer, PyotpHotp())
        self.remove = Remove(changes, self.repository, events)

    def has(self, owner: Owner, number: int) -> list[SecretCredential]:
        """Enrol and confirm TOTP, HOTP and additional authenticators, together `number`."""
        requests = [EnrolRequest(owner, None, TotpParameters()), EnrolRequest(owner, None, HotpParameters())]
        credentials = [self.enrol.execute(request) for request in requests]
        credentials += [self.enrol.add(requests[0]) for _ in range(number - 2)]
        for each in credentials:
            first = 0 if each.id.factor is Factor.HOTP else STEP - 1
            self.verify.execute(VerifyRequest(each.id, code_of(each, first)))
        return credentials

    def challenged(self, owner: Owner, code: Code) -> object:
        return self.challenge.execute(ChallengeRequest(owner, code)).outcome.verdict


@pytest.fixture
def instance(connect: Connect) -> Iterator[Instance]:
    instance = Instance(connect)
    yield instance
    instance.gateway.close()


def shown(credential: SecretCredential) -> Code:
    return code_of(credential, 1 if credential.id.factor is Factor.HOTP else STEP)


# Damage


@pytest.fixture
def account() -> Iterator[tuple[Instance, Owner, list[SecretCredential]]]:
    """An account on the embedded store, whose third authenticator is unreadable."""
    instance, owner = Instance(embedded()), new_owner()
    credentials = instance.has(owner, 5)
    value = instance.gateway.get(shared_key(owner))
    assert value is not None
    fields = msgspec.msgpack.decode(value[9:])
    fields[0][credentials[2].id.authenticator][7] = b"\x04testdamaged"
    store(instance, owner, value[:9] + msgspec.msgpack.encode(fields))
    yield instance, owner, credentials
    instance.gateway.close()


def store(instance: Instance, owner: Owner, value: bytes) -> None:
    instance.gateway.set(shared_key(owner), value)  # type: ignore[arg-type] # no caller does this


Damaged = tuple[Instance, Owner, list[SecretCredential]]


def test_the_other_authenticators_accept_codes_beside_an_unreadable_one(account: Damaged) -> None:
    instance, owner, credentials = account
    for credential in (credentials[0], credentials[3]):
        assert instance.challenged(owner, shown(credential)) == Accepted()
    assert instance.verify.execute(VerifyRequest(credentials[4].id, shown(credentials[4]))).verdict == Accepted()


def test_an_unreadable_authenticator_does_not_look_like_a_missing_one(account: Damaged) -> None:
    instance, owner, credentials = account
    with pytest.raises(UnreadableRecord):
        instance.verify.execute(VerifyRequest(credentials[2].id, WRONG))
    with pytest.raises(UnreadableRecord):
        instance.enrol.add(EnrolRequest(owner, None, TotpParameters()))
    assert instance.repository.load_all(owner).unreadable == {credentials[2].id}


def test_an_unreadable_authenticator_can_be_removed(account: Damaged) -> None:
    instance, owner, credentials = account
    instance.remove.execute(credentials[2].id)
    assert set(instance.repository.load_all(owner).snapshots) == {each.id for each in credentials} - {credentials[2].id}


def test_the_others_stay_valid_beside_a_malformed_record(account: Damaged) -> None:
    instance, owner, credentials = account
    store(instance, owner, b"\1garbage")
    assert instance.challenged(owner, shown(credentials[0])) == Accepted()
    for attempt in (
        lambda: instance.verify.execute(VerifyRequest(credentials[3].id, WRONG)),
        lambda: instance.enrol.add(EnrolRequest(owner, None, TotpParameters())),
        lambda: instance.enrol.add(EnrolRequest(owner, None, HotpParameters())),
    ):
        with pytest.raises(UnreadableRecord):
            attempt()
    assert CredentialId(owner, Factor.TOTP).removed in set(instance.repository.ids())
    instance.remove.execute(credentials[3].id)
    with pytest.raises(NotEnrolled):
        instance.verify.execute(VerifyRequest(credentials[3].id, WRONG))


# The script


def test_a_retry_after_a_lost_response_changes_no_later_record(instance: Instance) -> None:
    """After a lost response, the script runs again on the records that it has written."""
    owner = new_owner()
    keys = [key_of(CredentialId(owner, factor)) for factor in (Factor.TOTP, Factor.HOTP)] + [shared_key(owner)]
    values = [CODEC.encode(None) + bytes([number]) for number in range(2)]
    arguments = [b"", values[0], 0, b"", values[1], 0, b"", b"", 0]
    run: Callable[[], object] = partial(
        instance.gateway.run_script, COMPARE_AND_SET, keys[0], *arguments, further=keys[1:]
    )
    assert run() == 1
    later = CODEC.encode(None) + b"later"
    assert instance.gateway.run_script(COMPARE_AND_SET, keys[1], values[1][:9], later, 0) == 1
    assert instance.gateway.run_script(COMPARE_AND_SET, keys[2], b"", later, 0) == 1
    assert run() == 1
    assert instance.gateway.get_all(keys) == [values[0], later, later]


# Round trips and races


def requests(server: RedisServer, call: Callable[[], object]) -> int:
    """Return the number of times that the server reads from clients during a call."""
    with server.client() as client:
        before = client.info("stats")["total_reads_processed"]  # type: ignore[index] # not awaitable here
        call()
        after = client.info("stats")["total_reads_processed"]  # type: ignore[index] # not awaitable here
    return int(after - before - 1)


def test_a_challenge_over_ten_authenticators_takes_two_round_trips(own_server: RedisServer) -> None:
    instance, owner = Instance(connector(own_server.url)), new_owner()
    credentials = instance.has(owner, 10)
    assert requests(own_server, lambda: instance.challenged(owner, WRONG)) == 2
    assert requests(own_server, lambda: instance.challenged(owner, shown(credentials[0]))) == 2
    assert requests(own_server, lambda: instance.challenged(owner, shown(credentials[9]))) == 2
    assert requests(own_server, lambda: instance.challenged(owner, shown(credentials[9]))) == 1


def test_one_of_sixteen_simultaneous_copies_is_accepted(instance: Instance) -> None:
    owner = new_owner()
    for credential in instance.has(owner, 10):
        verdicts = all_at_once([partial(instance.challenged, owner, shown(credential))] * 16)
        assert verdicts.count(Accepted()) == 1
        assert verdicts.count(Rejected(Reason.REPLAYED, 5)) == 15


def test_simultaneous_wrong_codes_are_counted_by_all_authenticators(instance: Instance) -> None:
    owner = new_owner()
    credentials = instance.has(owner, 10)
    verdicts = all_at_once([partial(instance.challenged, owner, WRONG)] * 4)
    assert len({str(verdict) for verdict in verdicts}) == 4
    states = instance.repository.load_all(owner).states(NOON)
    assert [states[each.id].failures.count for each in credentials] == [4] * 10


def test_simultaneous_enrolments_end_with_ten_authenticators(instance: Instance) -> None:
    owner = new_owner()

    def enrol(number: int) -> bool:
        request = EnrolRequest(owner, None, TotpParameters())
        try:
            (instance.enrol.add if number % 3 else instance.enrol.execute)(request)
        except (AlreadyEnrolled, TooManyAuthenticators):
            return False
        return True

    results = all_at_once([partial(enrol, number) for number in range(16)])
    assert sum(results) == 10
    assert len(instance.repository.load_all(owner).snapshots) == 10
