"""The shape of bodies, and nothing but the shape: requests are read with these schemas, and OpenAPI is made of them."""

import math
from collections.abc import Mapping
from typing import Any, Final

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, validate, validates_schema

from application.challenge import LASTING
from application.log_level import LEVELS
from application.ports.delivery import Channel
from domain.characters import compact, invisible_note
from domain.code import LONGEST_CODE, SHORTEST_CODE, Code
from domain.credential import Status
from domain.errors import DomainError, MalformedCode
from domain.failures import FAILURES_BEFORE_LOCK
from domain.one_time_code import CODE_DIGITS, CODE_LIFETIME, DEFAULT_CODE_DIGITS, DEFAULT_CODE_LIFETIME
from domain.owner import Factor
from domain.parameters import (
    COUNTER,
    DEFAULT_DIGITS,
    DEFAULT_INTERVAL,
    DEFAULT_LOOK_AHEAD,
    DEFAULT_WINDOW,
    DIGITS,
    INTERVAL,
    LONGEST_NAME,
    LOOK_AHEAD,
    WINDOW,
    HashAlgorithm,
    Range,
    check_name,
)
from domain.recovery_codes import RECOVERY_CODES, RecoveryCode
from domain.secret import LONGEST_SECRET, SHORTEST_SECRET, SharedSecret
from domain.totp import RESYNCHRONIZATION_STEPS
from domain.verdict import Reason
from presentation.http.framework.problems import sentence

LONGEST_TYPED: Final = 512
"""Characters of a code or a secret, with all that people put between its groups."""
LONGEST_RECIPIENT: Final = 254
"""Characters: as long as a mail address can be (RFC 5321 section 4.5.3.1.3)."""
_EXAMPLE_SECRET: Final = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105 - RFC 4226 appendix D
_NAME: Final = r"^[^:\x00-\x1f\x7f]*[^\s:\x00-\x1f\x7f][^:\x00-\x1f\x7f]*$"
"""A pattern that is exact for ASCII only: no tool-independent regular expression can name Unicode properties."""
_GAP: Final = "[^0-9A-Za-z]*"
"""Characters between those of a code. The service ignores white space and dashes of all scripts there."""
_MOMENT: Final = "2026-11-22T03:28:00Z"


class ParsedField(fields.String):
    """A string that the domain has a type for; the domain's refusal becomes the member's message."""

    def parse(self, text: str) -> Any:
        """Raises `DomainError`."""
        return text

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if len(text) > LONGEST_TYPED:
            raise ValidationError(f"Must have at most {LONGEST_TYPED} characters.")
        try:
            return self.parse(text)
        except DomainError as error:
            raise ValidationError(sentence(error)) from None


class CodeField(ParsedField):
    """A code as people type it; read as a `Code`."""

    def __init__(self, example: str = "492 039", *, required: bool = True) -> None:
        super().__init__(
            required=required,
            metadata={
                "description": f"{SHORTEST_CODE} to {LONGEST_CODE} ASCII digits, as many as the factor's codes have. "
                "White space and hyphens are ignored.",
                "pattern": rf"^{_GAP}([0-9]{_GAP}){{{SHORTEST_CODE},{LONGEST_CODE}}}$",
                "maxLength": LONGEST_TYPED,
                "example": example,
            },
        )

    def parse(self, text: str) -> Code:
        """Raises `MalformedCode`."""
        return Code.parse(text)


class RecoveryCodeField(ParsedField):
    """A recovery code as people type it; read as a `RecoveryCode`."""

    def __init__(self) -> None:
        super().__init__(
            required=True,
            metadata={
                "description": "16 letters and digits, in either case. White space and hyphens are ignored; I, L and O "
                "count as the digits they look like.",
                "pattern": rf"^{_GAP}([0-9A-Za-z]{_GAP}){{16}}$",
                "maxLength": LONGEST_TYPED,
                "example": "K7QM-2X9D-4HPW-8RTC",
            },
        )

    def parse(self, text: str) -> RecoveryCode:
        """Raises `MalformedCode`."""
        return RecoveryCode.parse(text)


