"""The schemas of the OpenAPI document that consist of others: unions, nullable objects and kinds of problems."""

from collections.abc import Mapping, Sequence
from typing import Any

from apispec import APISpec
from marshmallow import Schema

from presentation.http.docs.problem_schemas import SPECIFIC_RESPONSES, ProblemResponse
from presentation.http.framework.fields import OneOf, OrNull
from presentation.http.framework.problem_types import Problems


class SchemaComponents:
    """Adds unions, nullable objects and kinds of problems to the components of a document.

    Args:
        spec: the document.
        converter: apispec's converter of marshmallow schemas.
    """

    def __init__(self, spec: APISpec, converter: Any) -> None:
        self._schemas: dict[str, Any] = spec.components.schemas
        self._converter = converter

        def compose(_: Any, field: Any, **__: Any) -> dict[str, Any]:
            # apispec calls this for every field, and adds the result to its own description.
            match field:
                case OneOf():
                    return self._one_of(field)
                case OrNull():
                    return self._or_null(field)
            return {}

        converter.add_attribute_function(compose)

    def of_problems(self, kinds: Sequence[Problems]) -> dict[str, str]:
        """Return a reference to the schema of a problem of one of these kinds."""
        named = {kind.value.uri: self._problem(kind) for kind in kinds}
        if len(named) == 1:
            return reference(*named.values())
        return self._union(
            "Or".join(name.removesuffix("Problem") for name in named.values()) + "Problem", "type", named
        )

    def name_enumerations(self) -> None:
        """Replace every enumeration within a schema with a reference to a named one that all schemas share.

        Generators name an inline enumeration after its schema or its member. Users would get several types for the same
        values, or several enumerations that are called `Type` and a number.
        """
        names: dict[tuple[str, ...], str] = {}
        for name, schema in list(self._schemas.items()):
            for member, described in schema.get("properties", {}).items():
                if "enum" in described:
                    values = tuple(described.pop("enum"))
                    own = camel(values[0].rpartition("/")[2] if len(values) == 1 else "", member)
                    enumeration = names.setdefault(values, own if own not in self._schemas else camel(name, member))
                    self._schemas[enumeration] = {"type": described.pop("type"), "enum": list(values)}
                    described["allOf"] = [reference(enumeration)]

    def _problem(self, kind: Problems) -> str:
        """Return the name of the schema of one kind of problem. Only this kind has its `type`."""
        problem = kind.value
        name = camel(problem.slug, "problem")
        schema = self._converter.schema2jsonschema(SPECIFIC_RESPONSES.get(kind, ProblemResponse)())
        members = schema["properties"]
        members["type"] |= {"enum": [problem.uri], "example": problem.uri}
        members["title"]["example"], members["status"]["example"] = problem.title, problem.status
        self._schemas[name] = {**schema, "description": f"{problem.title} (RFC 9457)."}
        return name

    def _one_of(self, field: OneOf) -> dict[str, str]:
        named = {}
        for response in field.responses:
            self._converter.resolve_nested_schema(response)
            name = schema_name(response)
            (value,) = self._schemas[name]["properties"][field.discriminator]["enum"]
            named[value] = name
        return self._union(field.union, field.discriminator, named)

    def _union(self, name: str, discriminator: str, named: Mapping[str, str]) -> dict[str, str]:
        """Return a reference to a union of schemas. The value of a member, the discriminator, selects one of them."""
        self._schemas[name] = {
            "oneOf": [reference(schema) for schema in named.values()],
            "discriminator": {
                "propertyName": discriminator,
                "mapping": {value: reference(schema)["$ref"] for value, schema in named.items()},
            },
        }
        return reference(name)

    def _or_null(self, field: OrNull) -> dict[str, Any]:
        reference = self._converter.resolve_nested_schema(field.response)
        # The object itself is nullable, because no keyword beside a reference allows null. Without a title,
        # openapi-python-client would give the class of a nullable object another name.
        name = schema_name(field.response)
        self._schemas[name] |= {"title": name, "nullable": True}
        return {"allOf": [reference], "nullable": True}


def camel(*names: str) -> str:
    """Return the words of names, which hyphens or underscores separate, in camel case."""
    words = "-".join(names).replace("_", "-").split("-")
    return "".join(f"{word[:1].upper()}{word[1:]}" for word in words)


def reference(name: str) -> dict[str, str]:
    """Return a reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def schema_name(schema: type[Schema] | Schema) -> str:
    """Return the name of a schema in the document, which generated clients use."""
    cls = schema if isinstance(schema, type) else type(schema)
    return cls.__name__.removesuffix("Response").removesuffix("Body")
