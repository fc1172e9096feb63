"""The properties of all responses (docs/reference/http.md, Conventions)."""

from collections.abc import Callable
from html import unescape

import pytest
from werkzeug.test import TestResponse

from domain.secret import SharedSecret
from presentation.http.framework.request_body import LARGEST_BODY
from tests.presentation.api import ADMINISTRATOR, RFC_SECRET, Api, all_routes, document, slug

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
UNKNOWN_PATHS = [
    "/nothing",
    "/api",
    "/api/v1",
    "/api/v1/",
    "/api/v1/session/",
    "/api/v1/session/totp/",
    "/api/v1//session",
    "//api/v1/session",
    "/api/v1/session//totp",
    "/api/v1/session/TOTP",
    "/api/v1/session/sms",
    "/api/v1/session/totp/verify/123456",
    "/api/v1/session/totp/qr.gif",
    "/api/v1/session/otp/qr",
    "/api/v1/session/%00",
    "/%ff",
    "/docs/",
    "/assets/",
    "/assets/nothing",
    "/assets/../app.py",
    "/assets/..%2fapp.py",
    "/assets/%2e%2e/app.py",
    "/problems/nothing",
    "/" + "x" * 4000,
]
ODD_METHODS = ["OPTIONS", "TRACE", "PATCH", "CONNECT", "PROPFIND", "GETX", "M-SEARCH"]


def locked(api: Api) -> TestResponse:
    api.fail("hotp", api.good_code("hotp", api.enrol("hotp")), 5)
    return api.verify("hotp", "123456")


def failing(_: Api) -> TestResponse:
    """Return the response of a faulty route. No request causes a 500, so this application gets such a route."""
    api = Api()
    api.app.add_url_rule("/fault", view_func=lambda: 1 / 0)
    return api.client.get("/fault")


def enrolled(api: Api) -> Api:
    api.enrol("totp")
    return api


ANSWERS: dict[int, Callable[[Api], TestResponse]] = {
    200: lambda api: api.get(),
    201: lambda api: api.post("totp"),
    204: lambda api: api.delete(),
    303: lambda _: Api(gate_secret=SharedSecret.from_base32(RFC_SECRET)).client.post("/auth/logout"),
    400: lambda api: api.post("totp", {"digits": "x"}),
    401: lambda api: api.client.get("/api/v1/admin/server"),
    403: lambda api: api.post("totp", headers={"Sec-Fetch-Site": "cross-site"}),
    404: lambda api: api.client.get("/nothing"),
    405: lambda api: api.client.patch("/api/v1/session"),
    406: lambda api: enrolled(api).get("totp/qr", headers={"Accept": "text/html"}),
    409: lambda api: enrolled(api).post("totp"),
    413: lambda api: api.raw("totp", b" " * (LARGEST_BODY + 1)),
    415: lambda api: api.raw("totp", b"{}", "text/plain"),
    429: locked,
    500: failing,
}


@pytest.fixture(params=ANSWERS)
def answer(request: pytest.FixtureRequest, api: Api) -> TestResponse:
    return ANSWERS[request.param](api)


@pytest.fixture(params=[status for status in ANSWERS if status >= 400])
def refusal(request: pytest.FixtureRequest, api: Api) -> TestResponse:
    answer = ANSWERS[request.param](api)
    assert answer.status_code == request.param
    return answer


def test_every_kind_of_response_has_the_security_headers(answer: TestResponse) -> None:
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS


def test_every_kind_of_response_has_one_content_security_policy_that_allows_nothing_by_default(
    answer: TestResponse,
) -> None:
    (policy,) = answer.headers.getlist("Content-Security-Policy")

    assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy.split("; "))


def test_every_kind_of_response_suppresses_the_referrer(answer: TestResponse) -> None:
    assert answer.headers.getlist("Referrer-Policy") == ["no-referrer"]


def test_no_kind_of_response_is_cached(answer: TestResponse) -> None:
    assert answer.headers.getlist("Cache-Control") == ["no-store"]


def test_every_kind_of_response_has_a_request_id(answer: TestResponse) -> None:
    assert len(answer.headers["X-Request-ID"]) == 32


def test_every_refusal_is_a_problem_document_that_names_the_request(refusal: TestResponse) -> None:
    problem = document(refusal)

    assert refusal.mimetype == "application/problem+json"
    assert problem["status"] == refusal.status_code
    assert problem["request_id"] == refusal.headers["X-Request-ID"]
    assert problem["type"].startswith("/problems/")
    assert problem["title"]
    assert problem["detail"]


def test_every_refusal_links_to_a_page_that_explains_it(api: Api, refusal: TestResponse) -> None:
    page = api.client.get(document(refusal)["type"])

    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert document(refusal)["title"] in unescape(page.text)


def test_no_response_names_the_software_of_the_server(answer: TestResponse) -> None:
    assert "Server" not in answer.headers


@pytest.mark.parametrize("path", UNKNOWN_PATHS)
def test_an_unknown_path_gets_404(api: Api, path: str) -> None:
    answer = api.client.get(path)

    assert (answer.status_code, slug(answer)) == (404, "not-found")


@pytest.mark.parametrize("path", UNKNOWN_PATHS)
def test_a_post_to_an_unknown_path_changes_nothing(api: Api, path: str) -> None:
    assert api.client.post(path, json={}).status_code in {404, 405}
    assert api.snapshot() == {}


