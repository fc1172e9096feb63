"""Encryption keys are rotated while codes are verified: no verification fails, and no code is accepted twice."""

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from application.challenge import Challenge, ChallengeRequest
from application.enrolment import Enrol, EnrolRequest
from application.issuing import IssueCode, IssueCodeRequest
from application.optimistic_update import OptimisticUpdate
from application.recovery import IssueRecoveryCodes
from application.verification import ConfirmReplacement, VerdictCommitter, Verify, VerifyRequest
from domain.code import Code
from domain.owner import CredentialId, Factor, Owner
from domain.parameters import HotpParameters, TotpParameters
from domain.secret import SharedSecret
from domain.verdict import Accepted
from infrastructure.crypto.derivation import HkdfDerivation
from infrastructure.crypto.hotp import PyotpHotp
from infrastructure.crypto.sealing import EncryptionKey, KeyRing
from infrastructure.records.codec import RecordCodec
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.url import Connect, connector
from infrastructure.redis.stores.credentials import RedisCredentialRepository, id_of
from infrastructure.resealing import Resealing, Tally
from infrastructure.system import SystemRandomness
from tests.application.rig import FixedPolicy, Outbox, RecordedRefusals
from tests.conftest import require_redis_server
from tests.infrastructure.redis.callers import SilentEvents, new_owner
from tests.support.fakes import NOON, FakeClock
from tests.support.policies import DEFAULT_POLICIES
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.redis_topologies import Cluster

OLD, NEW = EncryptionKey("old", bytes(range(32))), EncryptionKey("new", bytes(range(100, 132)))


class Instance:
    """One instance of the service, with its keys."""

    def __init__(self, connect: Connect, *keys: EncryptionKey) -> None:
        clock = FakeClock()
        self.keys = KeyRing(keys)
        derivation = HkdfDerivation("a master secret for the tests")
        self.gateway = Gateway(connect)
        self.repository = RedisCredentialRepository(self.gateway, RecordCodec(self.keys, derivation), clock)
        changes, events, randomness = OptimisticUpdate(self.repository, clock), SilentEvents(), SystemRandomness()
        judge = VerdictCommitter(changes, events, DEFAULT_POLICIES)
        self.enrol = Enrol(changes, randomness, derivation, events)
        self.issue = IssueCode(
            changes, randomness, events, lambda *_: None, Outbox(), FixedPolicy(), RecordedRefusals()
        )
        self.recovery = IssueRecoveryCodes(changes, randomness, events, DEFAULT_POLICIES)
        self.verify = Verify(judge, PyotpHotp())
        self.confirm = ConfirmReplacement(judge, PyotpHotp())
        self.challenge = Challenge(changes, judge, PyotpHotp())

    def reseal(self, progress: Callable[[Tally], None] = lambda _: None) -> Tally:
        return Resealing(self.repository, self.keys).run(progress)

    def verified(self, credential_id: CredentialId, code: Code) -> bool:
        return self.verify.execute(VerifyRequest(credential_id, code)).verdict == Accepted()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    require_redis_server()
    with Cluster() as topology:
        yield topology


@pytest.fixture
def clean_redis(redis_server: RedisServer) -> RedisServer:
    """An empty server, because a walk visits the records of other tests too."""
    with redis_server.client() as client:
        client.flushall()
    return redis_server


@pytest.fixture(params=["standalone", "cluster"])
def connect(request: pytest.FixtureRequest) -> Connect:
    if request.param == "cluster":
        return connector(request.getfixturevalue("cluster").url)
    server: RedisServer = request.getfixturevalue("clean_redis")
    return connector(server.url)


def codes(secret: SharedSecret) -> Iterator[Code]:
    """Yield the codes of an HOTP secret, from the first."""
    for counter in itertools.count():
        (digits,) = PyotpHotp().codes(secret, HotpParameters().algorithm, 6, [counter])
        yield Code(digits)


def enrolled(instance: Instance, owner: Owner) -> Iterator[Code]:
    """Enrol HOTP and TOTP, and return the codes of HOTP."""
    secret = instance.enrol.execute(EnrolRequest(owner, None, HotpParameters())).secret
    instance.enrol.execute(EnrolRequest(owner, None, TotpParameters(), derived=True))
    return codes(secret)


