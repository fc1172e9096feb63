"""The service on awslambdaric, with each kind of event."""

import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import urlencode

import pyotp
import pytest

from tests.infrastructure.delivery.servers import Mailbox, mail_server, read
from tests.lambda_function.conftest import API_KEY, GATE_SECRET, SECRETS
from tests.support.authenticator import hotp_codes
from tests.support.lambda_events import CLIENT, FORGED, HOST, KINDS, LambdaClient, Received, received
from tests.support.pictures import qr_text
from tests.support.runtime_api import TRACE, Environment

SESSION = "/api/v1/session"


def last_lines(environment: Environment, request_id: str) -> list[dict[str, Any]]:
    """Return the lines of an invocation. They are there when the caller has the response."""
    return [line for line in environment.lines() if line.get("aws_request_id") == request_id]


def test_a_code_is_accepted_once(client: LambdaClient) -> None:
    enrolled = client.ask("POST", f"{SESSION}/hotp", {})
    assert enrolled.status == 201
    code = next(hotp_codes(enrolled.json()["secret"]))

    accepted = client.ask("POST", f"{SESSION}/hotp/verify", {"code": code})
    replayed = client.ask("POST", f"{SESSION}/hotp/verify", {"code": code})

    assert (accepted.status, accepted.json()["verified"]) == (200, True)
    assert (replayed.status, replayed.json()["reason"]) == (403, "replayed")


def test_the_end_of_a_session_removes_its_cookie(client: LambdaClient) -> None:
    client.ask("POST", f"{SESSION}/hotp", {})
    assert list(client.cookies) == ["__Host-open_mfa_session"]
    assert client.ask("DELETE", SESSION).status == 204
    assert client.cookies == {}


def test_a_body_in_base64_is_decoded(client: LambdaClient) -> None:
    enrolled = client.ask("POST", f"{SESSION}/totp", '{"label": "Zoë"}', base64_body=True,
                          headers={"Content-Type": "application/json"})  # fmt: skip
    assert enrolled.status == 201
    assert "Zo%C3%AB" in enrolled.json()["uri"]


def test_a_picture_is_sent_in_base64(client: LambdaClient) -> None:
    enrolled = client.ask("POST", f"{SESSION}/totp", {})
    picture = client.ask("GET", f"{SESSION}/totp/qr.png")
    assert (picture.status, picture.headers["content-type"]) == (200, "image/png")
    assert qr_text(picture.content) == enrolled.json()["uri"]


def test_a_query_is_read(client: LambdaClient) -> None:
    found = client.ask("GET", "/api/v1/accounts?limit=3",
                       headers={"Authorization": f"Bearer {API_KEY}"})  # fmt: skip
    assert found.status == 200, found.content
    page = client.ask("GET", "/auth/login?return_to=%2Freports%3Fa%3D1%26b%3D2")
    assert 'value="/reports?a=1&amp;b=2"' in page.content.decode()


def test_an_encoded_path_is_decoded_once(client: LambdaClient) -> None:
    path = "/api/v1/accounts/ada%40example.org/hotp"
    authorization = {"Authorization": f"Bearer {API_KEY}"}
    enrolled = client.ask("POST", path, {}, headers=authorization)
    assert enrolled.status == 201, enrolled.content
    assert client.ask("DELETE", "/api/v1/accounts/ada@example.org", headers=authorization).status == 204
    assert client.ask("GET", path, headers=authorization).status == 404


def test_the_gate_lets_a_person_in_and_out(environment: Environment) -> None:
    client = LambdaClient(environment.invoke)
    assert client.ask("GET", "/auth/check").status == 401
    form = urlencode({"code": pyotp.TOTP(GATE_SECRET).now(), "return_to": "/reports"})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"https://{HOST}"}

    entered = client.ask("POST", "/auth/login", form, headers=headers)
    assert (entered.status, entered.headers["location"]) == (303, "/reports")
    assert client.ask("GET", "/auth/check").status in {200, 204}

    assert client.ask("POST", "/auth/logout", headers=headers).status == 303
    assert client.cookies == {}
    assert client.ask("GET", "/auth/check").status == 401