class AnyCodeField(ParsedField):
    """A code of an authenticator or a recovery code; read as a `Code` or a `RecoveryCode`."""

    def __init__(self) -> None:
        super().__init__(
            required=True,
            metadata={
                "description": "What the authenticator shows, or a recovery code. White space and hyphens are ignored.",
                "pattern": rf"^{_GAP}([0-9A-Za-z]{_GAP}){{6,16}}$",
                "maxLength": LONGEST_TYPED,
                "example": "492 039",
            },
        )

    def parse(self, text: str) -> Code:
        """Raises `MalformedCode`."""
        try:
            return Code.parse(text)
        except MalformedCode:
            pass
        try:
            return RecoveryCode.parse(text)
        except MalformedCode:
            raise MalformedCode(
                f"must be {SHORTEST_CODE} to {LONGEST_CODE} digits, or a recovery code{invisible_note(compact(text))}"
            ) from None


class SecretField(ParsedField):
    """A shared secret that is brought along; read as a `SharedSecret`."""

    def parse(self, text: str) -> SharedSecret:
        """Raises `InvalidSecret`."""
        return SharedSecret.from_base32(text)


class NameField(ParsedField):
    """A label or an issuer, as the authenticator shows it."""

    def parse(self, text: str) -> str:
        """Raises `InvalidValue`."""
        return check_name(text)


def _name(description: str, example: str) -> NameField:
    return NameField(
        metadata={
            "description": f"{description} 1 to {LONGEST_NAME} bytes in UTF-8, visible, without colons, "
            "line breaks, control characters or marks that change the direction of the text.",
            "pattern": _NAME,
            "minLength": 1,
            "maxLength": LONGEST_NAME,
            "example": example,
        }
    )


def _whole(limits: Range, default: int, description: str) -> fields.Integer:
    return fields.Integer(
        strict=True, load_default=default, validate=validate.Range(*limits), metadata={"description": description}
    )


def _moment(description: str, *, nullable: bool = False, example: str | None = _MOMENT) -> fields.String:
    metadata = {"description": f"{description} RFC 3339, UTC.", "format": "date-time", "example": example}
    return fields.String(required=not nullable, allow_none=nullable, metadata=metadata)


def _shown(field: type[fields.Field[Any]], description: str, example: object, **options: Any) -> Any:
    return field(required=True, metadata={"description": description, "example": example}, **options)


def _factor(factor: Factor) -> Any:
    return _shown(fields.String, "The factor.", factor.value, validate=validate.OneOf([factor]))


class OneOfView(fields.Field[Any]):
    """One of several objects. It only describes them in OpenAPI, and neither reads nor writes values.

    Args:
        union: the name of the union in the document.
        discriminator: the member whose value selects the object.
        views: the objects.
    """

    def __init__(self, union: str, discriminator: str, *views: type[Schema]) -> None:
        super().__init__()
        self.union = union
        self.discriminator = discriminator
        self.views = views


class OrNullView(fields.Field[Any]):
    """An object or null. It only describes them in OpenAPI, and neither reads nor writes values."""

    def __init__(self, view: type[Schema], **options: Any) -> None:
        super().__init__(**options)
        self.view = view


class StrictBoolean(fields.Boolean):
    """`true` or `false`, and nothing that is like one of them: to Python 1 is."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, bool):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **kwargs)


class RequestSchema(Schema):
    """A request's body: a member that is not named here is an error."""

    class Meta:
        """Unknown members are refused rather than ignored: a misspelt one would silently do nothing."""

        unknown = RAISE


class ResponseSchema(Schema):
    """An answer's body. The document allows further members, so that a later version can add one (ADR 23)."""

    class Meta:
        """apispec describes the schema without `additionalProperties: false`."""

        unknown = EXCLUDE


