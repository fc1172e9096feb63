"""The pages in the language of the browser (docs/reference/http.md, Gate)."""

import json
import re
from html import unescape

import pytest
from limits import RateLimitItemPerMinute
from werkzeug.test import TestResponse

from presentation.http.framework.problem_types import BY_SLUG
from tests.presentation.api import GATE_COOKIE as COOKIE
from tests.presentation.api import SESSION, Api
from tests.presentation.gate.support import GATE, TENANT, code, log_in, wrong
from tests.support.processes import free_port
from tests.support.redis_clients import redis_client

GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}
ENGLISH_WORDS = re.compile(r"\b(the|your|and|code was|wrong|again|try|wait)\b", re.IGNORECASE)


def text_of(answer: TestResponse) -> str:
    """Return the text of a page without tags, and without the example of a problem document."""
    assert answer.mimetype == "text/html"
    body = re.sub(r"<pre.*?</pre>|<code>.*?</code>|<(script|style).*?</\1>", " ", answer.text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).replace("\u00a0", " ").split())


def assert_german(answer: TestResponse) -> None:
    assert '<html lang="de">' in answer.text
    assert answer.headers["Content-Language"] == "de"
    assert "Accept-Language" in answer.headers["Vary"]
    assert ENGLISH_WORDS.findall(text_of(answer)) == []


def test_the_log_in_page_is_in_the_language_of_the_browser(gate: Api) -> None:
    page = gate.client.get("/auth/login", headers=GERMAN)

    assert_german(page)
    assert "Anmeldung bei Open-MFA" in text_of(page)
    assert "Die 6 Ziffern" in text_of(page)


def test_without_a_preference_the_pages_are_in_english(gate: Api) -> None:
    for headers in ({}, {"Accept-Language": "fr"}, {"Accept-Language": "de" * 5000}, {"Accept-Language": "\xff;q=x"}):
        page = gate.client.get("/auth/login", headers=headers)
        assert '<html lang="en">' in page.text
        assert page.headers["Content-Language"] == "en"
        assert page.headers["Vary"] == "Accept-Language"


def test_the_default_language_is_a_setting() -> None:
    api = Api(language="de", **GATE)

    assert_german(api.client.get("/auth/login"))
    assert_german(api.client.get("/problems/locked", headers={"Accept-Language": "fr"}))
    assert '<html lang="en">' in api.client.get("/auth/login", headers={"Accept-Language": "en"}).text
    assert '<html lang="en">' in api.client.get("/").text, "the page for developers is in English"


def test_the_reasons_of_a_refusal_are_in_german(gate: Api) -> None:
    texts = []
    for typed in (wrong(gate), "12", "123\u200b456", code(gate), code(gate)):
        gate.client = gate.another()
        texts.append(log_in(gate, typed, headers=GERMAN))  # type: ignore[arg-type]

    for page in (*texts[:3], texts[4]):
        assert_german(page)
    found = [text_of(page) for page in texts]
    assert "Der Code ist falsch." in found[0]
    assert "Noch 4 Versuche." in found[0]
    assert "Ein Code hat 6 Ziffern." in found[1]
    assert "unsichtbares Zeichen" in found[2]
    assert texts[3].status_code == 303
    assert "schon einmal verwendet" in found[4]


def test_the_last_attempts_and_the_lock_are_in_german(gate: Api) -> None:
    pages = [log_in(gate, wrong(gate), headers=GERMAN) for _ in range(6)]  # type: ignore[arg-type]

    assert "Noch 1 Versuch." in text_of(pages[3])
    for page in pages[4:]:
        assert_german(page)
        assert "zu viele falsche Codes. Versuchen Sie es in 30 Sekunden noch einmal." in text_of(page)


def test_the_messages_for_accounts_are_in_german() -> None:
    staff = Api(**TENANT)
    page = staff.client.get("/auth/login", headers=GERMAN)
    refused = log_in(staff, "123456", account="nobody", headers=GERMAN)  # type: ignore[arg-type]
    malformed = log_in(staff, "12", account="nobody", headers=GERMAN)  # type: ignore[arg-type]

    for each in (page, refused, malformed):
        assert_german(each)
    assert "Konto" in text_of(page)
    assert "Das Konto oder der Code ist falsch" in text_of(refused)
    assert "Ein Wiederherstellungscode hat 16" in text_of(malformed)


