"""The record that the additional authenticators of an owner share.

It has the same revision as every record, and contains a MessagePack map from the id of each authenticator to the fields
of its own record. So an authenticator is added, changed or removed by one compare-and-set, and ten of them are read by
one command. Only the entry that a request needs is decoded.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from msgspec import MsgspecError, Raw, Struct
from msgspec.msgpack import Decoder, Encoder

from domain.errors import InvalidValue
from domain.owner import REMOVED, CredentialId, Factor, Owner
from domain.stored_state import StoredState, unexpired
from domain.tombstone import Tombstone
from infrastructure.records.codec import FORMAT, REVISION_BYTES, CorruptRecord, RecordCodec, new_revision
from infrastructure.records.stored_secrets import Sealed


class _Fields(Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    entries: dict[str, Raw]


class _Expiry(Struct, array_like=True, gc=False):
    """The first two fields of every record."""

    tag: str
    expires_at: int | None


_FIELDS: Final[Decoder[_Fields]] = Decoder(_Fields)
_EXPIRY: Final[Decoder[_Expiry]] = Decoder(_Expiry)
_ENCODER: Final = Encoder()
EntryChange = tuple[CredentialId, StoredState | None, tuple[Sealed, ...]]
"""A credential, its new state (None to remove it), and the sealed secrets that need not be sealed again."""


@dataclass(frozen=True, slots=True)
class SharedRecord:
    """The entries of a shared record, encoded, by authenticator id. A missing record has no entries.

    Attributes:
        revision: the first bytes of the record; empty if there is none.
        entries: the records of the authenticators.
    """

    revision: bytes = b""
    entries: Mapping[str, Raw] = field(default_factory=dict)

    @classmethod
    def decode(cls, value: bytes | None) -> "SharedRecord":
        """Return the record of a stored value. Raise `CorruptRecord` if it is malformed."""
        if value is None:
            return cls()
        if value[:1] != FORMAT or len(value) < REVISION_BYTES:
            raise CorruptRecord("not a record of a known format")
        revision, fields = value[:REVISION_BYTES], value[REVISION_BYTES:]
        if not fields:
            return cls(revision)
        try:
            return cls(revision, _FIELDS.decode(fields).entries)
        except (MsgspecError, RecursionError, ValueError) as error:
            raise CorruptRecord(f"not a well-formed record ({type(error).__name__})") from None

    def ids(self, owner: Owner) -> list[CredentialId]:
        """Return the ids of the entries. Raise `CorruptRecord` for an id that no authenticator has."""
        return [_id_of(owner, authenticator) for authenticator in self.entries]

    def changed(
        self,
        codec: RecordCodec,
        changes: Iterable[EntryChange],
        now: int,
    ) -> tuple[bytes, int | None]:
        """Return a new record with changed entries, and the time at which it expires; None for never.

        Expired entries are dropped. The tombstone of an authenticator is joined with that of the removed ones. A record
        without entries expires at once, and its caller has to remember it for a while.

        Args:
            codec: encodes the states.
            changes: the changes.
            now: Unix time in seconds.
        """
        expiries = {authenticator: _expiry(raw) for authenticator, raw in self.entries.items()}
        expiries = {each: end for each, end in expiries.items() if end is None or end > now}
        entries = {each: self.entries[each] for each in expiries}
        for credential_id, state, sealed in changes:
            entries.pop(credential_id.authenticator, None)
            expiries.pop(credential_id.authenticator, None)
            kept = _joined(codec, entries, state, now) if isinstance(state, Tombstone) else state
            if kept is not None:
                entries[kept.id.authenticator] = Raw(codec.fields(kept, sealed))
                expiries[kept.id.authenticator] = kept.expires_at
        fields = _ENCODER.encode(_Fields(entries)) if entries else b""
        ends = [end for end in expiries.values() if end is not None]
        return new_revision() + fields, None if None in expiries.values() else max(ends, default=now)


def _joined(codec: RecordCodec, entries: Mapping[str, Raw], later: Tombstone, now: int) -> Tombstone:
    """Return the tombstone of all removed authenticators of a factor, including the one that is removed now."""
    own_id = later.id.removed
    raw = entries.get(own_id.authenticator)
    former = None if raw is None or later.id == own_id else unexpired(codec.state(raw, own_id)[0], now)
    return former.joined(later, now) if isinstance(former, Tombstone) else replace(later, id=own_id)


def _id_of(owner: Owner, authenticator: str) -> CredentialId:
    factor, _, suffix = authenticator.partition("-")
    if suffix == REMOVED and factor in {Factor.TOTP, Factor.HOTP}:
        return CredentialId(owner, Factor(factor), REMOVED)
    try:
        credential_id = CredentialId.of_authenticator(owner, authenticator)
    except InvalidValue:
        credential_id = None
    if credential_id is None or not credential_id.suffix:
        raise CorruptRecord("an entry has the id of no additional authenticator")
    return credential_id


def _expiry(raw: Raw) -> int | None:
    try:
        return _EXPIRY.decode(raw).expires_at
    except MsgspecError:
        # An unreadable entry is kept: it must not look like a missing one.
        return None
