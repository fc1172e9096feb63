"""Reading the query of a request: its parameters follow a schema, like the members of a body."""

import re
from typing import Any, Final

from flask import request
from marshmallow import Schema, ValidationError, fields

from presentation.http.framework.problems import invalid

_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,8}")


class WholeNumber(fields.Integer):
    """A whole number in decimal ASCII digits. marshmallow's own field also accepts forms such as `+5` and `5_0`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not _WHOLE.fullmatch(value):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **kwargs)


def read_query(schema: Schema) -> dict[str, Any]:
    """Return the parameters of the query.

    An unknown parameter is invalid: if a client misspells the name of a cursor, it would get the first page forever.

    Raises:
        Problem: a parameter is invalid, unknown or repeated (status 400).
    """
    values = request.args.to_dict(flat=False)
    repeated = {name: ["Must not be repeated."] for name, each in values.items() if len(each) > 1}
    try:
        parameters: dict[str, Any] = schema.load({name: each[0] for name, each in values.items()})
    except ValidationError as error:
        raise invalid({**error.messages_dict, **repeated}) from None
    if repeated:
        raise invalid(repeated)
    return parameters
