"""One instance of the service on DynamoDB, from the use cases down."""

import secrets
from typing import Self

from application.enrolment import Enrol, EnrolRequest
from application.optimistic_update import OptimisticUpdate
from application.verification import VerdictCommitter, Verify, VerifyRequest
from domain.owner import CredentialId, Factor, Owner
from domain.parameters import HotpParameters
from domain.verdict import Verdict
from infrastructure.crypto.derivation import HkdfDerivation
from infrastructure.crypto.hotp import PyotpHotp
from infrastructure.crypto.sealing import KeyRing
from infrastructure.dynamodb.store import DynamoStore
from infrastructure.records.codec import RecordCodec
from tests.infrastructure.redis.callers import KEYS, SECRET, SilentEvents, code
from tests.support.dynamodb import open_table, patience
from tests.support.fakes import FakeClock, FakeRandomness
from tests.support.policies import DEFAULT_POLICIES


class Instance:
    """The use cases and the store, opened as the service opens it."""

    def __init__(self, url: str, clock: FakeClock | None = None, keys: KeyRing = KEYS) -> None:
        clock = clock or FakeClock()
        self.table = open_table(url)
        self.store = DynamoStore(
            self.table, RecordCodec(keys), clock, digest_key=secrets.token_hex(16), sends_per_hour=100
        )
        self.repository = self.store.credentials
        changes = OptimisticUpdate(self.repository, clock)
        self._enrol = Enrol(changes, FakeRandomness(), HkdfDerivation(None), SilentEvents())
        self._verify = Verify(VerdictCommitter(changes, SilentEvents(), DEFAULT_POLICIES), PyotpHotp())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def enrol(self, owner: Owner, look_ahead: int = 10) -> CredentialId:
        with patience():
            self._enrol.execute(EnrolRequest(owner, None, HotpParameters(look_ahead=look_ahead), secret=SECRET))
        return CredentialId(owner, Factor.HOTP)

    def verify(self, credential_id: CredentialId, counter: int) -> Verdict:
        """Return the verdict on the code of a counter."""
        with patience():
            return self.verify_in_time(credential_id, counter)

    def verify_in_time(self, credential_id: CredentialId, counter: int) -> Verdict:
        """Return the verdict within the deadline of the service."""
        return self._verify.execute(VerifyRequest(credential_id, code(counter))).verdict
