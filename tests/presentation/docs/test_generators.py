"""The OpenAPI document has no construct that client generators misread (ADR 23).

`tests/e2e/test_generated_clients.py` runs the generators themselves. These tests list the constructs that
generators refuse, drop or misread, so that no new member or schema brings one of them back.
"""

import builtins
import keyword
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openapi_schema_validator import OAS30Validator

from presentation.http.accounts.requests import ChallengeBody, VerifyRecoveryBody
from presentation.http.factors.requests import EnrolTotpBody, ResynchronizeBody, VerifyBody
from presentation.http.framework.problem_types import Problems
from tests.presentation.api import RFC_SECRET, Account, document
from tests.presentation.docs.document import with_own_responses

TYPES = {*dir(builtins), *keyword.kwlist, "date", "datetime", "time", "timedelta", "Decimal", "UUID", "Any", "Optional"}
"""Names that a generated class uses in the annotations of its members."""
TYPED_BY_FORMAT = {"date", "date-time", "binary", "byte", "uuid", "decimal"}
SEPARATORS = ["", " ", "-", "  ", "\u00a0", "\u2009", "\u202f", "\u2010", "\u2011", "\u3000", "\t"]


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    return with_own_responses(document(Account().client.get("/openapi.json")))


@pytest.fixture(scope="module")
def components(openapi: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = openapi["components"]["schemas"]
    return described


def members(components: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every member of every object, with the name of its schema."""
    for name, schema in components.items():
        for member, described in schema.get("properties", {}).items():
            yield name, member, described


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every JSON object of the document."""
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from objects(inner)


def test_no_default_is_an_object_or_an_array(components: dict[str, Any]) -> None:
    assert [found for found in objects(components) if isinstance(found.get("default"), dict | list)] == []


def test_no_member_hides_the_type_that_it_has(components: dict[str, Any]) -> None:
    hiding = [
        (name, member)
        for name, member, described in members(components)
        if member in TYPES and described.get("format") in TYPED_BY_FORMAT
    ]

    assert hiding == []


def test_no_format_is_unknown_to_generators(openapi: dict[str, Any]) -> None:
    formats = {found["format"] for found in objects(openapi) if isinstance(found.get("format"), str)}

    assert formats <= {"date-time", "binary"}


def test_only_problems_and_factors_are_unions(openapi: dict[str, Any]) -> None:
    assert [found for found in objects(openapi) if "anyOf" in found] == []
    assert [found for found in objects(openapi) if "oneOf" in found and "discriminator" not in found] == []
    assert [found for found in objects(openapi["paths"]) if "oneOf" in found] == []


def test_a_member_selects_the_schema_in_every_union(components: dict[str, Any]) -> None:
    for name, union in components.items():
        if "oneOf" in union:
            member, mapping = union["discriminator"]["propertyName"], union["discriminator"]["mapping"]
            assert [{"$ref": reference} for reference in mapping.values()] == union["oneOf"], name
            for value, reference in mapping.items():
                schema = components[reference.rpartition("/")[2]]
                assert member in schema["required"], (name, value)
                (of_type,) = schema["properties"][member]["allOf"]
                assert components[of_type["$ref"].rpartition("/")[2]]["enum"] == [value]


def test_every_kind_of_problem_has_its_own_schema(openapi: dict[str, Any], components: dict[str, Any]) -> None:
    described = {
        slug: content["schema"]["$ref"].rpartition("/")[2]
        for answers in (operation["responses"] for path in openapi["paths"].values() for operation in path.values())
        for answer in answers.values()
        for media_type, content in answer.get("content", {}).items()
        if media_type == "application/problem+json"
        for slug in content["examples"]
    }

    assert {name for name in components if name.endswith("Problem")} >= set(described.values())
    for kind in Problems:
        problem = kind.value
        name = f"{problem.slug.title().replace('-', '')}Problem"
        if name in components:
            of_type = components[name]["properties"]["type"]["allOf"][0]["$ref"].rpartition("/")[2]
            assert components[of_type]["enum"] == [problem.uri]


def test_every_enumeration_has_a_name_and_no_two_have_the_same_values(components: dict[str, Any]) -> None:
    enumerations = [tuple(schema["enum"]) for schema in components.values() if "enum" in schema]

    assert len(set(enumerations)) == len(enumerations)
    assert [(name, member) for name, member, described in members(components) if "enum" in described] == []


def test_no_member_that_can_be_null_is_required(components: dict[str, Any]) -> None:
    """For OpenAPI 3.0, datamodel-code-generator assumes that a required member is never null."""
    nullable = [
        (name, member)
        for name, member, described in members(components)
        if described.get("nullable") and member in components[name].get("required", [])
    ]

    assert nullable == []


def test_an_object_that_can_be_null_allows_null_itself(components: dict[str, Any]) -> None:
    """In OpenAPI 3.0.3, `nullable` adds null only to a `type` beside it."""
    referring = [described for _, _, described in members(components) if "allOf" in described]

    for described in referring:
        (reference,) = described["allOf"]
        named = components[reference["$ref"].rpartition("/")[2]]
        assert named.get("nullable", False) == described.get("nullable", False)


def test_every_picture_is_available_as_octets(openapi: dict[str, Any]) -> None:
    """openapi-python-client drops a response if it knows none of its media types."""
    pictures = [path["get"] for name, path in openapi["paths"].items() if "/qr" in name]

    assert len(pictures) == 30
    assert [
        picture for picture in pictures if "application/octet-stream" not in picture["responses"]["200"]["content"]
    ] == []


def valid(components: dict[str, Any], name: str, body: dict[str, Any]) -> bool:
    schema = {**components[name], "components": {"schemas": components}}
    return not list(OAS30Validator(schema).iter_errors(body))


typed = st.lists(st.tuples(st.sampled_from("0123456789aZIlOo"), st.sampled_from(SEPARATORS)), max_size=20).map(
    lambda pairs: "".join(character + separator for character, separator in pairs)
)
secrets = st.lists(st.sampled_from("ABCDEFGHabcdefgh234567"), min_size=20, max_size=64).flatmap(
    lambda letters: st.sampled_from(SEPARATORS).map(lambda separator: separator.join(letters))
)
names = st.text(min_size=1, max_size=40) | st.sampled_from(
    ["Zo\u00eb\u00a0B.", "\u65e5\u672c\u3000\u8a9e", "\U0001f468\u200d\U0001f469"]
)


@given(st.text(max_size=24) | typed)
@example("492\u00a0039")
@example("K7QM\u20112X9D\u20114HPW\u20118RTC")
def test_the_document_allows_every_code_that_the_service_reads(components: dict[str, Any], code: str) -> None:
    for schema, body in (
        (VerifyBody(), "Verify"),
        (VerifyRecoveryBody(), "VerifyRecovery"),
        (ChallengeBody(), "Challenge"),
    ):
        if not schema.validate({"code": code}):
            assert valid(components, body, {"code": code})
    if not ResynchronizeBody().validate({"codes": [code, code]}):
        assert valid(components, "Resynchronize", {"codes": [code, code]})


@given(secrets)
@example(f" {RFC_SECRET.lower()}== ")
def test_the_document_allows_every_secret_that_the_service_reads(components: dict[str, Any], secret: str) -> None:
    if not EnrolTotpBody().validate({"secret": secret}):
        assert valid(components, "EnrolTotp", {"secret": secret})


@given(names)
def test_the_document_allows_every_name_that_the_service_reads(components: dict[str, Any], name: str) -> None:
    if not EnrolTotpBody().validate({"label": name}):
        assert valid(components, "EnrolTotp", {"label": name})
