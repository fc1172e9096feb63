"""Codes of the gate that applications verify themselves (docs/reference/http.md, Gate)."""

from typing import Any

import pytest

from tests.presentation.api import Api, document, slug
from tests.presentation.gate.support import code, log_in, wrong


def test_an_application_can_verify_a_code_of_the_gate(gate: Api) -> None:
    first = gate.client.post("/api/v1/gate/verify", json={"code": code(gate)})
    second = gate.client.post("/api/v1/gate/verify", json={"code": code(gate)})

    assert (first.status_code, document(first)) == (200, {"verified": True})
    assert (second.status_code, document(second)["reason"]) == (403, "replayed")
    assert "Set-Cookie" not in first.headers
    assert log_in(gate, code(gate)).status_code == 403, "a code must be accepted only once at both endpoints"


def test_an_application_may_call_the_code_a_token(gate: Api) -> None:
    first = gate.client.post("/api/v1/gate/verify", json={"token": code(gate)})
    second = gate.client.post("/api/v1/gate/verify", json={"token": code(gate)})

    assert (first.status_code, document(first)) == (200, {"verified": True})
    assert (second.status_code, document(second)["reason"]) == (403, "replayed")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, {"code"}),
        ({"code": "123456", "token": "123456"}, {"code", "token"}),
        ({"code": "123456", "token": "x"}, {"code", "token"}),
        ({"code": None, "token": None}, {"code", "token"}),
        ({"token": 123456}, {"token"}),
        ({"token": "12345678"}, {"token"}),
        ({"code": "12345678"}, {"code"}),
        ({"token": ""}, {"token"}),
        ({"token": "123456", "other": 1}, {"other"}),
    ],
)
def test_exactly_one_of_code_and_token_is_required(gate: Api, body: dict[str, Any], named: set[str]) -> None:
    answers = [gate.client.post("/api/v1/gate/verify", json=body) for _ in range(6)]

    assert [(answer.status_code, set(document(answer)["errors"])) for answer in answers] == [(400, named)] * 6
    assert gate.client.post("/api/v1/gate/verify", json={"code": code(gate)}).status_code == 200, "none was counted"


def test_the_document_contains_the_verification_at_the_gate(gate: Api) -> None:
    assert "/api/v1/gate/verify" in gate.client.get("/openapi.json").get_json()["paths"]


def test_a_wrong_code_sent_to_the_api_gets_a_problem_document(gate: Api) -> None:
    assert slug(gate.client.post("/api/v1/gate/verify", json={"code": wrong(gate)})) == "code-rejected"
