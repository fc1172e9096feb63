"""The ports: what the use cases need from the world, in the shape that they need it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from application.errors import UnreadableRecord
from domain.code import Code
from domain.credential import StoredState
from domain.owner import CredentialId, Factor, Owner
from domain.recovery_codes import RecoveryCode
from domain.secret import SharedSecret
from domain.verdict import Verdict


class Version(Protocol):
    """Which state a credential was loaded in. Only the repository that made it can read it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What lies in a credential's place, None for nothing, and the version to commit against."""

    content: StoredState | None
    version: Version


@dataclass(frozen=True, slots=True)
class OwnerCredentials:
    """What an owner has.

    Attributes:
        stored: what could be understood, by factor.
        unreadable: the factors of which something is stored that could not be: it must not look like nothing.
    """

    stored: Mapping[Factor, Stored]
    unreadable: frozenset[Factor] = frozenset()

    def require_readable(self) -> None:
        """Raises `UnreadableRecord`."""
        if self.unreadable:
            raise UnreadableRecord("a stored record can't be read")


class CredentialRepository(Protocol):
    """Credentials, one in each place that a `CredentialId` names, changed only by compare-and-set.

    Every method raises `StoreUnavailable` when the state can't be reached in time, `UnreadableRecord` when it can't be
    understood.
    """

    def load(self, credential_id: CredentialId) -> Stored:
        """What lies in the place now."""

    def load_all(self, owner: Owner) -> "OwnerCredentials":
        """What lies in the places of the owner that are not empty."""

    def commit(self, credential_id: CredentialId, version: Version, content: StoredState | None) -> Stored | None:
        """Replaces what lies in the place if it still is what was loaded; None empties it.

        The content expires at its own `expires_at`. The expiry of the former content has no effect.

        Returns:
            None when committed; otherwise what lies there instead, and nothing was changed.
        """

    def require_writable(self, credential_id: CredentialId) -> None:
        """Raise `StoreUnavailable` if a commit was refused and the store still refuses writes."""

    def forget(self, owner: Owner, *factors: Factor) -> None:
        """Empties places of the owner at once, whatever lies in them; all of them where no factor is named."""


class Clock(Protocol):
    """The time."""

    def now(self) -> int:
        """Unix time in whole seconds, rounded down."""


class Randomness(Protocol):
    """Randomness fit for secrets."""

    def secret(self) -> SharedSecret:
        """A new shared secret of 160 bits."""

    def code(self, digits: int) -> Code:
        """A new one-time code, every one equally likely."""

    def recovery_code(self) -> RecoveryCode:
        """A new recovery code of 80 bits."""


class SecretDerivation(Protocol):
    """Secrets that follow from one master secret and need not be kept."""

    @property
    def is_set_up(self) -> bool:
        """Whether there is a master secret."""

    def new(self, credential: CredentialId) -> SharedSecret:
        """A secret of 160 bits that no other enrolment has, before or after."""


class QrFormat(StrEnum):
    """The picture formats of a QR code, by media type."""

    SVG = "image/svg+xml"
    PNG = "image/png"


class QrRenderer(Protocol):
    """Draws QR codes."""

    def render(self, text: str, picture: QrFormat) -> bytes:
        """The picture of a QR code that reads as the text."""


class Channel(StrEnum):
    """How a one-time code reaches its person."""

    RESPONSE = "response"
    """The answer to whoever asked for it carries it."""
    EMAIL = "email"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """A one-time code on its way; hides from `repr`.

    Attributes:
        to: the recipient, in the channel's own terms.
        owner: whose code it is.
        issued_at: Unix time in seconds.
        expires_at: Unix time in seconds.
    """

    code: Code
    to: str
    owner: Owner
    issued_at: int
    expires_at: int


class Delivery(Protocol):
    """One channel that sends."""

    def send(self, message: Message) -> None:
        """Returns when the message has been taken over. Raises `DeliveryFailed`, at the latest after about 10 s."""


class SendLimit(Protocol):
    """Limits of sent codes, to one recipient and to all. The codes of one tenant do not count for another."""

    def admit(self, owner: Owner, channel: Channel, to: str, client: str) -> int:
        """Count a code if it may be sent, and return 0; otherwise return the seconds until one may be sent.

        Args:
            owner: the owner of the code.
            channel: the channel that sends it.
            to: the recipient.
            client: the network of the client; it counts for sessions only.

        Raises:
            StoreUnavailable: the store failed.
        """


class Action(StrEnum):
    """What was done to a credential, for the audit trail."""

    ENROLLED = "enrolled"
    ISSUED = "issued"
    UNDELIVERED = "undelivered"
    REPLACEMENT_ENROLLED = "replacement-enrolled"
    REPLACEMENT_DROPPED = "replacement-dropped"
    UNLOCKED = "unlocked"
    REMOVED = "removed"


class Purpose(StrEnum):
    """What a code was sent for, for the audit trail."""

    VERIFY = "verify"
    RESYNCHRONIZE = "resynchronize"
    REPLACE = "replace"
    CHALLENGE = "challenge"
    DISABLE = "disable"


class Events(Protocol):
    """The audit trail. An event is announced after its change was committed, never before.

    Every use case that changes or judges anything first calls `require_room` once.
    """

    def require_room(self) -> None:
        """Raise `AuditUnavailable` unless the trail has room for the events of one more use case."""

    def changed(self, action: Action, credential_id: CredentialId) -> None:
        """A credential was changed without a code."""

    def judged(self, purpose: Purpose, credential_id: CredentialId, verdict: Verdict) -> None:
        """A code was judged, or refused while locked."""

    def locked(self, credential_id: CredentialId, until: int) -> None:
        """A wrong code locked a factor until this Unix time in seconds."""

    def forgotten(self, owner: Owner) -> None:
        """Everything of an owner was removed."""


class LogLevels(Protocol):
    """The log level that all workers of all instances share. Raises `StoreUnavailable`."""

    def read(self) -> str | None:
        """The level that was set for all, None where none was."""

    def write(self, level: str) -> None:
        """Sets the level for all, for good."""
