"""A list of `otpauth://` URIs, one in each line (Key URI Format)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import BinaryIO, Final
from urllib.parse import parse_qs, unquote, urlsplit

from application.ports.migration import ImportedAuthenticator, ImportedRecord, Refusal
from application.provisioning import key_uri
from domain.credential import Status
from domain.stored_state import AnySecretCredential, StoredState
from infrastructure.migration.lines import lines_of
from infrastructure.migration.records import (
    InvalidRecord,
    RecordFields,
    algorithm_of,
    authenticator_of,
    base32_secret,
    read_or_refuse,
    split_label,
    whole,
)

_MOST_PARAMETERS: Final = 32
_ISSUER: Final = "Open-MFA"
"""The issuer of credentials that have none of their own. Without it, a colon in an account's id would end an issuer."""
_CHANGE_CODES: Final = frozenset({"encoder", "suite", "t0", "2step_salt", "2step_output", "2step_difficulty"})
"""Parameters of other systems without which the codes would be wrong."""


class OtpauthReader:
    """Implements `AuthenticatorReader`."""

    def read(self, stream: BinaryIO) -> Iterator[ImportedRecord]:
        """Yield the records; see the port."""
        for line in lines_of(stream, "otpauth"):
            if isinstance(line, Refusal):
                yield line
            elif not line[1].startswith("#"):
                place, text = line
                yield read_or_refuse(_record, place, text)


class OtpauthWriter:
    """Implements `AuthenticatorWriter`. Only plain text exists in this format.

    A URI contains the secret, the parameters and the next counter. Pending credentials, recovery codes, failures, spent
    time steps and drift have no place in it. The label is the account's id, by which an import finds the account.
    """

    def write(self, states: Iterable[StoredState], stream: BinaryIO) -> int:
        """Write the confirmed HOTP and TOTP credentials; see the port."""
        count = 0
        for state in states:
            if isinstance(state, AnySecretCredential) and state.status is Status.CONFIRMED:
                stream.write(f"{_uri(state)}\n".encode())
                count += 1
        return count


def _uri(credential: AnySecretCredential) -> str:
    return key_uri(replace(credential, label=credential.id.owner.account), _ISSUER)


def _record(place: str, text: str) -> ImportedAuthenticator:
    try:
        parts = urlsplit(text)
        label = unquote(parts.path.removeprefix("/"), errors="strict")
        query = parse_qs(parts.query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise InvalidRecord("the line is not a well-formed URI") from None
    if parts.scheme != "otpauth":
        raise InvalidRecord("the line is not an otpauth URI")
    if any(len(values) > 1 for values in query.values()):
        raise InvalidRecord("a parameter occurs twice")
    if not _CHANGE_CODES.isdisjoint(query):
        raise InvalidRecord("the URI has a parameter that changes the codes, and which this service does not support")
    values = {name: each[0] for name, each in query.items()}
    account, issuer = split_label(label, values.get("issuer", ""))
    fields = RecordFields(
        type=parts.netloc,
        secret=base32_secret(values.get("secret", "")),
        algorithm=algorithm_of(values.get("algorithm", "")),
        digits=_number(values, "digits"),
        period=_number(values, "period"),
        counter=_number(values, "counter"),
        account=account,
        label=account,
        issuer=issuer,
    )
    return authenticator_of(place, fields)


def _number(values: dict[str, str], name: str) -> int | None:
    return whole(name, values[name]) if name in values else None