def test_a_page_is_in_the_language_of_the_browser(client: LambdaClient) -> None:
    page = client.ask("GET", "/auth/login", headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.8"})

    assert (page.status, page.headers["content-language"]) == (200, "de")
    assert "Anmeldung bei Open-MFA" in page.content.decode()


def test_a_mail_is_in_the_language_of_the_request(settings: dict[str, str]) -> None:
    mailbox = Mailbox()
    tenants = '[forum]\nissuer = "Bäckerei"\nmail_from = "Bäckerei <mfa@forum.example>"\nlanguage = "de"\n'
    key = "the-key-of-the-forum-in-35-characters"
    digest = hashlib.sha256(key.encode()).hexdigest()
    tenants += f'[[forum.keys]]\nid = "k"\nsha256 = "{digest}"\nscopes = ["verify"]\n'
    with mail_server(mailbox) as port:
        mail = {"OPEN_MFA_SMTP_URL": f"smtp://127.0.0.1:{port}", "OPEN_MFA_MAIL_FROM": "mfa@example.com"}
        with Environment(**settings, **mail, OPEN_MFA_TENANTS_TOML=tenants) as environment:
            client = LambdaClient(environment.invoke)
            authorization = {"Authorization": f"Bearer {key}"}
            for language in ({}, {"language": "en-GB"}):
                body = {"delivery": {"channel": "email", "to": "ada@example.org", **language}}
                issued = client.ask("POST", "/api/v1/accounts/ada/otp", body, headers=authorization)
                assert issued.status == 201, issued.content

    mails = [read(envelope) for envelope in mailbox.taken]
    assert [mail["Subject"] for mail in mails] == ["Ihr Code für Bäckerei", "Your Bäckerei code"]
    assert {mail["From"] for mail in mails} == {"Bäckerei <mfa@forum.example>"}


def test_a_function_with_the_text_of_a_tenants_file_applies_scopes_and_policies(settings: dict[str, str]) -> None:
    keys = {scope: f"the-key-of-the-forum-with-scope-{scope}" for scope in ("verify", "enrol")}
    tenants = '[forum]\nissuer = "Forum"\ndigits = 8\n'
    for scope, key in keys.items():
        digest = hashlib.sha256(key.encode()).hexdigest()
        tenants += f'[[forum.keys]]\nid = "{scope}"\nsha256 = "{digest}"\nscopes = ["{scope}"]\n'
    with Environment(**settings, OPEN_MFA_TENANTS_TOML=tenants) as environment:
        client = LambdaClient(environment.invoke)

        def post(scope: str, factor: str) -> Received:
            headers = {"Authorization": f"Bearer {keys[scope]}"}
            return client.ask("POST", f"/api/v1/accounts/eva/{factor}", {}, headers=headers)

        refused = post("verify", "totp")
        assert (refused.status, refused.json()["type"]) == (403, "/problems/forbidden")
        assert "enrol" in refused.json()["detail"]
        enrolled = post("enrol", "totp")
        assert enrolled.status == 201, enrolled.content
        assert "Forum" in enrolled.json()["uri"]
        assert "digits=8" in enrolled.json()["uri"]


def test_head_has_no_content_and_an_unknown_path_is_a_problem(client: LambdaClient) -> None:
    head = client.ask("HEAD", "/healthz")
    assert (head.status, head.content) == (200, b"")
    missing = client.ask("GET", "/no/such/path")
    assert (missing.status, missing.headers["content-type"]) == (404, "application/problem+json")
    assert missing.json()["type"] == "/problems/not-found"


def test_there_is_no_page_of_metrics(client: LambdaClient) -> None:
    assert client.ask("GET", "/metrics").status == 404
    assert "/metrics" not in client.ask("GET", "/openapi.json").json()["paths"]


def test_readiness_asks_the_store(client: LambdaClient) -> None:
    assert client.ask("GET", "/readyz").json() == {"status": "ok"}


def test_a_large_body_is_refused(client: LambdaClient) -> None:
    large = client.ask("POST", f"{SESSION}/totp", {"label": "x" * 20_000})
    assert (large.status, large.json()["type"]) == (413, "/problems/too-large")


def test_the_address_is_that_of_the_platform(client: LambdaClient, environment: Environment) -> None:
    response = client.ask("POST", f"{SESSION}/hotp", {}, headers=FORGED)
    (line,) = [line for line in last_lines(environment, response.headers["x-request-id"]) if "message" in line]
    assert (line["message"], line["address"]) == ("enrolled", CLIENT)


def test_forged_fields_change_no_response(client: LambdaClient) -> None:
    origin = {"Origin": f"https://{HOST}", "Content-Type": "application/x-www-form-urlencoded"}
    for method, path, headers in (
        ("GET", "/auth/login", {}),
        ("GET", "/auth/check", {}),
        ("POST", "/auth/login", origin),
        ("GET", "/openapi.json", {}),
    ):
        plain = client.ask(method, path, headers=headers)
        forged = client.ask(method, path, headers=headers | FORGED)
        assert (forged.status, forged.content) == (plain.status, plain.content), path


def test_every_line_names_the_invocation_and_the_trace(environment: Environment) -> None:
    invocation = environment.begin(LambdaClient(environment.invoke).event("POST", f"{SESSION}/totp", {}))
    result = environment.result(invocation)
    assert result["headers"]["x-request-id"] == invocation.id
    lines = last_lines(environment, invocation.id)
    assert {line.get("message") for line in lines} == {"enrolled", None}
    assert {line["xray_trace_id"] for line in lines} == {TRACE}


def test_the_id_of_the_client_does_not_hide_that_of_the_invocation(environment: Environment) -> None:
    client = LambdaClient(environment.invoke)
    invocation = environment.begin(client.event("POST", f"{SESSION}/totp", {}, headers={"X-Request-ID": "mine"}))
    assert environment.result(invocation)["headers"]["x-request-id"] == "mine"
    (line,) = [each for each in last_lines(environment, invocation.id) if "message" in each]
    assert (line["request_id"], line["aws_request_id"]) == ("mine", invocation.id)


def test_each_request_has_one_line_of_metrics(environment: Environment) -> None:
    client = LambdaClient(environment.invoke)
    code = next(hotp_codes(client.ask("POST", f"{SESSION}/hotp", {}).json()["secret"]))
    invocation = environment.begin(client.event("POST", f"{SESSION}/hotp/verify", {"code": code}))
    environment.result(invocation)
    (line,) = [each for each in last_lines(environment, invocation.id) if "_aws" in each]
    assert line["function"] == "open-mfa-test"
    assert (line["open_mfa_verdicts_total"], line["outcome"], line["purpose"]) == (1, "accepted", "verify")
    assert (line["status"], line["route"]) == ("200", f"{SESSION}/hotp/verify")
    assert 0 < line["open_mfa_http_request_duration_seconds"] < 5


@pytest.mark.parametrize(
    "event",
    [{}, [], None, "text", 7, {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}},
     {"Records": [{"eventSource": "aws:sqs", "body": "492039"}]}, {"version": "1.0", "requestContext": {}},
     {"requestContext": "elb"}],
)  # fmt: skip
def test_an_event_that_is_no_request_has_a_clear_result(environment: Environment, event: object) -> None:
    invocation = environment.begin(event)
    assert environment.result(invocation) == {
        "served": False,
        "reason": "The event is not an HTTP request of a function URL, an HTTP API or an Application Load Balancer.",
    }
    (line,) = last_lines(environment, invocation.id)
    assert line["level"] == "INFO"
    assert "492039" not in json.dumps(line)