def test_no_record_needs_the_former_key_after_resealing(connect: Connect) -> None:
    before, rotated, after = Instance(connect, OLD), Instance(connect, NEW, OLD), Instance(connect, NEW)
    owner = new_owner()
    good = enrolled(before, owner)
    hotp = CredentialId(owner, Factor.HOTP)
    assert before.verified(hotp, next(good))
    replacement = before.enrol.replace(EnrolRequest(owner, None, HotpParameters()))
    issued = before.issue.execute(IssueCodeRequest(owner, None, 6, 300))
    recovery = before.recovery.execute(owner)

    tally = rotated.reseal()

    assert tally.unreadable == 0
    assert (set(tally.keys), tally.resealed >= 4, tally.derived >= 1) == ({"new"}, True, True)
    assert after.verified(hotp, next(good))
    assert after.verified(CredentialId(owner, Factor.OTP), issued.code)
    assert (
        after.challenge.execute(ChallengeRequest(owner, recovery.codes[0])).credential_id.factor
        is Factor.RECOVERY_CODES
    )
    swapped = after.confirm.execute(VerifyRequest(hotp, next(codes(replacement.secret))))
    assert swapped.verdict == Accepted()


def test_resealing_changes_no_field(connect: Connect) -> None:
    before, rotated = Instance(connect, OLD), Instance(connect, NEW, OLD)
    owner = new_owner()
    enrolled(before, owner)
    before.issue.execute(IssueCodeRequest(owner, 3600, 6, 300))
    states = {factor: stored.state for factor, stored in before.repository.load_all(owner).snapshots.items()}

    rotated.reseal()

    assert {f: stored.state for f, stored in rotated.repository.load_all(owner).snapshots.items()} == states


def test_resealing_keeps_the_expiry(clean_redis: RedisServer) -> None:
    connect = connector(clean_redis.url)
    before, rotated = Instance(connect, OLD), Instance(connect, NEW, OLD)
    owner = new_owner()
    before.issue.execute(IssueCodeRequest(owner, 1000, 6, 300))

    rotated.reseal()

    with clean_redis.client() as client:
        (key,) = list(client.scan_iter(f"*{owner}*"))
        assert client.expiretime(key) == NOON + 1000


def test_a_second_run_finds_nothing_to_do(connect: Connect) -> None:
    enrolled(Instance(connect, OLD), new_owner())
    rotated = Instance(connect, NEW, OLD)
    rotated.reseal()

    assert rotated.reseal().resealed == 0


def test_an_interrupted_run_can_be_repeated(connect: Connect) -> None:
    before, rotated = Instance(connect, OLD), Instance(connect, NEW, OLD)
    for _ in range(5):
        enrolled(before, new_owner())

    def interrupt(tally: Tally) -> None:
        if tally.resealed == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotated.reseal(interrupt)

    assert set(rotated.reseal().keys) == {"new"}


def test_an_unreadable_record_is_counted_and_not_changed(clean_redis: RedisServer) -> None:
    connect = connector(clean_redis.url)
    owner = new_owner()
    good = enrolled(Instance(connect, OLD), owner)

    tally = Instance(connect, NEW).reseal()

    assert (tally.unreadable, tally.resealed) == (1, 0)
    assert Instance(connect, OLD).verified(CredentialId(owner, Factor.HOTP), next(good))


def test_no_verification_fails_or_is_accepted_twice_while_keys_are_rotated(connect: Connect) -> None:
    before, rotated = Instance(connect, OLD), Instance(connect, NEW, OLD)
    owners = [new_owner() for _ in range(4)]
    streams = {owner: enrolled(before, owner) for owner in owners}
    accepted: Counter[tuple[Owner, int]] = Counter()
    wrong: list[object] = []
    ending = threading.Event()

    def verify(owner: Owner, instances: tuple[Instance, ...]) -> None:
        credential_id = CredentialId(owner, Factor.HOTP)
        for number, code in enumerate(streams[owner]):
            verdicts = [instance.verify.execute(VerifyRequest(credential_id, code)).verdict for instance in instances]
            accepted[owner, number] += verdicts.count(Accepted())
            wrong.extend(verdict for verdict in verdicts if getattr(verdict, "reason", None) == "wrong")
            if ending.is_set():
                return

    threads = [
        threading.Thread(target=verify, args=(owner, (rotated, Instance(connect, OLD, NEW)))) for owner in owners
    ]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: len(accepted) > 40, "traffic")
        for _ in range(5):
            # An instance with the former key first seals every enrolment under it.
            rotated.reseal()
        reached = len(accepted)
        wait_until(lambda: len(accepted) > reached + 40, "traffic afterwards")
    finally:
        ending.set()
        for thread in threads:
            thread.join()

    assert set(accepted.values()) == {1}
    assert wrong == []


@pytest.mark.parametrize(
    "key",
    [
        "open-mfa:log-level",
        "open-mfa:rate:LIMITS:LIMITER/x",
        "open-mfa:{session:a}:other",
        "open-mfa:{nobody:a}:totp",
        "open-mfa:{session:a}:totp:probe",
    ],
)
def test_other_keys_belong_to_no_credential(key: str) -> None:
    assert id_of(key) is None
