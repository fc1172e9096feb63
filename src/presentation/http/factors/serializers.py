"""The JSON documents of credentials."""

from typing import Any, assert_never

from application.timestamps import timestamp
from domain.errors import NotEnrolled
from domain.hotp import HotpCredential
from domain.one_time_code import OneTimeCode
from domain.recovery_codes import RecoveryCodes
from domain.stored_state import AnyCredential, AnySecretCredential
from domain.totp import TotpCredential


def describe_credential(credential: AnyCredential, now: int) -> dict[str, Any]:
    """Return the document of a credential. It contains neither the secret nor a code.

    Args:
        credential: the credential.
        now: Unix time in seconds.
    """
    lifecycle, failures = credential.lifecycle, credential.failures
    return {
        "factor": credential.id.factor.value,
        "status": credential.status.value,
        **parameters_of(credential),
        "created_at": timestamp(lifecycle.created_at),
        "confirmed_at": timestamp(lifecycle.confirmed_at),
        "last_used_at": timestamp(lifecycle.last_used_at),
        "failed_attempts": failures.count,
        "locked_until": timestamp(failures.locked_until) if failures.locked(now) else None,
        "expires_at": timestamp(credential.expires_at),
        **_state_of(credential, now),
    }


def parameters_of(credential: AnyCredential) -> dict[str, Any]:
    """Return the parameters of a credential, as the API names them."""
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
            assert_never(credential)


def _state_of(credential: AnyCredential, now: int) -> dict[str, Any]:
    """Return the members that only one kind of credential has, and those whose meaning differs."""
    match credential:
        case HotpCredential():
            return _authenticator_of(credential, now)
        case TotpCredential():
            return {"drift": credential.drift, **_authenticator_of(credential, now)}
        case OneTimeCode():
            return {"expires_at": timestamp(credential.code_expires_at)}
        case RecoveryCodes():
            return {}
        case _:
            assert_never(credential)


def _authenticator_of(credential: AnySecretCredential, now: int) -> dict[str, Any]:
    return {
        "weak": credential.secret.weak,
        "id": credential.id.authenticator,
        "type": credential.id.factor.value,
        "name": credential.name,
        "label": credential.label,
        "issuer": credential.issuer,
        "replacement": _describe_replacement(credential, now),
    }


def _describe_replacement(credential: AnySecretCredential, now: int) -> dict[str, Any] | None:
    try:
        lifecycle = credential.unexpired_replacement(now).lifecycle
    except NotEnrolled:
        return None
    return {"created_at": timestamp(lifecycle.created_at), "expires_at": timestamp(lifecycle.expires_at)}


def verified(credential: AnyCredential) -> dict[str, Any]:
    """Return the document for an accepted code."""
    return {"verified": True, "factor": credential.id.factor.value, "status": credential.status.value}


def resynchronized(credential: AnySecretCredential) -> dict[str, Any]:
    """Return the document for two accepted codes."""
    document = {"resynchronized": True, "factor": credential.id.factor.value, "status": credential.status.value}
    match credential:
        case HotpCredential():
            return {**document, "counter": credential.counter}
        case TotpCredential():
            return {**document, "drift": credential.drift}
        case _:
            assert_never(credential)
