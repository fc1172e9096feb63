"""The repository and the use cases as the service wires them, on any Redis."""

import itertools
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from application.enrolment import Enrol, EnrolRequest
from application.errors import StoreUnavailable
from application.optimistic_update import OptimisticUpdate
from application.ports.clock import Clock
from application.verification import VerdictCommitter, Verify, VerifyRequest
from domain.code import Code
from domain.owner import CredentialId, Factor, Owner, OwnerKind
from domain.parameters import HotpParameters
from domain.secret import SharedSecret
from domain.verdict import Verdict
from infrastructure.crypto.derivation import HkdfDerivation
from infrastructure.crypto.hotp import PyotpHotp
from infrastructure.crypto.sealing import EncryptionKey, KeyRing
from infrastructure.network import deadline
from infrastructure.records.codec import RecordCodec
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.url import Connect
from infrastructure.redis.stores.credentials import RedisCredentialRepository
from tests.support.fakes import FakeClock, FakeRandomness
from tests.support.policies import DEFAULT_POLICIES

T = TypeVar("T")

SECRET = SharedSecret(b"a secret of 160 bits")
KEYS = KeyRing((EncryptionKey("test", bytes(range(32))),))


class SilentEvents:
    """An audit trail that drops all events."""

    def require_room(self) -> None: ...

    def changed(self, *_: object) -> None: ...

    def enrolled(self, *_: object, **__: object) -> None: ...

    def judged(self, *_: object) -> None: ...

    def locked(self, *_: object) -> None: ...

    def forgotten(self, *_: object) -> None: ...

    def exported(self, *_: object, **__: object) -> None: ...


class Caller:
    """One instance of the service, from the use cases down."""

    def __init__(self, connect: Connect, replicas: int = 0, clock: Clock | None = None) -> None:
        clock = clock or FakeClock()
        self.gateway = Gateway(connect, replicas)
        self.repository = RedisCredentialRepository(self.gateway, RecordCodec(KEYS), clock)
        changes = OptimisticUpdate(self.repository, clock)
        self._enrol = Enrol(changes, FakeRandomness(), HkdfDerivation(None), SilentEvents())
        self._verify = Verify(VerdictCommitter(changes, SilentEvents(), DEFAULT_POLICIES), PyotpHotp())

    def enrol(self, owner: Owner, lifetime: int | None = None, look_ahead: int = 10) -> CredentialId:
        parameters = HotpParameters(look_ahead=look_ahead)
        self._enrol.execute(EnrolRequest(owner, lifetime, parameters, secret=SECRET))
        return CredentialId(owner, Factor.HOTP)

    def verify(self, credential_id: CredentialId, counter: int) -> Verdict:
        """Return the verdict on the code of a counter."""
        return self._verify.execute(VerifyRequest(credential_id, code(counter))).verdict


def code(counter: int) -> Code:
    return _codes[counter]


class _Codes(dict[int, Code]):
    def __missing__(self, counter: int) -> Code:
        parameters = HotpParameters()
        (digits,) = PyotpHotp().codes(SECRET, parameters.algorithm, parameters.digits, [counter])
        self[counter] = Code(digits)
        return self[counter]


_codes = _Codes()
_numbers = itertools.count()
_run = secrets.token_hex(4)


def new_owner(kind: OwnerKind = OwnerKind.ACCOUNT) -> Owner:
    """Return an owner of this test only."""
    return Owner(kind, f"{_run}-{next(_numbers)}")


def unique_letters() -> str:
    """Return a name of this test only. Without digits, it can't be read as a telephone number."""
    return secrets.token_hex(16).translate(str.maketrans("0123456789", "ghijklmnop"))


def timed(call: Callable[[], object]) -> float:
    """Return the seconds until a call found no store."""
    start = time.monotonic()
    try:
        call()
    except StoreUnavailable:
        return time.monotonic() - start
    raise AssertionError("the call succeeded although the store failed")


def notice(call: Callable[[], object]) -> None:
    """Use up a small budget, so that the circuit is open afterwards."""
    with deadline.within(0.6):
        timed(call)


def answers(call: Callable[[], object]) -> bool:
    """Return whether the store answers a call."""
    try:
        call()
    except StoreUnavailable:
        return False
    return True


def all_at_once(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Run each call in its own thread, all at the same moment, and return their results."""
    waiting = list(calls)
    barrier = threading.Barrier(len(waiting))

    def run(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(waiting)) as pool:
        return list(pool.map(run, waiting))