class DeliveryRequest(RequestSchema):
    """How a one-time code is to reach its person."""

    channel = fields.Enum(
        Channel,
        by_value=fields.String(),
        load_default=Channel.RESPONSE,
        metadata={
            "description": "«response»: the code is in the answer. The others send it, where they are set up.",
            "example": Channel.RESPONSE.value,
        },
    )
    to = fields.String(
        validate=validate.Length(1, LONGEST_RECIPIENT),
        metadata={"description": "The recipient, for a channel that sends: a mail address, or what the webhook knows."},
    )

    @validates_schema(skip_on_field_errors=True)
    def _recipient(self, data: Mapping[str, Any], **_: Any) -> None:
        if (data["channel"] is Channel.RESPONSE) == ("to" in data):
            wanted = "Goes with a channel that sends." if "to" in data else "Is required by this channel."
            raise ValidationError(wanted, "to")


class IssueCodeBody(RequestSchema):
    """A new one-time code."""

    digits = _whole(CODE_DIGITS, DEFAULT_CODE_DIGITS, "How many digits the code has.")
    lifetime = _whole(CODE_LIFETIME, DEFAULT_CODE_LIFETIME, "Seconds for which the code is good.")
    delivery = fields.Nested(
        DeliveryRequest,
        # A function, which apispec leaves out of the document: generators refuse an object as a default.
        load_default=lambda: {"channel": Channel.RESPONSE},
        metadata={"example": {"channel": Channel.RESPONSE.value}},
    )


class EnrolBody(RequestSchema):
    """What enrolling HOTP and TOTP have in common."""

    algorithm = fields.Enum(
        HashAlgorithm,
        by_value=fields.String(),
        metadata={"description": "The hash under HMAC. Many authenticator apps honour SHA1 only.", "example": "SHA1"},
    )
    digits = _whole(DIGITS, DEFAULT_DIGITS, "How many digits the codes have.")
    label = _name("The account's name in the authenticator.", "alice@example.com")
    issuer = _name("The issuer's name in the authenticator.", "Example")
    secret = SecretField(
        metadata={
            "description": f"Brings a secret along instead of a random one: base32, {SHORTEST_SECRET * 8} to "
            f"{LONGEST_SECRET * 8} bits. Case, white space, hyphens and padding are ignored.",
            "minLength": math.ceil(SHORTEST_SECRET * 8 / 5),
            "maxLength": LONGEST_TYPED,
            "example": _EXAMPLE_SECRET,
        }
    )


class EnrolHotpBody(EnrolBody):
    """A new HOTP secret (RFC 4226)."""

    initial_counter = _whole(COUNTER, 0, "The counter of the first code.")
    look_ahead = _whole(LOOK_AHEAD, DEFAULT_LOOK_AHEAD, "How many codes beyond the next one are accepted.")


class EnrolTotpBody(EnrolBody):
    """A new TOTP secret (RFC 6238)."""

    interval = _whole(INTERVAL, DEFAULT_INTERVAL, "Seconds that a time step lasts. Many apps honour 30 only.")
    window = _whole(WINDOW, DEFAULT_WINDOW, "Time steps accepted on either side of the current one.")


