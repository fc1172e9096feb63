"""The bodies of the responses about factors."""

from typing import Any, Final

from marshmallow import fields, validate

from application.ports.delivery import Channel
from domain.credential import Status
from domain.owner import Factor
from domain.parameters import DEFAULT_INTERVAL, DEFAULT_LOOK_AHEAD, DEFAULT_WINDOW, HashAlgorithm
from domain.secret import SHORTEST_SECRET
from domain.totp import RESYNCHRONIZATION_STEPS
from presentation.http.factors.fields import EXAMPLE_SECRET, factor_field
from presentation.http.framework.fields import OrNull, ResponseSchema, response_field, time_field


class DeliveryResponse(ResponseSchema):
    """The channel of a one-time code."""

    channel = response_field(fields.String, "The channel.", "response", validate=validate.OneOf(list(Channel)))


def _weak_field() -> Any:
    return response_field(
        fields.Boolean, f"Whether the secret has less than {SHORTEST_SECRET * 8} bits.", example=False
    )


class IssuedCodeResponse(ResponseSchema):
    """A new one-time code."""

    code = fields.String(metadata={"description": "The code, only if the channel is `response`.", "example": "492039"})
    digits = response_field(fields.Integer, "The number of digits of the code.", 6)
    expires_at = time_field("The time at which the code expires.")
    delivery = fields.Nested(DeliveryResponse, required=True)


class AuthenticatorMembers(ResponseSchema):
    """The members that identify an authenticator."""

    id = response_field(fields.String, "The ID of the authenticator; without a suffix, it is its type.", "totp")
    type = response_field(
        fields.String, "The kind of the codes.", "totp", validate=validate.OneOf([Factor.TOTP, Factor.HOTP])
    )
    name = fields.String(
        allow_none=True, metadata={"description": "The name of the authenticator; null without one.", "example": None}
    )


class HotpMembers(ResponseSchema):
    """The members that identify an HOTP authenticator."""

    id = response_field(fields.String, "The ID of the authenticator; without a suffix, it is its type.", "hotp")
    type = response_field(
        fields.String, "The kind of the codes.", "hotp", validate=validate.OneOf([Factor.TOTP, Factor.HOTP])
    )


class EnrolmentResponse(AuthenticatorMembers):
    """A new secret. No later response contains it."""

    uri = response_field(
        fields.String,
        "The provisioning URI (Key URI Format).",
        f"otpauth://totp/Open-MFA:session?secret={EXAMPLE_SECRET}&issuer=Open-MFA&algorithm=SHA1&digits=6&period=30",
    )
    secret = response_field(fields.String, "The shared secret in base32.", EXAMPLE_SECRET)
    algorithm = response_field(
        fields.String, "The hash function of HMAC.", "SHA1", validate=validate.OneOf(list(HashAlgorithm))
    )
    digits = response_field(fields.Integer, "The number of digits of the codes.", 6)
    status = response_field(
        fields.String,
        "Pending until a code is accepted, unless the request has confirmed the secret.",
        "pending",
        validate=validate.OneOf(list(Status)),
    )
    weak = _weak_field()
    qr = response_field(
        fields.String, "The path of the QR code while the secret is pending.", "/api/v1/session/totp/qr"
    )
    expires_at = time_field("The time at which the enrolment expires; null for never.", nullable=True)


class HotpEnrolmentResponse(HotpMembers, EnrolmentResponse):
    """A new HOTP secret."""

    counter = response_field(fields.Integer, "The counter of the next code.", 0)
    look_ahead = response_field(
        fields.Integer, "The number of codes after the next one that are accepted.", DEFAULT_LOOK_AHEAD
    )


class TotpEnrolmentResponse(EnrolmentResponse):
    """A new TOTP secret."""

    interval = response_field(fields.Integer, "The length of a time step in seconds.", DEFAULT_INTERVAL)
    window = response_field(
        fields.Integer, "The number of time steps on either side of the current one that are accepted.", DEFAULT_WINDOW
    )


