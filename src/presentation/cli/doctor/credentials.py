"""Findings about the secrets of accounts."""

from collections.abc import Callable, Iterator
from typing import Final

from application.errors import StoreUnavailable, UnreadableRecord
from domain.owner import CredentialId, OwnerKind
from domain.secret import SHORTEST_SECRET
from domain.secret_credential import SecretCredential
from infrastructure.store import SealedCredentialRepository
from presentation.cli.doctor.finding import Finding, Grade

LONGEST_SEARCH: Final = 10.0
"""Seconds. A search in millions of credentials would delay all other findings."""
MOST_NAMED: Final = 10
"""Weak secrets that the finding names."""
MOST_UNREADABLE: Final = 10
"""Unreadable records after which the search ends, because the keys are probably wrong."""
_SUBJECT: Final = "Weak secrets"


def check_credentials(repository: SealedCredentialRepository, monotonic: Callable[[], float]) -> Iterator[Finding]:
    """Yield the findings about weak secrets of accounts: how many there are, and whose. Sessions end soon anyway.

    Args:
        repository: the stored credentials.
        monotonic: returns the seconds of a clock that never goes back.
    """
    search = _Search(repository, monotonic() + LONGEST_SEARCH)
    try:
        search.run(monotonic)
    except StoreUnavailable as error:
        yield Finding(Grade.WARNING, f"{_SUBJECT} were not found completely: {error}")
    if search.unreadable:
        text = f"may be among {search.unreadable} unreadable records: `open-mfa reseal` names the keys that they need"
        yield Finding(Grade.WARNING, f"{_SUBJECT} {text}")
    where = "the credentials of accounts"
    if search.interrupted:
        where = f"the first {search.looked_at:,} credentials (`open-mfa account list --all` shows all)"
    if search.weak:
        named = ", ".join(_name(each) for each in search.weak[:MOST_NAMED])
        more = f" and {len(search.weak) - MOST_NAMED:,} more" if len(search.weak) > MOST_NAMED else ""
        found = f"({len(search.weak):,} of less than {SHORTEST_SECRET * 8} bits) are among {where}: {named}{more}"
        yield Finding(Grade.WARNING, f"{_SUBJECT} {found}: let these people replace them with POST …/replacement")
    elif search.looked_at:
        yield Finding(Grade.OK, f"{_SUBJECT} are not among {where}")


class _Search:
    """A walk over all credentials that remembers the weak ones."""

    def __init__(self, repository: SealedCredentialRepository, until: float) -> None:
        self._repository = repository
        self._until = until
        self.looked_at = 0
        self.unreadable = 0
        self.weak: list[CredentialId] = []
        self.interrupted = False

    def run(self, monotonic: Callable[[], float]) -> None:
        """Look at all credentials until the time is over. Raise `StoreUnavailable`."""
        seen: set[CredentialId] = set()
        for credential_id in self._repository.ids():
            if monotonic() >= self._until or self.unreadable >= MOST_UNREADABLE:
                self.interrupted = True
                return
            if credential_id.owner.kind is OwnerKind.ACCOUNT:
                self._look_at(credential_id, seen)

    def _look_at(self, credential_id: CredentialId, seen: set[CredentialId]) -> None:
        self.looked_at += 1
        try:
            state = self._repository.load(credential_id).state
        except UnreadableRecord:
            self.unreadable += 1
            return
        # The walk may yield an id twice.
        if isinstance(state, SecretCredential) and state.secret.weak and credential_id not in seen:
            seen.add(credential_id)
            self.weak.append(credential_id)


def _name(credential_id: CredentialId) -> str:
    owner = credential_id.owner
    return f"{owner.tenant}/{owner.account} ({credential_id.factor.value})"