def test_other_failures_of_the_form_are_in_german(gate: Api) -> None:
    answers = [
        gate.client.post("/auth/login", json={}, headers=GERMAN),
        gate.client.post("/auth/login", data={"code": "1" * 20000}, headers=GERMAN),
        gate.client.post("/auth/login", data=b"\xff", content_type="application/x-www-form-urlencoded", headers=GERMAN),
        gate.client.post("/auth/login", data={"code": "1"}, headers=GERMAN | {"Sec-Fetch-Site": "cross-site"}),
    ]

    assert [answer.status_code for answer in answers] == [415, 413, 400, 403]
    for answer in answers:
        assert_german(answer)


def test_the_rate_limit_and_a_missing_store_are_in_german() -> None:
    limited = Api(rate_limit=(RateLimitItemPerMinute(1),), **GATE)
    answers = [log_in(limited, "12345", headers=GERMAN) for _ in range(2)]  # type: ignore[arg-type]
    lost = Api(redis_client(f"redis://127.0.0.1:{free_port()}"), **GATE)
    answers.append(log_in(lost, "123456", headers=GERMAN))  # type: ignore[arg-type]

    assert [answer.status_code for answer in answers] == [403, 429, 503]
    for answer in answers:
        assert_german(answer)
    assert re.search(r"Versuchen Sie es in \d+ Sekunden? noch einmal\.", text_of(answers[1]))
    assert "Anmeldung möglich" in text_of(answers[2])


def test_the_page_that_asks_whether_to_log_out_is_in_german(gate: Api) -> None:
    page = gate.client.post("/auth/logout", headers=GERMAN | {"Sec-Fetch-Site": "cross-site", "Accept": "text/html"})

    assert (page.status_code, page.mimetype) == (403, "text/html")
    assert_german(page)
    assert "Von Open-MFA abmelden?" in text_of(page)


@pytest.mark.parametrize("headers", [GERMAN, {"Accept-Language": "en"}], ids=["de", "en"])
def test_a_person_who_logs_out_without_a_store_gets_a_page(headers: dict[str, str]) -> None:
    lost = Api(redis_client(f"redis://127.0.0.1:{free_port()}"), **GATE)
    cookie = {"Cookie": f"{COOKIE}={'x' * 43}"}
    browser = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"}

    page = lost.client.post("/auth/logout", headers=headers | cookie | browser)

    assert page.status_code == 503
    assert "Retry-After" in page.headers
    assert page.headers["Set-Cookie"].startswith(f"{COOKIE}=;")
    assert page.headers["Content-Language"] == headers["Accept-Language"][:2]
    assert ("Dieser Browser" in text_of(page)) == (headers is GERMAN)
    program = lost.client.post("/auth/logout", headers=cookie)
    assert (program.status_code, program.mimetype) == (503, "application/problem+json")


@pytest.mark.parametrize("path", ["/problems", *(f"/problems/{slug}" for slug in BY_SLUG)])
def test_the_pages_of_the_problems_are_in_german(gate: Api, path: str) -> None:
    page = gate.client.get(path, headers=GERMAN)

    assert page.status_code == 200
    assert_german(page)


def test_the_example_of_a_problem_document_stays_in_english(gate: Api) -> None:
    page = gate.client.get("/problems/locked", headers=GERMAN)
    match = re.search(r'<pre lang="en">(.*?)</pre>', page.text, re.DOTALL)
    assert match is not None

    assert json.loads(unescape(match[1]))["title"] == BY_SLUG["locked"].title


def test_problem_documents_do_not_depend_on_the_language(gate: Api) -> None:
    requests = [
        ("GET", "/nothing", {}),
        ("POST", "/api/v1/gate/verify", {"json": {"code": "1"}}),
        ("DELETE", "/auth/login", {}),
        ("POST", f"{SESSION}/totp/verify", {"json": {}}),
        ("POST", f"{SESSION}/totp/verify", {"json": {"code": "123456"}}),
    ]
    fixed = {"X-Request-ID": "1"}
    for method, path, options in requests:
        english, german = (
            gate.client.open(path, method=method, headers=fixed | headers, **options)  # type: ignore[arg-type]
            for headers in ({}, GERMAN)
        )
        assert english.mimetype == "application/problem+json"
        assert german.data == english.data
        assert german.headers == english.headers


def test_names_in_a_translated_text_are_escaped() -> None:
    api = Api(issuer="<b>A & %(x)s</b>", **GATE)
    for headers in ({}, GERMAN):
        page = api.client.get("/auth/login?return_to=/", headers=headers)
        assert "<b>A" not in page.text
        assert "&lt;b&gt;A &amp; %(x)s&lt;/b&gt;" in page.text