@pytest.mark.parametrize("kind", KINDS)
def test_an_incomplete_event_is_a_problem(environment: Environment, kind: str) -> None:
    client = LambdaClient(environment.invoke, lambda sent: _without_path(KINDS[kind](sent)))
    response = client.ask("POST", f"{SESSION}/hotp/verify", {"code": "492039"})
    assert response.status == 400
    (message,) = response.json()["errors"]["event"]
    assert re.search(r"missing required field `(rawPath|path)`", message)


def _without_path(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in {"path", "rawPath"}}


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_is_not_base64_is_a_problem(environment: Environment, kind: str) -> None:
    client = LambdaClient(environment.invoke, lambda sent: KINDS[kind](sent) | {"isBase64Encoded": True})
    response = client.ask("POST", f"{SESSION}/hotp/verify", {"code": "492039"})
    assert response.status == 400
    assert response.json()["errors"] == {"body": ["Must be text, or base64 if `isBase64Encoded` is true."]}
    assert "492039" not in response.content.decode()


def test_a_text_in_base64_needs_its_mark(environment: Environment) -> None:
    body = base64.b64encode(b'{"code": "492039"}').decode()
    client = LambdaClient(environment.invoke)
    client.ask("POST", f"{SESSION}/hotp", {})
    response = client.ask("POST", f"{SESSION}/hotp/verify", body, headers={"Content-Type": "application/json"})
    assert response.status == 400


def test_no_line_contains_a_secret(environment: Environment) -> None:
    log = environment.log.read_text()
    assert log
    assert [secret for secret in SECRETS if secret in log] == []


def test_nothing_runs_between_invocations(environment: Environment) -> None:
    LambdaClient(environment.invoke).ask("GET", "/readyz")
    assert environment.threads() == 1


@pytest.mark.parametrize("kind", ["payload 1.0", "load balancer with multi-value headers"])
def test_cookies_in_several_fields_are_all_read(environment: Environment, kind: str) -> None:
    """A client of HTTP/2 may send each cookie in a field of its own."""
    client = LambdaClient(environment.invoke, KINDS[kind])
    code = next(hotp_codes(client.ask("POST", f"{SESSION}/hotp", {}).json()["secret"]))
    event = client.event("POST", f"{SESSION}/hotp/verify", {"code": code})
    fields = event["multiValueHeaders"]
    (name,) = (name for name in fields if name.lower() == "cookie")
    fields[name] = ["theme=dark", *fields[name], "language=de"]
    assert received(environment.invoke(event)).status == 200
