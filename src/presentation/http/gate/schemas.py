"""The bodies of the gate's requests and responses."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, post_load, validates_schema

from presentation.http.factors.fields import CodeField
from presentation.http.framework.fields import RequestSchema, ResponseSchema, response_field


class GateVerifyBody(RequestSchema):
    """One code, under one of two names."""

    code = CodeField(required=False)
    token = CodeField(required=False)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def exactly_one(self, _data: Mapping[str, Any], original: Mapping[str, Any], **_: Any) -> None:
        """Refuse a body with both members, or with neither."""
        sent = {"code", "token"} & original.keys()
        if len(sent) != 1:
            raise ValidationError({name: ["Send either `code` or `token`."] for name in sent or ("code",)})

    @post_load
    def under_one_name(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        """Return the code, and the name of its member for error messages."""
        ((member, code),) = data.items()
        return {"member": member, "code": code}


class GateVerifiedResponse(ResponseSchema):
    """The code was accepted and is spent."""

    verified = response_field(fields.Boolean, "Always true: a rejected code never gets a 2xx status.", example=True)
