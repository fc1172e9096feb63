"""The bodies of the responses about the authenticators of an account."""

from typing import Final

from marshmallow import fields, validate

from domain.authenticators import MOST_AUTHENTICATORS
from domain.owner import Factor
from domain.parameters import DEFAULT_INTERVAL, DEFAULT_LOOK_AHEAD, DEFAULT_WINDOW
from presentation.http.factors.responses import EnrolmentResponse, ResynchronizedResponse, SecretCredentialResponse
from presentation.http.framework.fields import EXAMPLE_TIME, ResponseSchema, response_field

EXAMPLE_ID: Final = "totp-7k2m9q4x8d"
_TYPES: Final = (Factor.TOTP, Factor.HOTP)


def _optional(description: str, example: int) -> fields.Integer:
    return fields.Integer(metadata={"description": description, "example": example})


class _MembersOfTypes(ResponseSchema):
    """The members that only one type of authenticators has."""

    interval = _optional("The length of a time step in seconds, for TOTP.", DEFAULT_INTERVAL)
    window = _optional(
        "The number of time steps on either side of the current one that are accepted, for TOTP.", DEFAULT_WINDOW
    )
    counter = fields.Integer(metadata={"description": "The counter of the next code, for HOTP."})
    look_ahead = fields.Integer(
        metadata={
            "description": "The number of codes after the next one that are accepted, for HOTP. By default "
            f"{DEFAULT_LOOK_AHEAD}."
        }
    )


class AuthenticatorEnrolmentResponse(_MembersOfTypes, EnrolmentResponse):
    """A new authenticator. No later response contains its secret."""


class AuthenticatorResponse(_MembersOfTypes, SecretCredentialResponse):
    """The state of an authenticator, without secrets and codes."""

    factor = response_field(fields.String, "The same as `type`.", "totp", validate=validate.OneOf(_TYPES))
    drift = _optional(
        "The number of time steps that the authenticator was ahead at the last resynchronization, for TOTP.", 0
    )


_EXAMPLE: Final = {
    "id": EXAMPLE_ID,
    "type": "totp",
    "factor": "totp",
    "name": "Phone",
    "status": "confirmed",
    "algorithm": "SHA1",
    "digits": 6,
    "interval": DEFAULT_INTERVAL,
    "window": DEFAULT_WINDOW,
    "created_at": EXAMPLE_TIME,
    "confirmed_at": EXAMPLE_TIME,
    "last_used_at": None,
    "failed_attempts": 0,
    "locked_until": None,
    "expires_at": None,
    "drift": 0,
    "weak": False,
    "label": None,
    "issuer": None,
    "replacement": None,
}


class AuthenticatorsResponse(ResponseSchema):
    """The authenticators of an account."""

    authenticators = fields.List(
        fields.Nested(AuthenticatorResponse),
        required=True,
        validate=validate.Length(max=MOST_AUTHENTICATORS),
        metadata={
            "description": "The authenticators, those with the IDs `hotp` and `totp` first.",
            "example": [_EXAMPLE],
        },
    )


class AuthenticatorResynchronizedResponse(ResynchronizedResponse):
    """Both codes were accepted, and the counter or the drift is stored."""

    factor = response_field(fields.String, "The factor.", "totp", validate=validate.OneOf(_TYPES))
    counter = fields.Integer(metadata={"description": "The counter of the next code, for HOTP."})
    drift = _optional("The number of time steps that the authenticator is ahead of the service, for TOTP.", -3)