class EnrolAccountTotpBody(EnrolTotpBody):
    """A new TOTP secret (RFC 6238) for an account."""

    derived = StrictBoolean(
        load_default=False,
        metadata={
            "description": "Derives the secret from the service's master secret, so that nothing secret is stored.",
            "example": False,
        },
    )

    @validates_schema(skip_on_field_errors=True)
    def _one_secret(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["derived"] and "secret" in data:
            raise ValidationError("A derived secret can't be brought along.", "secret")


class EmptyBody(RequestSchema):
    """Nothing."""


class VerifyBody(RequestSchema):
    """One code."""

    code = CodeField()


class GateVerifyBody(RequestSchema):
    """One code, under either of two names."""

    code = CodeField(required=False)
    token = CodeField(required=False)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def exactly_one(self, _data: Mapping[str, Any], original: Mapping[str, Any], **_: Any) -> None:
        """Refuse a body with both members, or with neither."""
        sent = {"code", "token"} & original.keys()
        if len(sent) != 1:
            raise ValidationError({name: ["Send either `code` or `token`."] for name in sent or ("code",)})


class VerifyRecoveryBody(RequestSchema):
    """One recovery code."""

    code = RecoveryCodeField()


class ChallengeBody(RequestSchema):
    """One code of any factor."""

    code = AnyCodeField()
    factor = fields.Enum(
        Factor,
        by_value=fields.String(),
        metadata={
            "description": "Which factor it is for; any, where none is named. A one-time code is never one.",
            "example": "totp",
        },
    )


class ResynchronizeBody(RequestSchema):
    """Two consecutive codes."""

    codes = fields.List(
        CodeField(),
        required=True,
        validate=validate.Length(equal=2),
        metadata={
            "description": "Two codes that the authenticator showed one after the other.",
            "example": ["755224", "287082"],
        },
    )


class SetLogLevelBody(RequestSchema):
    """The log level of all workers of all instances."""

    level = fields.String(
        required=True, validate=validate.OneOf(LEVELS), metadata={"description": "The level.", "example": "INFO"}
    )


class DeliveryView(ResponseSchema):
    """How the code reaches its person."""

    channel = _shown(fields.String, "The channel.", "response", validate=validate.OneOf(list(Channel)))


class IssuedCodeView(ResponseSchema):
    """A new one-time code."""

    code = fields.String(
        metadata={"description": "The code; only where the channel is «response».", "example": "492039"}
    )
    digits = _shown(fields.Integer, "How many digits it has.", 6)
    expires_at = _moment("When it ends.")
    delivery = fields.Nested(DeliveryView, required=True)


class EnrolmentView(ResponseSchema):
    """A new secret, shown this once."""

    uri = _shown(
        fields.String,
        "The provisioning URI (Key URI Format).",
        f"otpauth://totp/Open-MFA:session?secret={_EXAMPLE_SECRET}&issuer=Open-MFA&algorithm=SHA1&digits=6&period=30",
    )
    secret = _shown(fields.String, "The shared secret in base32.", _EXAMPLE_SECRET)
    algorithm = _shown(fields.String, "The hash under HMAC.", "SHA1", validate=validate.OneOf(list(HashAlgorithm)))
    digits = _shown(fields.Integer, "How many digits the codes have.", 6)
    status = _shown(
        fields.String, "Pending until the first accepted code.", "pending", validate=validate.OneOf(list(Status))
    )
    qr = _shown(fields.String, "Where the QR code can be had until then.", "/api/v1/session/totp/qr")
    expires_at = _moment("When the enrolment ends, null for never.", nullable=True)


class HotpEnrolmentView(EnrolmentView):
    """A new HOTP secret."""

    counter = _shown(fields.Integer, "The counter of the next code.", 0)
    look_ahead = _shown(fields.Integer, "How many codes beyond the next one are accepted.", DEFAULT_LOOK_AHEAD)


class TotpEnrolmentView(EnrolmentView):
    """A new TOTP secret."""

    interval = _shown(fields.Integer, "Seconds that a time step lasts.", DEFAULT_INTERVAL)
    window = _shown(fields.Integer, "Time steps accepted on either side of the current one.", DEFAULT_WINDOW)


class VerifiedView(ResponseSchema):
    """The code was accepted, and is spent."""

    verified = _shown(fields.Boolean, "Always true: a code that is not accepted is never a 2xx.", example=True)
    factor = _shown(fields.String, "The factor.", "totp", validate=validate.OneOf(list(Factor)))
    status = _shown(fields.String, "Confirmed by now.", "confirmed", validate=validate.OneOf(list(Status)))


class GateVerifiedView(ResponseSchema):
    """The code was accepted, and is spent."""

    verified = _shown(fields.Boolean, "Always true: a code that is not accepted is never a 2xx.", example=True)


class ResynchronizedView(ResponseSchema):
    """Both codes were accepted, and are spent."""

    resynchronized = _shown(fields.Boolean, "Always true.", example=True)
    status = _shown(fields.String, "Confirmed by now.", "confirmed", validate=validate.OneOf(list(Status)))


class HotpResynchronizedView(ResynchronizedView):
    """Both codes were accepted; the counter stands behind them."""

    factor = _factor(Factor.HOTP)
    counter = _shown(fields.Integer, "The counter of the next code.", 2)


class TotpResynchronizedView(ResynchronizedView):
    """Both codes were accepted; the drift is remembered."""

    factor = _factor(Factor.TOTP)
    drift = _shown(
        fields.Integer,
        "Time steps that the authenticator is ahead of the service.",
        -3,
        validate=validate.Range(-RESYNCHRONIZATION_STEPS, RESYNCHRONIZATION_STEPS),
    )


class RecoveryCodesVerifiedView(ResponseSchema):
    """The code was accepted, and is spent."""

    verified = _shown(fields.Boolean, "Always true: a code that is not accepted is never a 2xx.", example=True)
    remaining = _shown(fields.Integer, "How many codes are still good.", 9, validate=validate.Range(0, RECOVERY_CODES))


class ChallengePassedView(ResponseSchema):
    """The code was accepted, and is spent."""

    verified = _shown(fields.Boolean, "Always true: a code that is not accepted is never a 2xx.", example=True)
    factor = _shown(fields.String, "Which factor it was.", "totp", validate=validate.OneOf(LASTING))


class IssuedRecoveryCodesView(ResponseSchema):
    """New recovery codes, shown this once."""

    codes = fields.List(
        fields.String(),
        required=True,
        validate=validate.Length(equal=RECOVERY_CODES),
        metadata={"description": "Each is good once.", "example": ["K7QM-2X9D-4HPW-8RTC"] * RECOVERY_CODES},
    )


class ReplacementView(ResponseSchema):
    """A replacement that waits for its first code."""

    created_at = _moment("When it was enrolled.")
    expires_at = _moment("When it is gone unless a code of it is accepted.")


class CredentialView(ResponseSchema):
    """What there is to know of a factor; never a secret or a code."""

    status = _shown(
        fields.String, "Pending until the first accepted code.", "confirmed", validate=validate.OneOf(list(Status))
    )
    created_at = _moment("When it was enrolled or issued.")
    confirmed_at = _moment("When its first code was accepted.", nullable=True)
    last_used_at = _moment("When a code was last accepted.", nullable=True)
    failed_attempts = _shown(fields.Integer, "Wrong codes since the last accepted one.", 0)
    locked_until = _moment("Until when no code is judged; null when not locked.", nullable=True, example=None)
    expires_at = _moment("When it ends, null for never.", nullable=True)


class OtpView(CredentialView):
    """What there is to know of a one-time code."""

    factor = _factor(Factor.OTP)
    digits = _shown(fields.Integer, "How many digits the code has.", 6)


class RecoveryCodesView(CredentialView):
    """What there is to know of recovery codes."""

    factor = _factor(Factor.RECOVERY_CODES)
    remaining = _shown(fields.Integer, "How many codes are still good.", 9, validate=validate.Range(0, RECOVERY_CODES))


class SecretCredentialView(CredentialView):
    """What there is to know of HOTP and TOTP."""

    digits = _shown(fields.Integer, "How many digits the codes have.", 6)
    replacement = OrNullView(
        ReplacementView, metadata={"description": "The replacement; null if there is none.", "example": None}
    )
    algorithm = _shown(fields.String, "The hash under HMAC.", "SHA1", validate=validate.OneOf(list(HashAlgorithm)))
    label = fields.String(allow_none=True, metadata={"description": "As enrolled.", "example": None})
    issuer = fields.String(allow_none=True, metadata={"description": "As enrolled.", "example": None})


class HotpView(SecretCredentialView):
    """What there is to know of a HOTP factor."""

    factor = _factor(Factor.HOTP)
    counter = _shown(fields.Integer, "The counter of the next code.", 1)
    look_ahead = _shown(fields.Integer, "How many codes beyond the next one are accepted.", DEFAULT_LOOK_AHEAD)


class TotpView(SecretCredentialView):
    """What there is to know of a TOTP factor."""

    factor = _factor(Factor.TOTP)
    interval = _shown(fields.Integer, "Seconds that a time step lasts.", DEFAULT_INTERVAL)
    window = _shown(fields.Integer, "Time steps accepted on either side of the current one.", DEFAULT_WINDOW)
    drift = _shown(fields.Integer, "Time steps that the authenticator is ahead, as resynchronization found it.", 0)


class OwnerView(ResponseSchema):
    """Everything that an owner has."""

    factors = fields.List(
        OneOfView("SessionFactor", "factor", OtpView, HotpView, TotpView),
        required=True,
        metadata={"description": "One for each factor."},
    )
    expires_at = _moment("When the last of them ends; null for never, or where there are none.", nullable=True)


class AccountView(ResponseSchema):
    """Everything that an account has."""

    account_id = _shown(fields.String, "The account.", "alice@example.com")
    factors = fields.List(
        OneOfView("AccountFactor", "factor", OtpView, HotpView, TotpView, RecoveryCodesView),
        required=True,
        metadata={"description": "One for each factor."},
    )


class ServerView(ResponseSchema):
    """How the service, or Redis, is."""

    status = _shown(fields.String, "Whether it answers.", "up", validate=validate.OneOf(["up", "down"]))
    # Without a format, because generated Python code would give the member the name of its own type.
    datetime = fields.String(
        allow_none=True, metadata={"description": "Its clock; null when down. RFC 3339, UTC.", "example": _MOMENT}
    )
    version = fields.String(
        allow_none=True, metadata={"description": "Its version; null when down.", "example": "7.0.15"}
    )


class LogLevelView(ResponseSchema):
    """The log level of all workers of all instances."""

    level = _shown(fields.String, "The level.", "INFO", validate=validate.OneOf(LEVELS))


class HealthView(ResponseSchema):
    """The service answers."""

    status = _shown(fields.String, "Always «ok».", "ok", validate=validate.Equal("ok"))


class ProblemView(ResponseSchema):
    """A problem document (RFC 9457)."""

    type = _shown(fields.String, "Identifies the kind of problem, and leads to its explanation.", "/problems/not-found")
    title = _shown(fields.String, "The kind in a few words.", "There is nothing here")
    status = _shown(fields.Integer, "The HTTP status.", 404)
    detail = _shown(fields.String, "What went wrong this time.", "No resource has this path.")
    request_id = _shown(fields.String, "Also in X-Request-ID, and in the logs.", "2f1b0c9e")


class InvalidRequestView(ProblemView):
    """A 400: every bad member with what is wrong about it."""

    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        required=True,
        metadata={
            "description": "Every bad member, with what is wrong about it.",
            "example": {"code": ["Must be 6 to 10 digits."]},
        },
    )


class CodeRejectedView(ProblemView):
    """A code that was judged and refused."""

    reason = _shown(fields.String, "Why.", "wrong", validate=validate.OneOf(list(Reason)))
    attempts_left = _shown(
        fields.Integer,
        "Wrong codes that are left; the last of them locks.",
        4,
        validate=validate.Range(0, FAILURES_BEFORE_LOCK),
    )
    locked_until = fields.String(
        metadata={"description": "Until when the factor is locked, if this code locked it.", "format": "date-time"}
    )


class LockedView(ProblemView):
    """A code that was not judged."""

    locked_until = _moment("When the lock ends.")
