"""The bodies of the requests about the authenticators of an account."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError, fields, post_load, validates_schema

from domain.authenticators import LONGEST_AUTHENTICATOR_NAME, check_authenticator_name
from domain.owner import Factor
from domain.parameters import DEFAULT_INTERVAL, DEFAULT_LOOK_AHEAD, DEFAULT_WINDOW
from presentation.http.accounts.requests import EnrolAccountTotpBody, ReplaceAccountTotpBody
from presentation.http.factors.requests import EnrolHotpBody, ReplaceHotpBody, require_counter
from presentation.http.framework.fields import ParsedField, RequestSchema

_MEMBERS: Final[Mapping[Factor, Mapping[str, object]]] = {
    Factor.TOTP: {"interval": DEFAULT_INTERVAL, "window": DEFAULT_WINDOW, "derived": False},
    Factor.HOTP: {"initial_counter": 0, "look_ahead": DEFAULT_LOOK_AHEAD},
}
"""The members that only one type has, with their defaults."""


def errors_of_type(factor: Factor, members: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the errors for members of the other type.

    They may have their defaults, because some generated clients always send these.
    """
    return {
        member: [f"Is only for {other.value}."]
        for other, defaults in _MEMBERS.items()
        if other is not factor
        for member, default in defaults.items()
        if members.get(member, default) != default
    }


def members_of_type(factor: Factor, members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members without those of the other type."""
    others = {member for other, defaults in _MEMBERS.items() if other is not factor for member in defaults}
    return {member: value for member, value in members.items() if member not in others}


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

    @validates_schema(skip_on_field_errors=False)
    def _of_one_type(self, data: Mapping[str, Any], **_: Any) -> None:
        if "type" not in data:
            return
        if data["type"] not in _MEMBERS:
            raise ValidationError("Must be one of: totp, hotp.", "type")
        errors = errors_of_type(data["type"], data)
        if errors:
            raise ValidationError(errors)

    @post_load
    def _own_members(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return members_of_type(data["type"], data)


class ReplaceAuthenticatorBody(ReplaceAccountTotpBody, ReplaceHotpBody):
    """A new secret that replaces the confirmed one. Its members must be those of the authenticator's type."""


class RenameBody(RequestSchema):
    """The new name of an authenticator."""

    name = AuthenticatorNameField(required=True)
