"""What answers show of credentials."""

from typing import Any

from application.timestamps import rfc3339
from domain.credential import Credential
from domain.errors import NotEnrolled
from domain.hotp import HotpCredential
from domain.one_time_code import OneTimeCode
from domain.recovery_codes import RecoveryCodes
from domain.secret_credential import SecretCredential
from domain.totp import TotpCredential


def describe_credential(credential: Credential, now: int) -> dict[str, Any]:
    """What there is to know of a credential; never its secret or a code."""
    life, failures = credential.lifecycle, credential.failures
    document: dict[str, Any] = {
        "factor": credential.id.factor.value,
        "status": credential.status.value,
        **parameters_of(credential),
        "created_at": moment(life.created_at),
        "confirmed_at": moment(life.confirmed_at),
        "last_used_at": moment(life.last_used_at),
        "failed_attempts": failures.count,
        "locked_until": moment(failures.locked_until) if failures.locked(now) else None,
        "expires_at": moment(credential.expires_at),
    }
    match credential:
        case OneTimeCode():
            document["expires_at"] = moment(credential.code_expires_at)
        case TotpCredential():
            document["drift"] = credential.drift
    if isinstance(credential, SecretCredential):
        document |= {
            "label": credential.label,
            "issuer": credential.issuer,
            "replacement": _describe_replacement(credential, now),
        }
    return document


def _describe_replacement(credential: SecretCredential, now: int) -> dict[str, Any] | None:
    try:
        life = credential.living_replacement(now).lifecycle
    except NotEnrolled:
        return None
    return {"created_at": moment(life.created_at), "expires_at": moment(life.expires_at)}


def parameters_of(credential: Credential) -> dict[str, Any]:
    """The parameters, by their names in the API."""
    match credential:
        case HotpCredential():
            return {
                "algorithm": credential.parameters.algorithm.value,
                "digits": credential.digits,
                "counter": credential.counter,
                "look_ahead": credential.parameters.look_ahead,
            }
        case TotpCredential():
            return {
                "algorithm": credential.parameters.algorithm.value,
                "digits": credential.digits,
                "interval": credential.parameters.interval,
                "window": credential.parameters.window,
            }
        case OneTimeCode():
            return {"digits": credential.code_digits}
        case RecoveryCodes():
            return {"remaining": credential.remaining}
        case _:
            raise TypeError(type(credential).__name__)


def moment(seconds: int | None) -> str | None:
    """Unix time in seconds, as the API tells it."""
    return None if seconds is None else rfc3339(seconds)
