"""Listing the accounts of a tenant. This use case changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from application.ports.clock import Clock
from application.ports.stores import AccountDirectory, OwnerCredentials
from domain.credential import Credential, Status
from domain.owner import Owner
from domain.parameters import Range
from domain.secret_credential import SecretCredential
from domain.stored_state import unexpired

ACCOUNTS_PER_PAGE: Final = Range(1, 500)
USUAL_ACCOUNTS_PER_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """One account in the list.

    Attributes:
        id: the account's id, as its tenant knows it.
        authenticators: the number of confirmed HOTP and TOTP credentials.
        locked: whether at least one credential is locked.
        weak: whether the secret of at least one confirmed HOTP or TOTP credential has less than 128 bits.
        unreadable: whether a record is unreadable. The other attributes then describe the readable records only.
    """

    id: str
    authenticators: int
    locked: bool
    weak: bool
    unreadable: bool


@dataclass(frozen=True, slots=True)
class AccountPage:
    """A page of the list, and the cursor of the next page; None for the last page."""

    accounts: Sequence[AccountSummary]
    next: str | None


class ListAccounts:
    """Return a page of the accounts of a tenant.

    The list contains the accounts that have a credential or an unreadable record. A tombstone alone is not listed,
    because an account with only removed credentials looks like one that was never used.
    """

    def __init__(self, directory: AccountDirectory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    def execute(self, tenant: str, cursor: str | None, limit: int) -> AccountPage:
        """Return the page at a cursor. Raise `InvalidCursor` or `StoreUnavailable`; see the port for all guarantees."""
        part = self._directory.accounts(tenant, cursor, limit)
        now = self._clock.now()
        summaries = [_summary(owner, credentials, now) for owner, credentials in part.credentials.items()]
        return AccountPage([each for each in summaries if each is not None], part.next)


def _summary(owner: Owner, stored: OwnerCredentials, now: int) -> AccountSummary | None:
    states = [unexpired(snapshot.state, now) for snapshot in stored.snapshots.values()]
    credentials = [state for state in states if isinstance(state, Credential)]
    if not credentials and not stored.unreadable:
        return None
    authenticators = [
        each for each in credentials if isinstance(each, SecretCredential) and each.status is Status.CONFIRMED
    ]
    return AccountSummary(
        id=owner.account or "",
        authenticators=len(authenticators),
        locked=any(each.failures.locked(now) for each in credentials),
        weak=any(each.secret.weak for each in authenticators),
        unreadable=bool(stored.unreadable),
    )
