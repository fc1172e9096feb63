"""The OpenAPI document describes exactly what the service does."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import jsonschema
import pytest
from openapi_spec_validator import validate

from domain.owner import ACCOUNT_ID
from presentation.http.framework.problem_types import Problems
from tests.presentation.api import (
    ACCOUNTS,
    ADMINISTRATOR,
    API_KEYS,
    COOKIE,
    FACTORS,
    SESSION,
    Account,
    Api,
    all_routes,
    document,
)
from tests.presentation.docs.document import validator, with_own_responses

PAGES = {"/", "/docs", "/openapi.json", "/assets/docs.js", "/problems", "/problems/not-found"}
"""Pages, and the document itself."""
PROBLEMS_OF_ANY_PATH = {
    Problems.NOT_FOUND,
    Problems.METHOD_NOT_ALLOWED,
    Problems.HEAD_TOO_LARGE,
    Problems.INTERNAL_ERROR,
}
"""Problems that belong to no operation. The introduction names them."""


class Described(NamedTuple):
    """One operation of the document."""

    method: str
    path: str
    operation: dict[str, Any]


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    return with_own_responses(document(Account().client.get("/openapi.json")))


@pytest.fixture(scope="module")
def operations(openapi: dict[str, Any]) -> list[Described]:
    return [
        Described(method.upper(), path, operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]


def contents(openapi: dict[str, Any], operations: list[Described]) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
    """Yield a name, the schema and the examples of each body."""
    for method, path, operation in operations:
        bodies = {"request": operation["requestBody"]} if "requestBody" in operation else {}
        for name, body in (bodies | operation["responses"]).items():
            for media_type, content in body.get("content", {}).items():
                examples = [example["value"] for example in content.get("examples", {}).values()]
                examples += [content["example"]] if "example" in content else []
                yield f"{method} {path} {name} {media_type}", content["schema"], examples


def references(node: Any) -> set[str]:
    return set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(node)))


def test_the_document_is_valid_openapi(openapi: dict[str, Any]) -> None:
    validate(openapi)


def test_every_route_is_described(openapi: dict[str, Any], operations: list[Described]) -> None:
    served = {
        (method, path.replace("<", "{").replace(">", "}"))
        for method, path in all_routes(Account())
        if path not in PAGES and method not in {"HEAD", "OPTIONS"}
    }

    assert {(method, path) for method, path, _ in operations} == served


def test_disabled_features_are_not_described() -> None:
    described = document(Account(administrator=None, api_keys=()).client.get("/openapi.json"))

    assert [path for path in described["paths"] if "/admin/" in path or ACCOUNTS in path] == []
    assert list(described["components"]["securitySchemes"]) == ["session"]


def account_operations(operations: list[Described]) -> list[Described]:
    return [described for described in operations if described.path.startswith(ACCOUNTS)]


def test_the_credentials_of_all_callers_are_security_schemes(openapi: dict[str, Any]) -> None:
    schemes = openapi["components"]["securitySchemes"]
    session = {member: value for member, value in schemes.pop("session").items() if member != "description"}

    assert session == {"type": "apiKey", "in": "cookie", "name": COOKIE}
    assert {name: (scheme["type"], scheme["scheme"]) for name, scheme in schemes.items()} == {
        "administrator": ("http", "basic"),
        "apiKey": ("http", "bearer"),
    }


def test_every_operation_of_a_session_names_its_cookie(operations: list[Described]) -> None:
    of_sessions = [described for described in operations if described.path.startswith(SESSION)]
    without_cookie = {
        (method, path) for method, path, operation in of_sessions if operation["security"] == [{"session": []}, {}]
    }
    required = [
        operation["security"] for method, path, operation in of_sessions if (method, path) not in without_cookie
    ]

    assert without_cookie == {
        ("GET", SESSION),
        ("DELETE", SESSION),
        *(("POST", f"{SESSION}/{factor}") for factor in FACTORS),
    }
    assert required == [[{"session": []}]] * len(required)


def test_operations_that_need_no_session_serve_requests_without_one(operations: list[Described]) -> None:
    statuses = {
        (method, path): Api().client.open(path, method=method).status_code
        for method, path, operation in operations
        if operation.get("security") == [{"session": []}, {}]
    }

    assert set(statuses.values()) <= {200, 201, 204}
    assert len(statuses) == 5


def test_all_paths_are_relative_to_one_server(openapi: dict[str, Any]) -> None:
    assert openapi["servers"] == [{"url": "/"}]


def test_only_operations_of_accounts_require_an_api_key(operations: list[Described]) -> None:
    demanding = [
        (method, path) for method, path, operation in operations if operation.get("security") == [{"apiKey": []}]
    ]

    assert demanding == [(method, path) for method, path, _ in account_operations(operations)]


def test_every_operation_of_accounts_describes_a_missing_key_and_an_invalid_id(operations: list[Described]) -> None:
    for method, path, operation in account_operations(operations):
        assert "WWW-Authenticate" in operation["responses"]["401"]["headers"], (method, path)
        assert "400" in operation["responses"], (method, path)


def test_every_variable_of_a_path_is_described(operations: list[Described]) -> None:
    for _, path, operation in operations:
        parameters = [each for each in operation.get("parameters", []) if each["in"] != "query"]
        described = {parameter["name"]: parameter for parameter in parameters}
        assert set(described) == set(re.findall(r"{(\w+)}", path))
        assert all(parameter["in"] == "path" and parameter["required"] for parameter in described.values())


def test_the_document_and_the_service_allow_the_same_account_ids(operations: list[Described]) -> None:
    of_one_account = [each for _, path, each in account_operations(operations) if "{account_id}" in path]
    assert len(of_one_account) == len(account_operations(operations)) - 1
    for operation in of_one_account:
        parameter, *_ = operation["parameters"]
        assert parameter["schema"] == {"type": "string", "pattern": f"^{ACCOUNT_ID}$"}
        assert re.fullmatch(parameter["schema"]["pattern"], parameter["example"])


def test_no_operation_of_accounts_sets_a_cookie(operations: list[Described]) -> None:
    for _, path, operation in account_operations(operations):
        assert [answer for answer in operation["responses"].values() if "Set-Cookie" in answer["headers"]] == [], path


def test_the_example_of_an_enrolment_has_the_path_of_its_own_picture(operations: list[Described]) -> None:
    for _, path, operation in account_operations(operations):
        example = (
            operation["responses"].get("201", {}).get("content", {}).get("application/json", {}).get("example", {})
        )
        own = f"{path}/totp" if path.endswith("/authenticators") else path
        assert example.get("qr", f"{own}/qr") == f"{own}/qr"


def test_every_operation_has_a_unique_id(operations: list[Described]) -> None:
    ids = [operation["operationId"] for *_, operation in operations]

    assert len(set(ids)) == len(ids)


def test_every_operation_has_a_summary_and_a_known_tag(openapi: dict[str, Any], operations: list[Described]) -> None:
    tags = {tag["name"] for tag in openapi["tags"]}

    assert [path for _, path, operation in operations if not operation["summary"]] == []
    assert {tag for *_, operation in operations for tag in operation["tags"]} == tags


def test_every_schema_is_used(openapi: dict[str, Any]) -> None:
    reached = references(openapi["paths"])
    while reached != (reached := reached | references([openapi["components"]["schemas"][name] for name in reached])):
        pass

    assert set(openapi["components"]["schemas"]) == reached


def test_every_body_and_every_response_has_an_example(openapi: dict[str, Any], operations: list[Described]) -> None:
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


def test_every_request_example_is_a_valid_request(operations: list[Described]) -> None:
    refused = []
    account = Account()
    key = {"Authorization": f"Bearer {API_KEYS['shop']}"}
    for method, path, operation in operations:
        owner = account if path.startswith(ACCOUNTS) else Api()
        credentials: dict[str, Any] = {"headers": key} if owner is account else {"auth": ADMINISTRATOR}
        for content in operation.get("requestBody", {}).get("content", {}).values():
            examples = [example["value"] for example in content.get("examples", {}).values()]
            for example in examples or [content["example"]]:
                owner.reset()
                for factor in FACTORS:
                    if path.endswith(("/verify", "/resync", "/disable", "/challenge")):
                        owner.enrol(factor)
                url = path.replace("{account_id}", account.name)
                answer = owner.client.open(url, method=method, json=example, **credentials)
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

    assert described == {kind.value.slug for kind in set(Problems) - PROBLEMS_OF_ANY_PATH}


def test_the_introduction_names_the_problems_of_all_paths(openapi: dict[str, Any]) -> None:
    introduction = openapi["info"]["description"]

    assert [kind for kind in PROBLEMS_OF_ANY_PATH if kind.value.uri not in introduction] == []


def test_request_bodies_admit_no_unknown_member(openapi: dict[str, Any], operations: list[Described]) -> None:
    names = {
        name
        for *_, operation in operations
        if "requestBody" in operation
        for name in references(operation["requestBody"])
    }

    assert [name for name in names if openapi["components"]["schemas"][name]["additionalProperties"]] == []


def test_responses_allow_members_that_a_later_version_adds(
    openapi: dict[str, Any], operations: list[Described]
) -> None:
    names = references([operation["responses"] for *_, operation in operations])
    described = openapi["components"]["schemas"]
    while names != (names := names | references([described[name] for name in names])):
        pass

    assert {"Account", "Server", "CodeRejectedProblem"} < names
    assert [name for name in names if "additionalProperties" in described[name]] == []


@pytest.mark.parametrize("name", ["Zoë", "日本語", "a/b & c?d=#e", "x" * 128])
def test_the_document_allows_the_names_that_the_service_accepts(openapi: dict[str, Any], name: str) -> None:
    schema = openapi["components"]["schemas"]["EnrolTotp"]

    validator(openapi, schema).validate({"label": name, "issuer": name})

    assert Api().post("totp", {"label": name, "issuer": name}).status_code == 201


@pytest.mark.parametrize("name", ["", " ", "a:b", "a\nb", "x" * 129])
def test_the_document_refuses_the_names_that_the_service_refuses(openapi: dict[str, Any], name: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validator(openapi, openapi["components"]["schemas"]["EnrolTotp"]).validate({"label": name})


def test_the_document_and_the_service_refuse_an_integer_with_a_decimal_point(openapi: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validator(openapi, openapi["components"]["schemas"]["EnrolTotp"]).validate({"digits": 6.0})


def test_the_document_names_no_secret_of_the_settings() -> None:
    text = Account().client.get("/openapi.json").text

    assert [secret for secret in (*ADMINISTRATOR[1:], *API_KEYS.values()) if secret in text] == []


def test_each_problem_is_described_once() -> None:
    openapi = document(Account().client.get("/openapi.json"))
    references = [
        response.get("$ref", "").removeprefix("#/components/responses/")
        for methods in openapi["paths"].values()
        for operation in methods.values()
        for status, response in operation["responses"].items()
        if status >= "400"
    ]

    assert set(references) == set(openapi["components"]["responses"])
    assert len(references) > 10 * len(set(references))


def test_summaries_differ_within_a_group_and_name_what_they_are_about(operations: list[Described]) -> None:
    summaries = Counter((tag, operation["summary"]) for *_, operation in operations for tag in operation["tags"])

    # `/health` is a second name of `/healthz`.
    assert {summary for summary, count in summaries.items() if count > 1} == {
        ("Operation", "Check whether the process responds")
    }
    assert [summary for _, summary in summaries if re.search(r"\b(it|them)\b", summary)] == []


def test_every_tag_has_a_description(openapi: dict[str, Any]) -> None:
    assert [tag["name"] for tag in openapi["tags"] if not tag["description"]] == []
