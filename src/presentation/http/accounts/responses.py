"""The bodies of the responses that only accounts have."""

from marshmallow import fields, validate

from application.challenge import LASTING
from domain.owner import Factor
from domain.recovery_codes import RECOVERY_CODE_COUNT, RECOVERY_CODES
from presentation.http.factors.fields import factor_field
from presentation.http.factors.responses import FACTOR_RESPONSES, CredentialResponse
from presentation.http.framework.fields import OneOf, ResponseSchema, response_field


class RecoveryCodesResponse(CredentialResponse):
    """The state of recovery codes."""

    factor = factor_field(Factor.RECOVERY_CODES)
    remaining = response_field(
        fields.Integer, "The number of unused codes.", 9, validate=validate.Range(0, RECOVERY_CODE_COUNT.high)
    )


class IssuedRecoveryCodesResponse(ResponseSchema):
    """New recovery codes. No later response contains them."""

    codes = fields.List(
        fields.String(),
        required=True,
        validate=validate.Length(*RECOVERY_CODE_COUNT),
        metadata={
            "description": "The codes. Each is accepted once.",
            "example": ["K7QM-2X9D-4HPW-8RTC"] * RECOVERY_CODES,
        },
    )


class RecoveryCodesVerifiedResponse(ResponseSchema):
    """The recovery code was accepted and is spent."""

    verified = response_field(fields.Boolean, "Always true: a rejected code never gets a 2xx status.", example=True)
    remaining = response_field(
        fields.Integer, "The number of unused codes.", 9, validate=validate.Range(0, RECOVERY_CODE_COUNT.high)
    )


class ChallengePassedResponse(ResponseSchema):
    """The code was accepted and is spent."""

    verified = response_field(fields.Boolean, "Always true: a rejected code never gets a 2xx status.", example=True)
    factor = response_field(fields.String, "The factor of the code.", "totp", validate=validate.OneOf(LASTING))
    authenticator = fields.String(
        allow_none=True,
        metadata={"description": "The ID of the authenticator; null for a recovery code.", "example": "totp"},
    )


class ListedAccountResponse(ResponseSchema):
    """An account in the list of all accounts."""

    id = response_field(fields.String, "The ID of the account.", "alice@example.com")
    authenticators = response_field(
        fields.Integer, "The number of confirmed TOTP and HOTP credentials.", 1, validate=validate.Range(min=0)
    )
    locked = response_field(fields.Boolean, "Whether at least one credential is locked.", example=False)
    weak = response_field(
        fields.Boolean,
        "Whether the secret of at least one confirmed TOTP or HOTP credential has less than 128 bits.",
        example=False,
    )
    unreadable = response_field(
        fields.Boolean,
        "Whether a record of the account cannot be read. The other members then describe its other records.",
        example=False,
    )


class AccountListResponse(ResponseSchema):
    """A page of the list of all accounts. It can be empty although there is a next page."""

    accounts = fields.List(
        fields.Nested(ListedAccountResponse),
        required=True,
        metadata={
            "description": "The accounts, in no order. An account can appear again on a later page.",
            "example": [
                {
                    "id": "alice@example.com",
                    "authenticators": 1,
                    "locked": False,
                    "weak": False,
                    "unreadable": False,
                }
            ],
        },
    )
    next = fields.String(
        allow_none=True,
        metadata={"description": "The `cursor` of the next page; null on the last page.", "example": None},
    )


class AccountResponse(ResponseSchema):
    """The credentials of an account."""

    account_id = response_field(fields.String, "The account.", "alice@example.com")
    factors = fields.List(
        OneOf("AccountFactor", "factor", *FACTOR_RESPONSES, RecoveryCodesResponse),
        required=True,
        metadata={
            "description": "One object for each credential. Several can have the same `factor`, with different IDs."
        },
    )
