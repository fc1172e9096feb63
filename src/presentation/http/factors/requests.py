"""The bodies of the requests about factors."""

import math
from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError, fields, validate, validates_schema

from application.ports.delivery import Channel
from domain.one_time_code import CODE_DIGITS, CODE_LIFETIME, DEFAULT_CODE_DIGITS, DEFAULT_CODE_LIFETIME
from domain.parameters import (
    COUNTER,
    DEFAULT_DIGITS,
    DEFAULT_INTERVAL,
    DEFAULT_LOOK_AHEAD,
    DEFAULT_WINDOW,
    DIGITS,
    INTERVAL,
    LOOK_AHEAD,
    WINDOW,
    HashAlgorithm,
)
from domain.secret import LONGEST_SECRET, SHORTEST_SECRET
from presentation.http.factors.fields import CodeField, NameField, SecretField
from presentation.http.framework.fields import LONGEST_TYPED, RequestSchema, integer_field

LONGEST_RECIPIENT: Final = 254
"""The length of the longest mail address in characters (RFC 5321, section 4.5.3.1.3)."""
EXAMPLE_SECRET: Final = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105 - RFC 4226 appendix D


class DeliveryRequest(RequestSchema):
    """The channel of a one-time code, and its recipient."""

    channel = fields.Enum(
        Channel,
        by_value=fields.String(),
        load_default=Channel.RESPONSE,
        metadata={
            "description": "`response` returns the code in the response. The other channels send the code, if the "
            "service is configured for them.",
            "example": Channel.RESPONSE.value,
        },
    )
    to = fields.String(
        validate=validate.Length(1, LONGEST_RECIPIENT),
        metadata={
            "description": "The recipient, for a channel that sends the code: a mail address, or a name that the "
            "webhook knows."
        },
    )

    @validates_schema(skip_on_field_errors=True)
    def _recipient(self, data: Mapping[str, Any], **_: Any) -> None:
        if (data["channel"] is Channel.RESPONSE) == ("to" in data):
            message = "Is only for a channel that sends the code." if "to" in data else "Is required by this channel."
            raise ValidationError(message, "to")


class IssueCodeBody(RequestSchema):
    """A new one-time code."""

    digits = integer_field(CODE_DIGITS, DEFAULT_CODE_DIGITS, "The number of digits of the code.")
    lifetime = integer_field(CODE_LIFETIME, DEFAULT_CODE_LIFETIME, "The time in seconds for which the code is valid.")
    delivery = fields.Nested(
        DeliveryRequest,
        # apispec leaves a function out of the document. Generators refuse an object as a default.
        load_default=lambda: {"channel": Channel.RESPONSE},
        metadata={"example": {"channel": Channel.RESPONSE.value}},
    )


class EnrolBody(RequestSchema):
    """The members that the enrolments of HOTP and TOTP share."""

    algorithm = fields.Enum(
        HashAlgorithm,
        by_value=fields.String(),
        metadata={
            "description": "The hash function of HMAC. Many authenticator apps support only SHA1.",
            "example": "SHA1",
        },
    )
    digits = integer_field(DIGITS, DEFAULT_DIGITS, "The number of digits of the codes.")
    label = NameField("The account name that the authenticator shows.", "alice@example.com")
    issuer = NameField("The issuer that the authenticator shows.", "Example")
    secret = SecretField(
        metadata={
            "description": f"A secret that replaces the random one: base32, {SHORTEST_SECRET * 8} to "
            f"{LONGEST_SECRET * 8} bits. Case, white space, hyphens and padding are ignored.",
            "minLength": math.ceil(SHORTEST_SECRET * 8 / 5),
            "maxLength": LONGEST_TYPED,
            "example": EXAMPLE_SECRET,
        }
    )


class EnrolHotpBody(EnrolBody):
    """A new HOTP secret (RFC 4226)."""

    initial_counter = integer_field(COUNTER, 0, "The counter of the first code.")
    look_ahead = integer_field(
        LOOK_AHEAD, DEFAULT_LOOK_AHEAD, "The number of codes after the next one that are accepted."
    )


class EnrolTotpBody(EnrolBody):
    """A new TOTP secret (RFC 6238)."""

    interval = integer_field(
        INTERVAL, DEFAULT_INTERVAL, "The length of a time step in seconds. Many authenticator apps support only 30."
    )
    window = integer_field(
        WINDOW, DEFAULT_WINDOW, "The number of time steps on either side of the current one that are accepted."
    )


class VerifyBody(RequestSchema):
    """One code."""

    code = CodeField()


class ResynchronizeBody(RequestSchema):
    """Two consecutive codes."""

    codes = fields.List(
        CodeField(),
        required=True,
        validate=validate.Length(equal=2),
        metadata={
            "description": "Two consecutive codes of the authenticator.",
            "example": ["755224", "287082"],
        },
    )
