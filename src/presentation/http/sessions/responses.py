"""The bodies of the responses about sessions."""

from marshmallow import fields

from presentation.http.factors.responses import FACTOR_RESPONSES
from presentation.http.framework.fields import OneOf, ResponseSchema, time_field


class OwnerResponse(ResponseSchema):
    """The credentials of a session."""

    factors = fields.List(
        OneOf("SessionFactor", "factor", *FACTOR_RESPONSES),
        required=True,
        metadata={"description": "One object for each enrolled factor."},
    )
    expires_at = time_field("The time at which the last of them expires; null for never or none.", nullable=True)
