"""The JSON form of stored states in the files of this service.

Files of released versions stay readable, so a new member must be optional. Secrets and digests are in base64, times are
Unix time in seconds. A derived secret is written as the secret itself, because another service can't derive it.
"""

from typing import Any, TypeVar, assert_never

from msgspec import Struct

from domain.credential import Credential, Lifecycle
from domain.failures import Failures
from domain.former_secret import FormerSecret
from domain.hotp import HotpCredential
from domain.one_time_code import OneTimeCode
from domain.owner import CredentialId, Factor, Owner
from domain.parameters import HashAlgorithm, HotpParameters, TotpParameters
from domain.recovery_codes import RecoveryCodes
from domain.secret import SharedSecret
from domain.stored_state import AnySecretCredential, StoredState
from domain.tombstone import Tombstone
from domain.totp import NO_STEP, TotpCredential


class Former(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A former secret."""

    digest: bytes
    last: int
    interval: int | None = None


class State(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"):
    """The members of every state."""

    tenant: str
    account: str
    expires_at: int | None = None
    failures: int = 0
    locked_until: int = 0


class TombstoneState(State, kw_only=True, tag="tombstone"):
    """A tombstone."""

    factor: Factor
    failures_until: int | None = None
    former: list[Former] = []


class CredentialState(State, kw_only=True):
    """The members of every credential."""

    created_at: int
    confirmed_at: int | None = None
    last_used_at: int | None = None
    secret: bytes


class RecoveryCodesState(CredentialState, kw_only=True, tag=Factor.RECOVERY_CODES.value):
    """A set of recovery codes. Its secret is the key of the digests."""

    digests: list[bytes]
    spent: int = 0


class Codes(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The members of every source of codes: a credential or its replacement."""

    algorithm: HashAlgorithm
    digits: int
    label: str | None = None
    issuer: str | None = None


class HotpCodes(Codes, kw_only=True):
    """A source of HOTP codes."""

    look_ahead: int
    counter: int
    initial_counter: int


class TotpCodes(Codes, kw_only=True):
    """A source of TOTP codes."""

    interval: int
    window: int
    last_step: int = NO_STEP
    drift: int = 0


class HotpReplacement(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The replacement of a HOTP secret."""

    created_at: int
    expires_at: int | None
    secret: bytes
    codes: HotpCodes


class TotpReplacement(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The replacement of a TOTP secret."""

    created_at: int
    expires_at: int | None
    secret: bytes
    codes: TotpCodes


class HotpState(CredentialState, kw_only=True, tag=Factor.HOTP.value):
    """A HOTP credential."""

    codes: HotpCodes
    replacement: HotpReplacement | None = None
    former: list[Former] = []


class TotpState(CredentialState, kw_only=True, tag=Factor.TOTP.value):
    """A TOTP credential."""

    codes: TotpCodes
    replacement: TotpReplacement | None = None
    former: list[Former] = []


AnyState = HotpState | TotpState | RecoveryCodesState | TombstoneState
Kind = TypeVar("Kind", bound=AnySecretCredential)


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
            new = None if state.replacement is None else HotpReplacement(**_replacement(state.replacement))
            return HotpState(**common, codes=_hotp(state), replacement=new, former=_former(state.former))
        case TotpCredential():
            pending = None if state.replacement is None else TotpReplacement(**_replacement(state.replacement))
            return TotpState(**common, codes=_totp(state), replacement=pending, former=_former(state.former))
        case RecoveryCodes():
            return RecoveryCodesState(**common, digests=list(state.digests), spent=state.spent)
        case Tombstone():
            former, until = _former(state.former), state.failures_until
            return TombstoneState(**common, factor=state.id.factor, failures_until=until, former=former)
        case OneTimeCode():
            raise ValueError("a one-time code is not exported")
        case _:
            assert_never(state)


def _replacement(credential: AnySecretCredential) -> dict[str, Any]:
    lifecycle = credential.lifecycle
    return {
        "created_at": lifecycle.created_at,
        "expires_at": lifecycle.expires_at,
        "secret": credential.secret.key,
        "codes": _hotp(credential) if isinstance(credential, HotpCredential) else _totp(credential),
    }


def _hotp(credential: HotpCredential) -> HotpCodes:
    own = credential.parameters
    return HotpCodes(
        algorithm=own.algorithm,
        digits=own.digits,
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
                id=CredentialId(owner, form.factor),
                failures=failures,
                expires_at=form.expires_at,
                failures_until=form.failures_until,
                former=_former_secrets(form.former),
            )
        case RecoveryCodesState():
            common = _common(form, owner, Factor.RECOVERY_CODES, failures)
            return RecoveryCodes(**common, digests=tuple(form.digests), spent=form.spent)
        case HotpState():
            common = _common(form, owner, Factor.HOTP, failures)
            replacement = _read_replacement(common["id"], form.replacement)
            former = _former_secrets(form.former)
            return HotpCredential(**common, **_hotp_fields(form.codes), replacement=replacement, former=former)
        case TotpState():
            common = _common(form, owner, Factor.TOTP, failures)
            pending = _read_replacement(common["id"], form.replacement)
            former = _former_secrets(form.former)
            return TotpCredential(**common, **_totp_fields(form.codes), replacement=pending, former=former)
        case _:
            assert_never(form)


def _common(form: CredentialState, owner: Owner, factor: Factor, failures: Failures) -> dict[str, Any]:
    return {
        "id": CredentialId(owner, factor),
        "failures": failures,
        "lifecycle": Lifecycle(
            created_at=form.created_at,
            expires_at=form.expires_at,
            confirmed_at=form.confirmed_at,
            last_used_at=form.last_used_at,
        ),
        "secret": SharedSecret.accepting_weak(form.secret),
    }


def _read_replacement(credential_id: CredentialId, form: HotpReplacement | TotpReplacement | None) -> Any:
    if form is None:
        return None
    common: dict[str, Any] = {
        "id": credential_id,
        "lifecycle": Lifecycle(created_at=form.created_at, expires_at=form.expires_at),
        "secret": SharedSecret.accepting_weak(form.secret),
    }
    match form:
        case HotpReplacement():
            return HotpCredential(**common, **_hotp_fields(form.codes))
        case TotpReplacement():
            return TotpCredential(**common, **_totp_fields(form.codes))
        case _:
            assert_never(form)


def _hotp_fields(codes: HotpCodes) -> dict[str, Any]:
    return {
        "parameters": HotpParameters(codes.algorithm, codes.digits, codes.look_ahead),
        "label": codes.label,
        "issuer": codes.issuer,
        "counter": codes.counter,
        "initial_counter": codes.initial_counter,
    }


def _totp_fields(codes: TotpCodes) -> dict[str, Any]:
    return {
        "parameters": TotpParameters(codes.algorithm, codes.digits, codes.interval, codes.window),
        "label": codes.label,
        "issuer": codes.issuer,
        "last_step": codes.last_step,
        "drift": codes.drift,
    }


def _former_secrets(former: list[Former]) -> tuple[FormerSecret, ...]:
    return tuple(FormerSecret(each.digest, each.last, each.interval) for each in former)
