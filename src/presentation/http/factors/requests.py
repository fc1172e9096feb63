"""The bodies of the requests about factors."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from application.ports.delivery import Channel
from domain.language import LANGUAGE_TAG, LONGEST_LANGUAGE_TAG, is_language_tag
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
from domain.secret import SHORTEST_SECRET, SHORTEST_WEAK_SECRET
from presentation.http.factors.fields import CodeField, NameField, SecretField
from presentation.http.framework.fields import RequestSchema, StrictBoolean, integer_field, policy_field

LONGEST_RECIPIENT: Final = 254
"""The length of the longest mail address in characters (RFC 5321, section 4.5.3.1.3)."""
ACCEPT: Final = "accept"
"""The word with which a request accepts a weak secret."""
_WEAK: Final = (
    f"To import a weak secret of {SHORTEST_WEAK_SECRET * 8} to {SHORTEST_SECRET * 8 - 1} bits, set `weak_secret` to "
    f'"{ACCEPT}" and `confirmed` to true.'
)


_ONLY_SENT: Final = "Is only for a channel that sends the code."


def _language(text: str) -> None:
    if not is_language_tag(text):
        raise ValidationError("Must be a language tag, such as de or de-AT.")


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

    language = fields.String(
        validate=[validate.Length(1, LONGEST_LANGUAGE_TAG), _language],
        metadata={
            "description": "The language of the message, as a language tag (BCP 47). A mail is in the language that "
            "fits best, or else in the default language. A webhook gets the tag. Only for a channel that sends the "
            "code.",
            "pattern": f"^{LANGUAGE_TAG}$",
            "example": "de-AT",
        },
    )

    @validates_schema(skip_on_field_errors=True)
    def _members(self, data: Mapping[str, Any], **_: Any) -> None:
        sends = data["channel"] is not Channel.RESPONSE
        errors = {} if sends else {name: [_ONLY_SENT] for name in ("to", "language") if name in data}
        if sends and "to" not in data:
            errors["to"] = ["Is required by this channel."]
        if errors:
            raise ValidationError(errors)


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


class NewSecretBody(RequestSchema):
    """The members that all new HOTP and TOTP secrets share."""

    algorithm = fields.Enum(
        HashAlgorithm,
        by_value=fields.String(),
        metadata={
            "description": "The hash function of HMAC. Many authenticator apps support only SHA1. Default: the policy "
            "of the tenant, which is SHA1 unless the operator has changed it.",
            "example": "SHA1",
        },
    )
    digits = policy_field(DIGITS, DEFAULT_DIGITS, "The number of digits of the codes.")
    label = NameField("The account name that the authenticator shows.", "alice@example.com")
    issuer = NameField("The issuer that the authenticator shows.", "Example")
    secret = SecretField()


class ReplaceHotpBody(NewSecretBody):
    """A new HOTP secret (RFC 4226) that replaces the confirmed one."""

    initial_counter = integer_field(COUNTER, 0, "The counter of the first code.")
    look_ahead = policy_field(
        LOOK_AHEAD, DEFAULT_LOOK_AHEAD, "The number of codes after the next one that are accepted."
    )


class ReplaceTotpBody(NewSecretBody):
    """A new TOTP secret (RFC 6238) that replaces the confirmed one."""

    interval = policy_field(
        INTERVAL, DEFAULT_INTERVAL, "The length of a time step in seconds. Many authenticator apps support only 30."
    )
    window = policy_field(
        WINDOW, DEFAULT_WINDOW, "The number of time steps on either side of the current one that are accepted."
    )


class ImportedSecret(RequestSchema):
    """The members of a secret that comes from another system."""

    secret = SecretField(accept_weak=True)
    confirmed = StrictBoolean(
        load_default=False,
        metadata={
            "description": "Whether another system has confirmed the secret. The credential then counts at once, and "
            "all codes that the other system can have accepted are spent. Requires `secret`.",
            "example": False,
        },
    )
    weak_secret = fields.String(
        validate=validate.OneOf([ACCEPT]),
        metadata={
            "description": f"`{ACCEPT}` allows a `secret` of {SHORTEST_WEAK_SECRET * 8} to {SHORTEST_SECRET * 8 - 1} "
            "bits. Requires `confirmed`.",
            "example": ACCEPT,
        },
    )

    # The checks read the members as they were sent, so that they name every bad member together with other errors.
    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _complete(self, data: Mapping[str, Any], original: Mapping[str, Any], **_: Any) -> None:
        confirmed = original.get("confirmed") is True
        errors: dict[str, list[str]] = {}
        if confirmed and "secret" not in original:
            errors["secret"] = ["Is required if `confirmed` is true."]
        if "weak_secret" in original and not confirmed:
            errors["weak_secret"] = ["Is only for a secret with `confirmed`: true."]
        if "secret" in data and data["secret"].weak and original.get("weak_secret") != ACCEPT:
            errors["secret"] = [f"Must have {SHORTEST_SECRET * 8} bits or more. {_WEAK}"]
        if errors:
            raise ValidationError(errors)

    @post_load
    def _without_consent(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        # The secret itself tells from here on whether it is weak.
        data.pop("weak_secret", None)
        return data


class EnrolHotpBody(ImportedSecret, ReplaceHotpBody):
    """A new HOTP secret (RFC 4226)."""

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _counted(self, _data: Mapping[str, Any], original: Mapping[str, Any], **_: Any) -> None:
        require_counter(original)


def require_counter(original: Mapping[str, Any]) -> None:
    """Raise `ValidationError` if a confirmed HOTP secret comes without its counter."""
    if original.get("confirmed") is True and "initial_counter" not in original:
        raise ValidationError("Is required if `confirmed` is true.", "initial_counter")


class EnrolTotpBody(ImportedSecret, ReplaceTotpBody):
    """A new TOTP secret (RFC 6238)."""


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
