"""The bodies of the requests that only accounts have."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError, fields, validate, validates_schema

from application.account_list import ACCOUNTS_PER_PAGE, USUAL_ACCOUNTS_PER_PAGE
from domain.owner import AUTHENTICATOR_ID, Factor
from presentation.http.factors.fields import AnyCodeField, RecoveryCodeField
from presentation.http.factors.requests import EnrolTotpBody, ReplaceTotpBody
from presentation.http.framework.fields import RequestSchema, StrictBoolean
from presentation.http.framework.query import WholeNumber

LONGEST_CURSOR: Final = 4096
"""Characters."""


class DerivedSecret(RequestSchema):
    """The member of a secret that is derived instead of stored."""

    derived = StrictBoolean(
        load_default=False,
        metadata={
            "description": "Whether to derive the secret from the master secret of the service, so that no secret is "
            "stored.",
            "example": False,
        },
    )

    @validates_schema(skip_on_field_errors=True)
    def _one_secret(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["derived"] and "secret" in data:
            raise ValidationError("Must be absent if `derived` is true.", "secret")


class EnrolAccountTotpBody(DerivedSecret, EnrolTotpBody):
    """A new TOTP secret (RFC 6238) for an account."""


class ReplaceAccountTotpBody(DerivedSecret, ReplaceTotpBody):
    """A new TOTP secret (RFC 6238) that replaces the confirmed one of an account."""


class AccountListQuery(RequestSchema):
    """The page of the list of all accounts."""

    limit = WholeNumber(
        load_default=USUAL_ACCOUNTS_PER_PAGE,
        validate=validate.Range(*ACCOUNTS_PER_PAGE),
        metadata={"description": "The largest number of accounts on the page."},
    )
    cursor = fields.String(
        validate=validate.Length(1, LONGEST_CURSOR),
        metadata={"description": "`next` of the previous page. Without it, the list begins again."},
    )


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
            "description": "The factor of the code; without it, any factor. One-time codes are not accepted.",
            "example": "totp",
        },
    )
    authenticator = fields.String(
        validate=validate.Regexp(f"^{AUTHENTICATOR_ID}$", error="Must be the ID of an authenticator."),
        metadata={
            "description": "The ID of the authenticator of the code; without it, any authenticator.",
            "example": "totp",
        },
    )
