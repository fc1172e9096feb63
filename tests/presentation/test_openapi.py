"""The OpenAPI document says what the service does: no more, and no less."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import jsonschema
import pytest
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import validate

from presentation.problems import Problems
from tests.presentation.api import ADMINISTRATOR, FACTORS, Api, all_routes, document

FOR_PEOPLE = {"/", "/docs", "/openapi.json", "/assets/docs.js", "/problems/not-found"}
"""Pages, and the document itself."""
ANSWERED_ANYWHERE = {Problems.NOT_FOUND, Problems.METHOD_NOT_ALLOWED, Problems.INTERNAL_ERROR}
"""Of no operation's own: no path, no method, or a fault of the service. The introduction tells them."""


class Described(NamedTuple):
    """One operation of the document."""

    method: str
    path: str
    operation: dict[str, Any]


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    return document(Api().client.get("/openapi.json"))


@pytest.fixture(scope="module")
def operations(openapi: dict[str, Any]) -> list[Described]:
    return [
        Described(method.upper(), path, operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]


def contents(openapi: dict[str, Any], operations: list[Described]) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
    """Where, what schema, and the examples beside it."""
    for method, path, operation in operations:
        bodies = {"request": operation["requestBody"]} if "requestBody" in operation else {}
        for place, body in (bodies | operation["responses"]).items():
            for media_type, content in body.get("content", {}).items():
                examples = [example["value"] for example in content.get("examples", {}).values()]
                examples += [content["example"]] if "example" in content else []
                yield f"{method} {path} {place} {media_type}", content["schema"], examples


def validator(openapi: dict[str, Any], schema: dict[str, Any]) -> OAS30Validator:
    return OAS30Validator({**schema, "components": openapi["components"]}, format_checker=OAS30Validator.FORMAT_CHECKER)


def references(node: Any) -> set[str]:
    return set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(node)))


def test_it_is_a_valid_openapi_document(openapi: dict[str, Any]) -> None:
    validate(openapi)


def test_every_route_is_described(openapi: dict[str, Any], operations: list[Described]) -> None:
    served = {
        (method, path)
        for method, path in all_routes(Api())
        if path not in FOR_PEOPLE and method not in {"HEAD", "OPTIONS"}
    }

    assert {(method, path) for method, path, _ in operations} == served


def test_what_is_switched_off_is_not_described() -> None:
    described = document(Api(administrator=None).client.get("/openapi.json"))

    assert [path for path in described["paths"] if "/admin/" in path] == []


def test_every_operation_has_an_id_of_its_own(operations: list[Described]) -> None:
    ids = [operation["operationId"] for *_, operation in operations]

    assert len(set(ids)) == len(ids)


def test_every_operation_has_a_summary_and_a_known_tag(openapi: dict[str, Any], operations: list[Described]) -> None:
    tags = {tag["name"] for tag in openapi["tags"]}

    assert [path for _, path, operation in operations if not operation["summary"]] == []
    assert {tag for *_, operation in operations for tag in operation["tags"]} == tags


def test_no_schema_is_an_orphan(openapi: dict[str, Any]) -> None:
    reached = references(openapi["paths"])
    while reached != (reached := reached | references([openapi["components"]["schemas"][name] for name in reached])):
        pass

    assert set(openapi["components"]["schemas"]) == reached


def test_every_body_and_every_answer_has_an_example(openapi: dict[str, Any], operations: list[Described]) -> None:
    without = [where for where, _, examples in contents(openapi, operations) if "json" in where and not examples]

    assert without == []


def test_every_example_fits_its_schema(openapi: dict[str, Any], operations: list[Described]) -> None:
    wrong = [
        (where, error.message)
        for where, schema, examples in contents(openapi, operations)
        for example in examples
        for error in validator(openapi, schema).iter_errors(example)
    ]

    assert wrong == []


def test_every_request_example_is_a_good_request(operations: list[Described]) -> None:
    refused = []
    for method, path, operation in operations:
        for content in operation.get("requestBody", {}).get("content", {}).values():
            examples = [example["value"] for example in content.get("examples", {}).values()]
            for example in examples or [content["example"]]:
                api = Api()
                for factor in FACTORS:
                    if path.endswith(("/verify", "/resync")):
                        api.enrol(factor)
                answer = api.client.open(path, method=method, json=example, auth=ADMINISTRATOR)
                if answer.status_code == 400:
                    refused.append((path, example, answer.text))

    assert refused == []


def test_every_kind_of_problem_is_described_somewhere(operations: list[Described]) -> None:
    described = {
        slug
        for *_, operation in operations
        for answer in operation["responses"].values()
        for slug in answer.get("content", {}).get("application/problem+json", {}).get("examples", {})
    }

    assert described == {kind.value.slug for kind in set(Problems) - ANSWERED_ANYWHERE}


def test_the_introduction_tells_what_any_path_can_answer(openapi: dict[str, Any]) -> None:
    introduction = openapi["info"]["description"]

    assert [kind for kind in ANSWERED_ANYWHERE if kind.value.uri not in introduction] == []


def test_request_bodies_admit_no_unknown_member(openapi: dict[str, Any], operations: list[Described]) -> None:
    names = {
        name
        for *_, operation in operations
        if "requestBody" in operation
        for name in references(operation["requestBody"])
    }

    assert [name for name in names if openapi["components"]["schemas"][name]["additionalProperties"]] == []


@pytest.mark.parametrize("name", ["Zoë", "日本語", "a/b & c?d=#e", "x" * 128])
def test_the_document_admits_the_names_that_the_service_admits(openapi: dict[str, Any], name: str) -> None:
    schema = openapi["components"]["schemas"]["EnrolTotp"]

    validator(openapi, schema).validate({"label": name, "issuer": name})

    assert Api().post("totp", {"label": name, "issuer": name}).status_code == 201


@pytest.mark.parametrize("name", ["", " ", "a:b", "a\nb", "x" * 129])
def test_the_document_refuses_the_names_that_the_service_refuses(openapi: dict[str, Any], name: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validator(openapi, openapi["components"]["schemas"]["EnrolTotp"]).validate({"label": name})


def test_an_integer_with_a_point_is_none_for_the_document_as_for_the_service(openapi: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validator(openapi, openapi["components"]["schemas"]["EnrolTotp"]).validate({"digits": 6.0})


def test_the_document_names_no_secret_of_the_settings() -> None:
    text = Api().client.get("/openapi.json").text

    assert [secret for secret in ADMINISTRATOR[1:] if secret in text] == []
