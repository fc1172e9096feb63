"""The ports of import and export: readers and writers of files that contain authenticators."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from domain.parameters import HotpParameters, TotpParameters
from domain.stored_state import StoredState


class UnreadableFile(Exception):
    """The whole file is refused: another format, a wrong key or passphrase, or damage. The message contains no secret.

    A reader raises it before it yields the first record if it can, so that nothing is imported. Damage that shows only
    later, such as a missing end, raises it later. The records before the damage are genuine and stay imported.
    """


@dataclass(frozen=True, slots=True, repr=False)
class ImportedAuthenticator:
    """An authenticator in a file of another system. `repr` does not show the secret.

    Attributes:
        place: where it is in the file, for people: `line 3`, `key package 2`.
        parameters: how its codes are computed, with our default window or look-ahead if the file has none.
        secret: the raw bytes of the shared secret, of any length. The use case judges its strength.
        account: the account that owns it: from a column of its own, else the label, else the serial number.
        serial: the serial number of the token. It is the key of a map from serial numbers to accounts.
        label: account name for the authenticator.
        issuer: issuer for the authenticator.
        name: the name that people give the authenticator, such as `phone`.
        counter: the next counter, for HOTP only. A HOTP record without a counter is a `Refusal`.
        drift: time steps that the authenticator's clock is ahead of ours (negative: behind), for TOTP only.
    """

    place: str
    parameters: HotpParameters | TotpParameters
    secret: bytes
    account: str | None
    serial: str | None = None
    label: str | None = None
    issuer: str | None = None
    name: str | None = None
    counter: int | None = None
    drift: int = 0

    def __repr__(self) -> str:
        return f"ImportedAuthenticator({self.place})"


@dataclass(frozen=True, slots=True, repr=False)
class ImportedState:
    """A stored state in a file of our own format: a credential with its failures and spent codes, or a tombstone.

    Attributes:
        place: where it is in the file, for people.
        state: the state. Its owner is the one that was exported; the use case gives it the new tenant.
    """

    place: str
    state: StoredState

    def __repr__(self) -> str:
        return f"ImportedState({self.place})"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One record that can't be imported.

    Attributes:
        place: where it is in the file, for people.
        reason: why, for people. It contains no secret.
    """

    place: str
    reason: str


ImportedRecord = ImportedAuthenticator | ImportedState | Refusal


class AuthenticatorReader(Protocol):
    """Reads one format. Memory is bounded, however long the file is, or the file's size is."""

    def read(self, stream: BinaryIO) -> Iterator[ImportedRecord]:
        """Yield the records of a file in their order, each once.

        Raises:
            UnreadableFile: the file as a whole is refused.
        """


class AuthenticatorWriter(Protocol):
    """Writes one format."""

    def write(self, states: Iterable[StoredState], stream: BinaryIO) -> int:
        """Write the states that the format can express, and return their number.

        The caller passes only states of accounts, and turns one-time codes into tombstones, because a copy of an issued
        code would be accepted twice. Pending replacements are not written. The errors of `states` and of `stream` are
        passed on; the file is incomplete then.
        """
