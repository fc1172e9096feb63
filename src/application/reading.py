"""Looking at what an owner has. Nothing here changes anything."""

from dataclasses import dataclass

from application.optimistic_update import living
from application.ports.clock import Clock
from application.ports.qr_code import QrFormat, QrRenderer
from application.ports.stores import CredentialRepository
from application.provisioning import Provisioning
from domain.credential import Credential, Status
from domain.errors import AlreadyConfirmed, NotEnrolled
from domain.owner import CredentialId, Owner
from domain.secret_credential import SecretCredential


@dataclass(frozen=True, slots=True)
class QrRequest:
    """Which credential's QR code, and as what picture; or that of its replacement."""

    credential_id: CredentialId
    picture: QrFormat
    replacement: bool = False


class Describe:
    """One credential of an owner."""

    def __init__(self, repository: CredentialRepository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    def execute(self, credential_id: CredentialId) -> Credential:
        """Raises `NotEnrolled` or `StoreUnavailable`."""
        state = living(self._repository.load(credential_id).state, self._clock.now())
        if not isinstance(state, Credential):
            raise NotEnrolled
        return state


class DescribeAll:
    """All credentials of an owner, in the order of the factors."""

    def __init__(self, repository: CredentialRepository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    def execute(self, owner: Owner) -> list[Credential]:
        """Raises `StoreUnavailable`, `UnreadableRecord` where anything can't be read: it must not look like nothing."""
        now = self._clock.now()
        everything = self._repository.load_all(owner)
        everything.require_readable()
        states = [living(stored.state, now) for stored in everything.snapshots.values()]
        return [state for state in states if isinstance(state, Credential)]


class ShowQrCode:
    """The QR code of a pending credential: who has confirmed it has no more need to see the secret."""

    def __init__(self, describe: Describe, clock: Clock, provisioning: Provisioning, renderer: QrRenderer) -> None:
        self._describe = describe
        self._clock = clock
        self._provisioning = provisioning
        self._renderer = renderer

    def execute(self, request: QrRequest) -> bytes:
        """Raises `NotEnrolled`, `AlreadyConfirmed` or `StoreUnavailable`."""
        credential = self._describe.execute(request.credential_id)
        if not isinstance(credential, SecretCredential):
            raise NotEnrolled
        if request.replacement:
            credential = credential.living_replacement(self._clock.now())
        if credential.status is Status.CONFIRMED:
            raise AlreadyConfirmed
        return self._renderer.render(self._provisioning.uri(credential), request.picture)
