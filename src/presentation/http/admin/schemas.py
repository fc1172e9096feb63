"""The bodies of the admin API's requests and responses."""

from marshmallow import fields, validate

from application.log_level import LEVELS
from presentation.http.framework.fields import EXAMPLE_TIME, RequestSchema, ResponseSchema, response_field


class SetLogLevelBody(RequestSchema):
    """The log level of all workers of all instances."""

    level = fields.String(
        required=True,
        validate=validate.OneOf(LEVELS),
        metadata={"description": "The log level.", "example": "INFO"},
    )


class LogLevelResponse(ResponseSchema):
    """The log level of all workers of all instances."""

    level = response_field(fields.String, "The log level.", "INFO", validate=validate.OneOf(LEVELS))


class ServerResponse(ResponseSchema):
    """The state of the service or of Redis."""

    status = response_field(fields.String, "Whether it responds.", "up", validate=validate.OneOf(["up", "down"]))
    # Without a format, because generated Python code would give the member the name of its own type.
    datetime = fields.String(
        allow_none=True,
        metadata={"description": "The time of its clock; null if it is down. RFC 3339, UTC.", "example": EXAMPLE_TIME},
    )
    version = fields.String(
        allow_none=True, metadata={"description": "Its version; null if it is down.", "example": "7.0.15"}
    )
