"""The bodies of the probes' responses."""

from marshmallow import fields, validate

from presentation.http.framework.fields import ResponseSchema, response_field


class HealthResponse(ResponseSchema):
    """The probe has succeeded."""

    status = response_field(fields.String, "Always `ok`.", "ok", validate=validate.Equal("ok"))