@pytest.mark.parametrize("method", ODD_METHODS)
@pytest.mark.parametrize("path", ["/api/v1/session", "/api/v1/session/totp", "/api/v1/session/hotp/verify", "/healthz"])
def test_an_unsupported_method_gets_405_with_the_supported_ones(api: Api, path: str, method: str) -> None:
    allowed = {m for m, p in all_routes(api) if p == path}

    answer = api.client.open(path, method=method)

    assert (answer.status_code, slug(answer)) == (405, "method-not-allowed")
    assert set(answer.headers["Allow"].split(", ")) == allowed


def test_no_method_causes_a_status_of_500(api: Api) -> None:
    paths = sorted({path for _, path in all_routes(api)})
    methods = ["GET", "HEAD", "POST", "PUT", "DELETE", *ODD_METHODS]

    statuses = {api.client.open(path, method=method).status_code for path in paths for method in methods}

    assert statuses <= {200, 201, 204, 303, 400, 401, 404, 405, 415}


@pytest.mark.parametrize("sent", ["a", "x" * 128, "~ with spaces !", "2f1b0c9e", '"<script>"'])
def test_a_printable_request_id_is_kept(api: Api, sent: str) -> None:
    assert api.get(headers={"X-Request-ID": sent}).headers["X-Request-ID"] == sent


@pytest.mark.parametrize("sent", ["", "x" * 129, "naïve", "\x7f", "a\tb", "\u2028", "\x01"])
def test_any_other_request_id_is_replaced(api: Api, sent: str) -> None:
    answer = api.client.get("/healthz", environ_overrides={"HTTP_X_REQUEST_ID": sent})

    assert answer.headers["X-Request-ID"] != sent
    assert len(answer.headers["X-Request-ID"]) == 32


def test_a_new_request_id_is_made_for_every_request(api: Api) -> None:
    assert api.get().headers["X-Request-ID"] != api.get().headers["X-Request-ID"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "x" * 300},
        {"Host": "a b"},
        {"Host": "["},
        {"Host": ""},
        {"Cookie": "open_mfa_session=" + "x" * 8000},
        {"Cookie": ";;;===;;;"},
        {"Cookie": "open_mfa_session"},
        {"Authorization": "Basic \xff"},
        {"Authorization": "Basic"},
        {"Authorization": ""},
        {"Content-Type": ";;;"},
        {"Content-Length": "-1"},
        {"Accept": ";q=x,/,*"},
        {"Accept": "image/png;q=1e999"},
        {"Range": "bytes=99999-"},
        {"If-None-Match": '"\xff'},
        {"If-Modified-Since": "yesterday"},
        {"Origin": "://"},
        {"Origin": "\xff"},
        {"Forwarded": "for=\xff"},
        {"X-Forwarded-For": "garbage"},
        {"X-Request-ID": "\xff" * 9000},
    ],
)
def test_no_header_causes_a_status_of_500(api: Api, headers: dict[str, str]) -> None:
    api.enrol("totp")
    paths = [
        ("GET", "/"),
        ("GET", "/docs"),
        ("GET", "/assets/docs.js"),
        ("GET", "/api/v1/session/totp/qr"),
        ("POST", "/api/v1/session/otp"),
    ]
    paths += [("GET", "/api/v1/admin/server"), ("DELETE", "/api/v1/session/totp")]
    environ = {
        ("HTTP_" if name not in {"Content-Type", "Content-Length"} else "") + name.upper().replace("-", "_"): value
        for name, value in headers.items()
    }

    statuses = {api.client.open(path, method=method, environ_overrides=environ).status_code for method, path in paths}

    assert max(statuses) < 500


def test_every_response_of_the_api_is_json_in_utf_8(api: Api) -> None:
    answer = api.post("totp", {"label": "Zoë"})

    assert answer.content_type == "application/json"
    assert document(answer)["uri"].startswith("otpauth://totp/Open-MFA:Zo%C3%AB?")


def test_the_admin_api_has_the_same_headers(api: Api) -> None:
    answer = api.client.get("/api/v1/admin/server", auth=ADMINISTRATOR)

    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["docs.js", "docs.css", "page.css", "swagger-ui-bundle.js", "swagger-ui.css"])
def test_browsers_may_cache_the_files_of_pages(api: Api, name: str) -> None:
    assert "no-store" not in api.client.get(f"/assets/{name}").headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/assets/swagger-ui-bundle.js", "/openapi.json"])
@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-"}, {"Range": "bytes=9-"}, {"Range": "bytes=x"}], ids=str)
def test_all_responses_share_one_copy_of_a_large_file(api: Api, path: str, headers: dict[str, str]) -> None:
    """A server may ignore Range (RFC 9110, section 14.2)."""
    (whole,) = api.client.get(path, buffered=False).iter_encoded()
    answer = api.client.get(path, headers=headers, buffered=False)
    (body,) = answer.iter_encoded()

    assert answer.status_code == 200
    assert "Accept-Ranges" not in answer.headers
    assert body is whole


def test_an_unchanged_file_is_not_sent_again(api: Api) -> None:
    etag = api.client.get("/assets/docs.js").headers["ETag"]
    for headers in ({"If-None-Match": etag}, {"If-None-Match": etag, "Range": "bytes=0-", "If-Range": etag}):
        answer = api.client.get("/assets/docs.js", headers=headers)

        assert (answer.status_code, answer.data) == (304, b"")


def test_a_client_that_expects_another_version_of_a_file_gets_none(api: Api) -> None:
    answer = api.client.get("/assets/docs.js", headers={"If-Match": '"another"'})

    assert (answer.status_code, answer.data) == (412, b"")
