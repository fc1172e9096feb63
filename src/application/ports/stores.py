"""The ports that a store implements.

A store implements all of them, so that one database holds the whole state of the service. Every method raises
`StoreUnavailable` if the store does not answer in time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from application.errors import UnreadableRecord
from application.ports.delivery import Channel
from domain.owner import CredentialId, Factor, Owner
from domain.stored_state import StoredState, unexpired
from domain.usage import LimitName


class Revision(Protocol):
    """An opaque marker that changes with every commit. Only the repository that made it can read it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The stored state of a credential at one moment.

    Attributes:
        state: the state; None if nothing is stored.
        revision: the revision to commit against.
    """

    state: StoredState | None
    revision: Revision


@dataclass(frozen=True, slots=True)
class OwnerCredentials:
    """The stored states of all credentials of an owner at one moment.

    Attributes:
        snapshots: the readable states.
        revision: the revision of all of them together.
        unreadable: the credentials whose stored state is unreadable. They must not look like credentials without one.
    """

    snapshots: Mapping[CredentialId, Snapshot]
    revision: Revision
    unreadable: frozenset[CredentialId] = frozenset()

    def states(self, now: int) -> dict[CredentialId, StoredState]:
        """Return the states that are in effect at `now`, Unix time in seconds."""
        states = ((each, unexpired(snapshot.state, now)) for each, snapshot in self.snapshots.items())
        return {each: state for each, state in states if state is not None}

    def require_readable(self, factor: Factor | None = None) -> None:
        """Raise `UnreadableRecord` if a stored state is unreadable; with `factor`, if one of this factor is."""
        if any(factor in {None, each.factor} for each in self.unreadable):
            raise UnreadableRecord("a stored record is unreadable")


class CredentialRepository(Protocol):
    """The stored states of credentials, one for each `CredentialId`, changed only by compare-and-set.

    The ids of additional authenticators never return. So a commit of the tombstone of one removes its state, and joins
    the tombstone with the one that is stored for `CredentialId.removed`.
    """

    def load(self, credential_id: CredentialId) -> Snapshot:
        """Return the stored state of a credential.

        Raises:
            StoreUnavailable: the store failed.
            UnreadableRecord: a state is stored, but it is unreadable.
        """

    def load_all(self, owner: Owner) -> OwnerCredentials:
        """Return the stored states of all credentials of the owner."""

    def commit(self, credential_id: CredentialId, revision: Revision, state: StoredState | None) -> Snapshot | None:
        """Replace the stored state if its revision is still the given one.

        The new state expires at its own `expires_at`. The expiry of the former state has no effect.

        Args:
            credential_id: the credential.
            revision: the revision of the snapshot that the new state follows from.
            state: the new state; None to remove the stored one.

        Returns:
            None if the state was replaced; otherwise the current snapshot, and nothing was changed.

        Raises:
            StoreUnavailable: the store failed. The commit may have been carried out.
            UnreadableRecord: the stored state has changed and is unreadable.
        """

    def commit_all(
        self, read: OwnerCredentials, states: Mapping[CredentialId, StoredState | None], *, exclusive: bool = False
    ) -> bool:
        """Replace several stored states of one owner together if none of their revisions has changed; see `commit`.

        Args:
            read: the credentials from which the new states follow.
            states: the new states; None to remove a stored one.
            exclusive: whether no other HOTP or TOTP state of the owner may have changed or appeared either.

        Returns:
            Whether the states were replaced; otherwise, nothing was changed.

        Raises:
            StoreUnavailable: the store failed. The commit may have been carried out.
        """

    def require_writable(self, credential_id: CredentialId) -> None:
        """Raise `StoreUnavailable` if a commit was refused and the store still refuses writes."""

    def forget(self, owner: Owner) -> None:
        """Remove all stored states of the owner at once, readable or not. Raise `StoreUnavailable`."""

    def discard(self, credential_id: CredentialId) -> None:
        """Remove one stored state, readable or not, without a tombstone. Raise `StoreUnavailable`."""


@dataclass(frozen=True, slots=True)
class AccountsPart:
    """A part of the accounts of a tenant.

    Attributes:
        credentials: the stored states of each account.
        next: the cursor of the next part; None at the end.
    """

    credentials: Mapping[Owner, OwnerCredentials]
    next: str | None


class AccountDirectory(Protocol):
    """The accounts for which the store has a state."""

    def accounts(self, tenant: str, cursor: str | None, limit: int) -> AccountsPart:
        """Return at most `limit` accounts of the tenant, in no order, possibly none before the end.

        A walk from the first part to the end returns every account that has a state during the whole walk, some of them
        more than once. An account that is created or deleted in the meantime may be missing. The store reads a bounded
        number of keys for each part.

        Args:
            tenant: the tenant.
            cursor: `next` of the previous part; None for the first one.
            limit: the largest number of accounts, at least 1.

        Raises:
            InvalidCursor: the store has not returned this cursor to this tenant.
            StoreUnavailable: the store failed.
        """


class GateSessions(Protocol):
    """The sessions of the gate, each identified by a random token."""

    def begin(self, user: str) -> str:
        """Begin a session of the user and return its token. The settings define how long it lasts."""

    def user_of(self, tokens: Sequence[str]) -> str | None:
        """Return the user whose sessions have these tokens; None if there is no session or more than one user.

        If the sessions belong to two users, one of them may have planted their token in the browser of the other,
        who would then act under the wrong name.
        """

    def end(self, tokens: Sequence[str]) -> None:
        """End the sessions that have these tokens."""


@dataclass(frozen=True, slots=True)
class RefusedSend:
    """A code that must not be sent because a limit is reached.

    Attributes:
        wait: the seconds until a code may be sent.
        limit: the limit of the tenant that was reached; None for a limit of the service.
    """

    wait: int
    limit: LimitName | None = None


class SendLimit(Protocol):
    """Limits of sent codes, to one recipient and to all. The codes of one tenant do not count for another."""

    def admit(
        self, owner: Owner, channel: Channel, to: str, client: str, per_day: int | None = None
    ) -> RefusedSend | None:
        """Count a code for all limits and return None if it may be sent; otherwise, it counts for no limit.

        Of several limits that are reached, the one with the longest wait is returned.

        Args:
            owner: the owner of the code.
            channel: the channel that sends it.
            to: the recipient.
            client: the network of the client; it counts for sessions only.
            per_day: the number of codes that the owner's tenant may send in a day; None for no limit. The day begins
                with the first code.
        """


class RequestCounters(Protocol):
    """The counters of rate limits, in fixed windows. Each begins with its first count."""

    def count(self, key: str, seconds: int) -> int:
        """Add 1 to a counter, and return the sum.

        Args:
            key: the counter.
            seconds: the length of its window.
        """

    def count_with_next_command(self, key: str, seconds: int, receive: Callable[[int], None]) -> None:
        """Add 1 to a counter together with the next command of this thread, so that it costs no round trip.

        A count that already waits for the next command is counted now, so this can raise the error of its receiver.

        Args:
            key: the counter.
            seconds: the length of its window.
            receive: gets the sum. If it raises an error, the caller of the command gets this error instead of a result.
        """

    def count_now(self) -> None:
        """Make the count that waits for the next command, if there is one. Raise the error of its receiver."""

    def window_left(self, key: str) -> float:
        """Return the seconds until the window of a counter ends; 0 or less if it has ended."""


@dataclass(frozen=True, slots=True)
class StoreDescription:
    """The report of a store about itself.

    Attributes:
        version: the version of its software.
        time: its clock, Unix time in seconds.
    """

    version: str
    time: int


class LogLevels(Protocol):
    """The log level that all workers of all instances share."""

    def read(self) -> str | None:
        """Return the level that was set for all workers; None if none was set."""

    def write(self, level: str) -> None:
        """Set the level for all workers. It does not expire."""
