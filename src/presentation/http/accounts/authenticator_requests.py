"""The bodies of the requests about the authenticators of an account."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError, fields, post_load, validates_schema

from domain.authenticators import LONGEST_AUTHENTICATOR_NAME, check_authenticator_name
from domain.owner import Factor
from presentation.http.accounts.requests import EnrolAccountTotpBody, ReplaceAccountTotpBody
from presentation.http.factors.requests import EnrolHotpBody, ReplaceHotpBody, require_counter
from presentation.http.framework.fields import ParsedField, RequestSchema

_MEMBERS: Final = {Factor.TOTP: {"interval", "window", "derived"}, Factor.HOTP: {"initial_counter", "look_ahead"}}
"""The members that only one type has."""


def members_of_others(factor: Factor, members: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the errors for the members that an authenticator of this type does not have."""
    return {
        member: [f"Is only for {other.value}."]
        for other, own in _MEMBERS.items()
        if other is not factor
        for member in sorted(own & members.keys())
    }


class AuthenticatorNameField(ParsedField):
    """The name of an authenticator."""

    def __init__(self, *, required: bool = False) -> None:
        super().__init__(
            required=required,
            metadata={
                "description": f"The name by which the person distinguishes the authenticator: 1 to "
                f"{LONGEST_AUTHENTICATOR_NAME} characters, visible, without line breaks, control characters or marks "
                "that change the direction of the text.",
                "pattern": r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$",
                "minLength": 1,
                "maxLength": LONGEST_AUTHENTICATOR_NAME,
                "example": "Phone",
            },
        )

    def parse(self, text: str) -> str:
        """Return the name, or raise `InvalidValue`."""
        return check_authenticator_name(text)


class EnrolAuthenticatorBody(EnrolAccountTotpBody, EnrolHotpBody):
    """A new authenticator.

    `interval`, `window` and `derived` are only for TOTP, `initial_counter` and `look_ahead` only for HOTP.
    """

    type = fields.Enum(
        Factor,
        by_value=fields.String(),
        required=True,
        metadata={"description": "The kind of the codes.", "enum": ["totp", "hotp"], "example": "totp"},
    )
    name = AuthenticatorNameField()

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _counted(self, data: Mapping[str, Any], original: Mapping[str, Any], **_: Any) -> None:
        if data.get("type") is Factor.HOTP:
            require_counter(original)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _of_one_type(self, data: Mapping[str, Any], original: Mapping[str, Any], **_: Any) -> None:
        if "type" not in data:
            return
        if data["type"] not in _MEMBERS:
            raise ValidationError("Must be one of: totp, hotp.", "type")
        errors = members_of_others(data["type"], original)
        if errors:
            raise ValidationError(errors)

    @post_load
    def _own_members(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        others = {member for factor, own in _MEMBERS.items() if factor is not data["type"] for member in own}
        return {member: value for member, value in data.items() if member not in others}


class ReplaceAuthenticatorBody(ReplaceAccountTotpBody, ReplaceHotpBody):
    """A new secret that replaces the confirmed one. Its members must be those of the authenticator's type."""

    @post_load(pass_original=True)
    def _sent(self, data: dict[str, Any], original: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        # The handler knows the type, and with it the defaults.
        return {member: value for member, value in data.items() if member in original}


class RenameBody(RequestSchema):
    """The new name of an authenticator."""

    name = AuthenticatorNameField(required=True)
