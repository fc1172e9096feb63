"""`delivery.language` of a request for a one-time code (docs/reference/http.md)."""

from typing import Any

import pytest

from tests.presentation.api import Api, document

MAIL = {"channel": "email", "to": "ada@example.com"}


def errors(api: Api, delivery: dict[str, Any]) -> dict[str, list[str]]:
    answer = api.post("otp", {"delivery": delivery})
    assert answer.status_code == 400
    found: dict[str, list[str]] = document(answer)["errors"]
    return found


@pytest.fixture(scope="module")
def api() -> Api:
    return Api()


@pytest.mark.parametrize("language", ["de", "de-AT", "DE", "zh-Hant-TW", "x-any", "a" * 8 + "-12345678" * 3])
def test_a_language_tag_is_accepted(api: Api, language: str) -> None:
    """The service of the test has no mail server."""
    assert list(errors(api, {**MAIL, "language": language})) == ["delivery.channel"]


@pytest.mark.parametrize(
    "language", ["", "de_AT", "de-", "*", "deutschland", "de\n", "de;q=1", "<b>", "a" * 8 + "-12345678" * 3 + "-1"]
)
def test_another_text_is_refused(api: Api, language: str) -> None:
    assert list(errors(api, {**MAIL, "language": language})) == ["delivery.language"]


@pytest.mark.parametrize("language", [None, 1, ["de"], {"de": 1}, True])
def test_another_type_is_refused(api: Api, language: object) -> None:
    assert list(errors(api, {**MAIL, "language": language})) == ["delivery.language"]


@pytest.mark.parametrize(
    ("delivery", "members"),
    [
        ({"language": "de"}, ["delivery.language"]),
        ({"channel": "response", "language": "de"}, ["delivery.language"]),
        ({"channel": "response", "to": "x", "language": "de"}, ["delivery.language", "delivery.to"]),
        ({"channel": "email", "language": "de"}, ["delivery.to"]),
    ],
)
def test_only_a_code_that_is_sent_has_a_language(api: Api, delivery: dict[str, Any], members: list[str]) -> None:
    assert sorted(errors(api, delivery)) == members


def test_the_document_describes_the_pattern(api: Api) -> None:
    schema = api.client.get("/openapi.json").get_json()["components"]["schemas"]["DeliveryRequest"]

    assert schema["properties"]["language"]["maxLength"] == 35
    assert schema["properties"]["language"]["pattern"].startswith("^[A-Za-z]{1,8}")
    assert "language" not in schema.get("required", [])
