"""The JSON form of stored states in the files of this service.

Files of released versions stay readable, so a new member must be optional. Secrets and digests are in base64, times are
Unix time in seconds. A derived secret is written as the secret itself, because another service can't derive it. A
replacement is not written, because it is pending and expires within an hour.
"""

from typing import Any, assert_never

from domain.authenticators import AUTHENTICATOR_FACTORS, check_authenticator_name
from domain.credential import Credential, Lifecycle
from domain.failures import Failures
from domain.former_secret import FormerSecret
from domain.hotp import HotpCredential
from domain.one_time_code import OneTimeCode
from domain.owner import REMOVED, CredentialId, Factor, Owner
from domain.parameters import HotpParameters, TotpParameters, check_name
from domain.recovery_codes import RecoveryCodes
from domain.secret import SharedSecret
from domain.stored_state import StoredState
from domain.tombstone import Tombstone
from domain.totp import TotpCredential
from infrastructure.migration.state_members import (
    AnyState,
    CredentialState,
    Former,
    HotpCodes,
    HotpState,
    RecoveryCodesState,
    TombstoneState,
    TotpCodes,
    TotpState,
)


def json_form(state: StoredState) -> AnyState:
    """Return the JSON form of a state. Raise `ValueError` for a one-time code: a copy would be accepted twice."""
    owner = state.id.owner
    common: dict[str, Any] = {
        "tenant": owner.tenant,
        "account": owner.account,
        "expires_at": state.expires_at,
        "failures": state.failures.count,
        "locked_until": state.failures.locked_until,
    }
    if isinstance(state, Credential):
        lifecycle = state.lifecycle
        common |= {
            "created_at": lifecycle.created_at,
            "confirmed_at": lifecycle.confirmed_at,
            "last_used_at": lifecycle.last_used_at,
            "secret": state.secret.key,
        }
    match state:
        case HotpCredential():
            return HotpState(**common, suffix=state.id.suffix, codes=_hotp(state), former=_former(state.former))
        case TotpCredential():
            return TotpState(**common, suffix=state.id.suffix, codes=_totp(state), former=_former(state.former))
        case RecoveryCodes():
            return RecoveryCodesState(**common, digests=list(state.digests), spent=state.spent)
        case Tombstone():
            former, until = _former(state.former), state.failures_until
            common |= {"factor": state.id.factor, "suffix": state.id.suffix}
            return TombstoneState(**common, failures_until=until, former=former)
        case OneTimeCode():
            raise ValueError("a one-time code is not exported")
        case _:
            assert_never(state)


def _hotp(credential: HotpCredential) -> HotpCodes:
    own = credential.parameters
    return HotpCodes(
        algorithm=own.algorithm,
        digits=own.digits,
        name=credential.name,
        label=credential.label,
        issuer=credential.issuer,
        look_ahead=own.look_ahead,
        counter=credential.counter,
        initial_counter=credential.initial_counter,
    )


def _totp(credential: TotpCredential) -> TotpCodes:
    own = credential.parameters
    return TotpCodes(
        algorithm=own.algorithm,
        digits=own.digits,
        name=credential.name,
        label=credential.label,
        issuer=credential.issuer,
        interval=own.interval,
        window=own.window,
        last_step=credential.last_step,
        drift=credential.drift,
    )


def _former(secrets: tuple[FormerSecret, ...]) -> list[Former]:
    return [Former(each.digest, each.last, each.interval) for each in secrets]


def state_of(form: AnyState) -> StoredState:
    """Return the stored state. Raise `DomainError` if a value is out of range."""
    owner = Owner.of_account(form.tenant, form.account)
    failures = Failures(form.failures, form.locked_until)
    match form:
        case TombstoneState():
            return Tombstone(
                id=_tombstone_id(owner, form),
                failures=failures,
                expires_at=form.expires_at,
                failures_until=form.failures_until,
                former=_former_secrets(form.former),
            )
        case RecoveryCodesState():
            common = _common(form, CredentialId(owner, Factor.RECOVERY_CODES), failures)
            return RecoveryCodes(**common, digests=tuple(form.digests), spent=form.spent)
        case HotpState():
            common = _common(form, _id(owner, Factor.HOTP, form.suffix), failures)
            former = _former_secrets(form.former)
            return HotpCredential(**common, **_hotp_fields(form.codes), former=former)
        case TotpState():
            common = _common(form, _id(owner, Factor.TOTP, form.suffix), failures)
            former = _former_secrets(form.former)
            return TotpCredential(**common, **_totp_fields(form.codes), former=former)
        case _:
            assert_never(form)


def _id(owner: Owner, factor: Factor, suffix: str) -> CredentialId:
    """Return the id of a credential. Raise `InvalidValue` for a suffix that no authenticator has."""
    if not suffix:
        return CredentialId(owner, factor)
    return CredentialId.of_authenticator(owner, f"{factor.value}-{suffix}")


def _tombstone_id(owner: Owner, form: TombstoneState) -> CredentialId:
    """Return the id of a tombstone: that of a credential, or that of all removed additional authenticators."""
    if form.suffix == REMOVED and form.factor in AUTHENTICATOR_FACTORS:
        return CredentialId(owner, form.factor).removed
    return _id(owner, form.factor, form.suffix)


def _common(form: CredentialState, credential_id: CredentialId, failures: Failures) -> dict[str, Any]:
    return {
        "id": credential_id,
        "failures": failures,
        "lifecycle": Lifecycle(
            created_at=form.created_at,
            expires_at=form.expires_at,
            confirmed_at=form.confirmed_at,
            last_used_at=form.last_used_at,
        ),
        "secret": SharedSecret.accepting_weak(form.secret),
    }


def _names(codes: HotpCodes | TotpCodes) -> dict[str, str | None]:
    return {
        "name": None if codes.name is None else check_authenticator_name(codes.name),
        "label": None if codes.label is None else check_name(codes.label),
        "issuer": None if codes.issuer is None else check_name(codes.issuer),
    }


def _hotp_fields(codes: HotpCodes) -> dict[str, Any]:
    return {
        "parameters": HotpParameters(codes.algorithm, codes.digits, codes.look_ahead),
        **_names(codes),
        "counter": codes.counter,
        "initial_counter": codes.initial_counter,
    }


def _totp_fields(codes: TotpCodes) -> dict[str, Any]:
    return {
        "parameters": TotpParameters(codes.algorithm, codes.digits, codes.interval, codes.window),
        **_names(codes),
        "last_step": codes.last_step,
        "drift": codes.drift,
    }


def _former_secrets(former: list[Former]) -> tuple[FormerSecret, ...]:
    return tuple(FormerSecret(each.digest, each.last, each.interval) for each in former)