class VerifiedResponse(ResponseSchema):
    """The code was accepted and is spent."""

    verified = response_field(fields.Boolean, "Always true: a rejected code never gets a 2xx status.", example=True)
    factor = response_field(fields.String, "The factor.", "totp", validate=validate.OneOf(list(Factor)))
    status = response_field(
        fields.String, "Confirmed after an accepted code.", "confirmed", validate=validate.OneOf(list(Status))
    )


class ResynchronizedResponse(ResponseSchema):
    """Both codes were accepted and are spent."""

    resynchronized = response_field(fields.Boolean, "Always true.", example=True)
    status = response_field(
        fields.String, "Confirmed after an accepted code.", "confirmed", validate=validate.OneOf(list(Status))
    )


class HotpResynchronizedResponse(ResynchronizedResponse):
    """Both codes were accepted, and the counter is set to the one after them."""

    factor = factor_field(Factor.HOTP)
    counter = response_field(fields.Integer, "The counter of the next code.", 2)


class TotpResynchronizedResponse(ResynchronizedResponse):
    """Both codes were accepted, and the drift of the authenticator is stored."""

    factor = factor_field(Factor.TOTP)
    drift = response_field(
        fields.Integer,
        "The number of time steps that the authenticator is ahead of the service.",
        -3,
        validate=validate.Range(-RESYNCHRONIZATION_STEPS, RESYNCHRONIZATION_STEPS),
    )


class ReplacementResponse(ResponseSchema):
    """A replacement that is not confirmed yet."""

    created_at = time_field("The time of the enrolment.")
    expires_at = time_field("The time at which the replacement expires unless one of its codes is accepted.")


class CredentialResponse(ResponseSchema):
    """The state of a credential, without secrets and codes."""

    status = response_field(
        fields.String, "Pending until a code is accepted.", "confirmed", validate=validate.OneOf(list(Status))
    )
    created_at = time_field("The time of the enrolment or the issue.")
    confirmed_at = time_field(
        "The time of the first accepted code, or of the enrolment of a confirmed secret.", nullable=True
    )
    last_used_at = time_field("The time of the last accepted code.", nullable=True)
    failed_attempts = response_field(fields.Integer, "The number of wrong codes since the last accepted one.", 0)
    locked_until = time_field("The end of the lock; null if the factor is not locked.", nullable=True, example=None)
    expires_at = time_field("The time at which the credential expires; null for never.", nullable=True)


class OtpResponse(CredentialResponse):
    """The state of a one-time code."""

    factor = factor_field(Factor.OTP)
    digits = response_field(fields.Integer, "The number of digits of the code.", 6)


class SecretCredentialResponse(AuthenticatorMembers, CredentialResponse):
    """The state of an HOTP or TOTP credential."""

    digits = response_field(fields.Integer, "The number of digits of the codes.", 6)
    replacement = OrNull(
        ReplacementResponse, metadata={"description": "The replacement; null if there is none.", "example": None}
    )
    algorithm = response_field(
        fields.String, "The hash function of HMAC.", "SHA1", validate=validate.OneOf(list(HashAlgorithm))
    )
    weak = _weak_field()
    label = fields.String(allow_none=True, metadata={"description": "The label of the enrolment.", "example": None})
    issuer = fields.String(allow_none=True, metadata={"description": "The issuer of the enrolment.", "example": None})


class HotpResponse(HotpMembers, SecretCredentialResponse):
    """The state of an HOTP credential."""

    factor = factor_field(Factor.HOTP)
    counter = response_field(fields.Integer, "The counter of the next code.", 1)
    look_ahead = response_field(
        fields.Integer, "The number of codes after the next one that are accepted.", DEFAULT_LOOK_AHEAD
    )


class TotpResponse(SecretCredentialResponse):
    """The state of a TOTP credential."""

    factor = factor_field(Factor.TOTP)
    interval = response_field(fields.Integer, "The length of a time step in seconds.", DEFAULT_INTERVAL)
    window = response_field(
        fields.Integer, "The number of time steps on either side of the current one that are accepted.", DEFAULT_WINDOW
    )
    drift = response_field(
        fields.Integer, "The number of time steps that the authenticator was ahead at the last resynchronization.", 0
    )


FACTOR_RESPONSES: Final = (OtpResponse, HotpResponse, TotpResponse)
"""The states of the factors that all kinds of owners have."""
