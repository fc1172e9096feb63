"""The JSON form of stored states in the files of this service.

Files of released versions stay readable, so a new member must be optional. Secrets and digests are in base64, times are
Unix time in seconds. A derived secret is written as the secret itself, because another service can't derive it. A
replacement is not written, because it is pending and expires within an hour.
"""

from typing import Any, assert_never

from msgspec import Struct

from domain.credential import Credential, Lifecycle
from domain.failures import Failures
from domain.former_secret import FormerSecret
from domain.hotp import HotpCredential
from domain.one_time_code import OneTimeCode
from domain.owner import REMOVED, CredentialId, Factor, Owner
from domain.parameters import HashAlgorithm, HotpParameters, TotpParameters
from domain.recovery_codes import RecoveryCodes
from domain.secret import SharedSecret
from domain.stored_state import StoredState
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
    """A tombstone. Those of removed additional authenticators are kept together, with the suffix `REMOVED`."""

    factor: Factor
    suffix: str = ""
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
    """The parameters of codes, and the names of the authenticator."""

    algorithm: HashAlgorithm
    digits: int
    name: str | None = None
    label: str | None = None
    issuer: str | None = None


class HotpCodes(Codes, kw_only=True):
    """The parameters and the counters of HOTP."""

    look_ahead: int
    counter: int
    initial_counter: int


class TotpCodes(Codes, kw_only=True):
    """The parameters and the spent steps of TOTP."""

    interval: int
    window: int
    last_step: int = NO_STEP
    drift: int = 0


class HotpState(CredentialState, kw_only=True, tag=Factor.HOTP.value):
    """A HOTP credential."""

    suffix: str = ""
    codes: HotpCodes
    former: list[Former] = []


class TotpState(CredentialState, kw_only=True, tag=Factor.TOTP.value):
    """A TOTP credential."""

    suffix: str = ""
    codes: TotpCodes
    former: list[Former] = []


AnyState = HotpState | TotpState | RecoveryCodesState | TombstoneState


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
                id=_id(owner, form.factor, form.suffix),
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
    """Return the id of a credential or of a tombstone. Raise `InvalidValue` for a suffix that no id has."""
    if suffix in {"", REMOVED}:
        return CredentialId(owner, factor, suffix)
    return CredentialId.of_authenticator(owner, f"{factor.value}-{suffix}")


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


def _hotp_fields(codes: HotpCodes) -> dict[str, Any]:
    return {
        "parameters": HotpParameters(codes.algorithm, codes.digits, codes.look_ahead),
        "name": codes.name,
        "label": codes.label,
        "issuer": codes.issuer,
        "counter": codes.counter,
        "initial_counter": codes.initial_counter,
    }


def _totp_fields(codes: TotpCodes) -> dict[str, Any]:
    return {
        "parameters": TotpParameters(codes.algorithm, codes.digits, codes.interval, codes.window),
        "name": codes.name,
        "label": codes.label,
        "issuer": codes.issuer,
        "last_step": codes.last_step,
        "drift": codes.drift,
    }


def _former_secrets(former: list[Former]) -> tuple[FormerSecret, ...]:
    return tuple(FormerSecret(each.digest, each.last, each.interval) for each in former)
