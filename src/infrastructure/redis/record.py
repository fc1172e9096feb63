"""How a credential is written down: one compact string, readable by every version of the service that knows its format.

`format byte, 8 random bytes, MessagePack array`. The first nine bytes are the revision that compare-and-set compares.
MessagePack because a decimal text of the same fields is half as long again, and ten million of them lie in memory.
"""

import os
from dataclasses import dataclass
from typing import Any, Final

import msgpack

from domain.credential import Credential, Lifecycle, Remnant, Vacancy
from domain.errors import DomainError
from domain.failures import Failures
from domain.hotp import HotpCredential
from domain.one_time_code import OneTimeCode
from domain.owner import CredentialId, Factor
from domain.parameters import HashAlgorithm, HotpParameters, TotpParameters
from domain.secret import SharedSecret
from domain.secret_credential import SecretCredential
from domain.totp import NO_STEP, TotpCredential
from infrastructure.sealing import KeyRing, SealingError

FORMAT: Final = b"\x01"
REVISION_BYTES: Final = 9
_VACANCY: Final = "vacant"
_FIELD: Final = "secret"
_ALGORITHMS: Final = tuple(HashAlgorithm)
_LAST_MOMENT: Final = 253_402_300_799
"""9999-12-31T23:59:59Z."""


class CorruptRecord(Exception):
    """A stored value that is no record of this service, or does not open. The message holds nothing secret."""


@dataclass(frozen=True, slots=True, repr=False)
class Sealed:
    """A secret beside its sealed form, so that a commit that keeps the secret need not seal it again.

    Every sealing uses up one of a key's 2**32 random nonces; enrolments may, verifications must not.
    """

    secret: SharedSecret
    blob: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """A decoded value."""

    revision: bytes
    content: Remnant
    sealed: Sealed | None


class RecordCodec:
    """Writes and reads records; secrets pass through the key ring on the way."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def encode(self, content: Remnant, sealed: Sealed | None) -> bytes:
        """A new record with a revision of its own."""
        revision = FORMAT + os.urandom(REVISION_BYTES - 1)
        packed: bytes = msgpack.packb(self._fields(content, sealed))
        return revision + packed

    def decode(self, value: bytes, credential_id: CredentialId) -> Record:
        """Raises `CorruptRecord` for whatever `encode` did not make for this credential."""
        if value[:1] != FORMAT or len(value) <= REVISION_BYTES:
            raise CorruptRecord("not a record of a known format")
        try:
            fields = msgpack.unpackb(value[REVISION_BYTES:])
            content, sealed = self._content(fields, credential_id)
        except SealingError as error:
            raise CorruptRecord(str(error)) from error
        except (ValueError, TypeError, IndexError, DomainError, msgpack.UnpackException) as error:
            # The value itself is not repeated: it may hold what must not be logged.
            raise CorruptRecord(f"not a well-formed record ({type(error).__name__})") from None
        return Record(value[:REVISION_BYTES], content, sealed)

    def _fields(self, content: Remnant, sealed: Sealed | None) -> list[Any]:
        failures = content.failures
        if isinstance(content, Vacancy):
            return [_VACANCY, content.expires_at, failures.count, failures.locked_until]
        life = content.lifecycle
        common: list[Any] = [
            content.id.factor.value,
            life.expires_at,
            failures.count,
            failures.locked_until,
            life.created_at,
            life.confirmed_at,
            life.last_used_at,
            self._seal(content, sealed),
        ]
        if isinstance(content, OneTimeCode):
            return [*common, content.code_digits, content.digest, content.code_expires_at]
        if not isinstance(content, SecretCredential):
            raise TypeError(type(content).__name__)
        common += [
            _ALGORITHMS.index(content.parameters.algorithm),
            content.parameters.digits,
            content.label,
            content.issuer,
        ]
        if isinstance(content, HotpCredential):
            return [*common, content.parameters.look_ahead, content.counter, content.initial_counter]
        if isinstance(content, TotpCredential):
            parameters = content.parameters
            return [*common, parameters.interval, parameters.window, content.last_step, content.drift]
        raise TypeError(type(content).__name__)

    def _seal(self, credential: Credential, sealed: Sealed | None) -> bytes:
        if sealed is not None and sealed.secret is credential.secret:
            return sealed.blob
        return self._keys.seal(credential.secret.key, credential.id, _FIELD)

    def _content(self, fields: Any, credential_id: CredentialId) -> tuple[Remnant, Sealed | None]:
        if not isinstance(fields, list):
            raise TypeError("fields")
        kind, expires_at, count, locked_until, *rest = fields
        failures = Failures(_natural(count), _moment(locked_until))
        if kind == _VACANCY:
            _none(rest)
            return Vacancy(id=credential_id, failures=failures, expires_at=_optional_moment(expires_at)), None
        if kind != credential_id.factor.value:
            raise ValueError("another factor's record")
        created_at, confirmed_at, last_used_at, blob, *rest = rest
        secret = SharedSecret(self._keys.open(_bytes(blob), credential_id, _FIELD))
        common: dict[str, Any] = {
            "id": credential_id,
            "failures": failures,
            "secret": secret,
            "lifecycle": Lifecycle(
                created_at=_moment(created_at),
                expires_at=_optional_moment(expires_at),
                confirmed_at=_optional_moment(confirmed_at),
                last_used_at=_optional_moment(last_used_at),
            ),
        }
        if credential_id.factor is Factor.OTP:
            digits, digest, code_expires_at = rest
            return (
                OneTimeCode(
                    **common,
                    code_digits=_natural(digits),
                    digest=_bytes(digest),
                    code_expires_at=_moment(code_expires_at),
                ),
                Sealed(secret, blob),
            )
        algorithm, digits, label, issuer, *rest = rest
        common |= {"label": _optional_str(label), "issuer": _optional_str(issuer)}
        content: Credential
        if credential_id.factor is Factor.HOTP:
            look_ahead, counter, initial_counter = rest
            content = HotpCredential(
                **common,
                parameters=HotpParameters(_ALGORITHMS[_natural(algorithm)], _natural(digits), _natural(look_ahead)),
                counter=_natural(counter),
                initial_counter=_natural(initial_counter),
            )
        else:
            interval, window, last_step, drift = rest
            content = TotpCredential(
                **common,
                parameters=TotpParameters(
                    _ALGORITHMS[_natural(algorithm)], _natural(digits), _natural(interval), _natural(window)
                ),
                last_step=_step(last_step),
                drift=_int(drift),
            )
        return content, Sealed(secret, blob)


def _int(value: object) -> int:
    if type(value) is not int:
        raise TypeError("int")
    return value


def _step(value: object) -> int:
    step = _int(value)
    if not NO_STEP <= step <= _LAST_MOMENT:
        raise ValueError("no time step")
    return step


def _natural(value: object) -> int:
    number = _int(value)
    if number < 0:
        raise ValueError("below zero")
    return number


def _moment(value: object) -> int:
    """Unix time in seconds, within what a calendar can say."""
    moment = _natural(value)
    if moment > _LAST_MOMENT:
        raise ValueError("beyond all calendars")
    return moment


def _optional_moment(value: object) -> int | None:
    return None if value is None else _moment(value)


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("bytes")
    return value


def _optional_str(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError("str")
    return value


def _none(rest: list[Any]) -> None:
    if rest:
        raise ValueError("more fields than there are")
