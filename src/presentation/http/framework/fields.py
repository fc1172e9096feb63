"""Bases and field types of the schemas. Requests are read with the schemas, and OpenAPI describes them."""

from typing import Any, Final

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, validate

from domain.errors import DomainError
from domain.parameters import Range
from presentation.http.framework.problems import sentence

LONGEST_TYPED: Final = 512
"""Characters of a code or a secret, with everything that people put between its groups."""
EXAMPLE_TIME: Final = "2026-11-22T03:28:00Z"


class RequestSchema(Schema):
    """The body of a request."""

    class Meta:
        """An unknown member is an error, because the service would silently ignore a misspelt member."""

        unknown = RAISE


class EmptyBody(RequestSchema):
    """An object without members."""


class ResponseSchema(Schema):
    """The body of a response. The document allows further members, so that a later version can add one (ADR 23)."""

    class Meta:
        """apispec describes the schema without `additionalProperties: false`."""

        unknown = EXCLUDE


class ParsedField(fields.String):
    """A string that a type of the domain parses. The error of the domain becomes the message for the member."""

    def parse(self, text: str) -> Any:
        """Return the value, or raise a `DomainError`."""
        return text

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if len(text) > LONGEST_TYPED:
            raise ValidationError(f"Must have at most {LONGEST_TYPED} characters.")
        try:
            return self.parse(text)
        except DomainError as error:
            raise ValidationError(sentence(error)) from None


class StrictBoolean(fields.Boolean):
    """`true` or `false`. marshmallow's own field also accepts values such as 1 and "yes"."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, bool):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **kwargs)


class OneOf(fields.Field[Any]):
    """One of several objects. The field only describes them in OpenAPI, and neither reads nor writes values.

    Args:
        union: the name of the union in the document.
        discriminator: the member whose value selects the object.
        responses: the objects.
    """

    def __init__(self, union: str, discriminator: str, *responses: type[Schema]) -> None:
        super().__init__()
        self.union = union
        self.discriminator = discriminator
        self.responses = responses


class OrNull(fields.Field[Any]):
    """An object or null. The field only describes them in OpenAPI, and neither reads nor writes values."""

    def __init__(self, response: type[Schema], **options: Any) -> None:
        super().__init__(**options)
        self.response = response


def integer_field(limits: Range, default: int, description: str) -> fields.Integer:
    """Return a field of a request: an integer within limits, with a default."""
    return fields.Integer(
        strict=True, load_default=default, validate=validate.Range(*limits), metadata={"description": description}
    )


def policy_field(limits: Range, default: int, description: str) -> fields.Integer:
    """Return a field of a request: an integer within limits, whose default is in the policy of the tenant."""
    text = f"{description} Default: the policy of the tenant, which is {default} unless the operator has changed it."
    return fields.Integer(strict=True, validate=validate.Range(*limits), metadata={"description": text})


def response_field(field: type[fields.Field[Any]], description: str, example: object, **options: Any) -> Any:
    """Return a field that every response of its kind has."""
    return field(required=True, metadata={"description": description, "example": example}, **options)


def time_field(description: str, *, nullable: bool = False, example: str | None = EXAMPLE_TIME) -> fields.String:
    """Return a field of a response: a time in the format of RFC 3339."""
    metadata = {"description": f"{description} RFC 3339, UTC.", "format": "date-time", "example": example}
    return fields.String(required=not nullable, allow_none=nullable, metadata=metadata)
