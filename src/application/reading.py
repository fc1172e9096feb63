"""Reading the credentials of an owner. These use cases change nothing."""

from dataclasses import dataclass

from application.ports.clock import Clock
from application.ports.qr_code import QrFormat, QrRenderer
from application.ports.stores import CredentialRepository
from application.provisioning import Provisioning
from domain.credential import Credential, Status
from domain.errors import AlreadyConfirmed, NotEnrolled
from domain.owner import CredentialId, Owner
from domain.secret_credential import SecretCredential
from domain.stored_state import AnyCredential, unexpired


@dataclass(frozen=True, slots=True)
class QrRequest:
    """A request for the QR code of a credential or, with `replacement`, of its replacement."""

    credential_id: CredentialId
    picture: QrFormat
    replacement: bool = False


class Describe:
    """Return one credential of an owner."""

    def __init__(self, repository: CredentialRepository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    def execute(self, credential_id: CredentialId) -> AnyCredential:
        """Return the credential. Raise `NotEnrolled` or `StoreUnavailable`."""
        state = unexpired(self._repository.load(credential_id).state, self._clock.now())
        if not isinstance(state, Credential):
            raise NotEnrolled
        return state


class DescribeAll:
    """Return all credentials of an owner: first one of each factor, then the additional authenticators."""

    def __init__(self, repository: CredentialRepository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    def execute(self, owner: Owner) -> list[AnyCredential]:
        """Return the credentials.

        Raises:
            StoreUnavailable: the store failed.
            UnreadableRecord: a stored state is unreadable. It must not look like a missing factor.
        """
        now = self._clock.now()
        credentials = self._repository.load_all(owner)
        credentials.require_readable()
        return [state for state in credentials.states(now).values() if isinstance(state, Credential)]


class ShowQrCode:
    """Return the QR code of a pending credential. After the confirmation, the secret is not shown again."""

    def __init__(self, describe: Describe, clock: Clock, provisioning: Provisioning, renderer: QrRenderer) -> None:
        self._describe = describe
        self._clock = clock
        self._provisioning = provisioning
        self._renderer = renderer

    def execute(self, request: QrRequest) -> bytes:
        """Return the picture. Raise `NotEnrolled`, `AlreadyConfirmed` or `StoreUnavailable`."""
        credential = self._describe.execute(request.credential_id)
        if not isinstance(credential, SecretCredential):
            raise NotEnrolled
        if request.replacement:
            credential = credential.unexpired_replacement(self._clock.now())
        if credential.status is Status.CONFIRMED:
            raise AlreadyConfirmed
        return self._renderer.render(self._provisioning.uri(credential), request.picture)
