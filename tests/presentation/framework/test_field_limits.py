"""Header fields that are longer than the application needs: no parser reads them, and no meaning changes."""

import time
from base64 import b64encode
from itertools import product
from typing import Any

import pyotp
import pytest
from limits import RateLimitItemPerMinute
from werkzeug.test import create_environ

from domain.secret import SharedSecret
from infrastructure.observability.metrics import Metrics
from presentation.http.framework.field_limits import LONGEST, LONGEST_QUERY
from tests.presentation.api import ADMINISTRATOR, API_KEYS, GATE_COOKIE, RFC_SECRET, Api, all_routes, slug

SIZE = 60_000
FILLINGS = ("a/b,", "x=1;", '"a",', "% ", ",")
"""Texts that take parsers of lists, parameters, quoted strings and escapes a long time."""
STARTS = {
    "CONTENT_TYPE": ("", "application/json;", "application/x-www-form-urlencoded;"),
    "HTTP_AUTHORIZATION": ("", "Basic ", "Bearer ", "Digest ", "Negotiate "),
    "HTTP_CONNECTION": ("", "upgrade,"),
    "HTTP_COOKIE": ("", "__Host-open_mfa_gate=", "__Host-open_mfa_session="),
    "HTTP_RANGE": ("", "bytes="),
    "HTTP_TRACEPARENT": ("", f"01-{'a' * 32}-{'b' * 16}-00-"),
    "HTTP_X_FORWARDED_URI": ("", "/"),
    "QUERY_STRING": ("", "return_to=/"),
}
FIELDS = [
    *STARTS,
    *(
        "HTTP_ACCEPT",
        "HTTP_ACCEPT_ENCODING",
        "HTTP_ACCEPT_LANGUAGE",
        "HTTP_HOST",
        "HTTP_IF_MATCH",
        "HTTP_IF_MODIFIED_SINCE",
    ),
    *("HTTP_IF_NONE_MATCH", "HTTP_IF_RANGE", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_ORIGIN", "HTTP_REFERER", "HTTP_UPGRADE"),
    *("HTTP_SEC_FETCH_MODE", "HTTP_SEC_FETCH_SITE", "HTTP_SEC_PURPOSE", "HTTP_TRANSFER_ENCODING", "HTTP_USER_AGENT"),
    *("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_METHOD", "HTTP_X_FORWARDED_PROTO"),
    *("HTTP_X_REQUEST_ID", "PATH_INFO"),
]


@pytest.fixture(scope="module")
def everything() -> Api:
    """Return the application with all optional features."""
    return Api(
        gate_secret=SharedSecret.from_base32(RFC_SECRET),
        api_keys=tuple(API_KEYS.items()),
        gate_tenant="shop",
        trusted_proxies=2,
        metrics=Metrics(),
    )


def one_pass() -> float:
    """Return the CPU time of a loop over the characters of a field, which is the minimum for a parser in Python."""

    def loop() -> float:
        start = time.thread_time()
        item = ""
        for character in "a" * SIZE:
            if character in {",", '"', "\\"}:
                item = ""
            item += character
        return time.thread_time() - start

    return min(loop() for _ in range(5))


def cpu_time(api: Api, method: str, path: str, field: str, value: str) -> float:
    """Return the CPU time of one request, without the test client's own parsing."""
    environ = create_environ(path, method=method) | {field: value}
    start = time.thread_time()
    answer: Any = api.app.wsgi_app(environ, lambda *_: lambda _: None)
    b"".join(answer)
    duration = time.thread_time() - start
    answer.close() if hasattr(answer, "close") else None
    return duration


@pytest.fixture(scope="module")
def usual(everything: Api) -> dict[tuple[str, str], float]:
    """Return the CPU time of a request without a long field, by route."""
    return {
        (method, path): min(cpu_time(everything, method, path, "HTTP_X", "y") for _ in range(2))
        for method, path in all_routes(everything)
    }


@pytest.mark.parametrize("field", FIELDS)
def test_no_parser_gets_a_long_field(everything: Api, usual: dict[tuple[str, str], float], field: str) -> None:
    allowed = 2 * one_pass()
    expensive = []
    for method, path in all_routes(everything):
        for start, filling in product(STARTS.get(field, ("",)), FILLINGS):
            value = (start + filling * SIZE)[:SIZE]
            # A single measurement may contain the work of the garbage collector.
            if all(cpu_time(everything, method, path, field, value) > usual[method, path] + allowed for _ in range(5)):
                expensive.append((method, path, start, filling))

    assert expensive == []


@pytest.mark.parametrize("accept", ["image/png," * 200, "text/html," * 200])
def test_a_long_accept_counts_as_absent(accept: str) -> None:
    api = Api()
    api.enrol("totp")

    assert api.get("totp/qr", headers={"Accept": "text/html"}).status_code == 406
    assert api.get("totp/qr", headers={"Accept": accept}).mimetype == api.get("totp/qr").mimetype == "image/svg+xml"
    padded = "image/png".ljust(LONGEST)
    assert api.get("totp/qr", headers={"Accept": padded}).mimetype == "image/png"


@pytest.mark.parametrize("path", ["totp", "totp/verify"])
@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_long_content_type_is_refused(path: str, body: bytes) -> None:
    api = Api()
    long = "application/json" + ";x=1" * 300

    answer = api.raw(path, body, long)

    assert (answer.status_code, slug(answer)) == (415, "unsupported-media-type")


def test_the_gate_passes_a_request_with_any_long_field(everything: Api) -> None:
    """The fields are those of a request to the application behind a proxy."""
    code = pyotp.TOTP(RFC_SECRET).at(everything.clock.now())
    long = "application/x-www-form-urlencoded" + ";x=1" * 300
    refused = everything.client.post("/auth/login", data={"code": code}, content_type=long)
    assert (refused.status_code, refused.mimetype) == (415, "text/html")
    assert everything.client.post("/auth/login", data={"code": code}).status_code == 303
    cookie = everything.client.get_cookie(GATE_COOKIE)
    assert cookie is not None

    for field, filling in product(FIELDS, FILLINGS):
        value = (filling * SIZE)[:SIZE]
        if field == "HTTP_COOKIE":
            value += f"; {GATE_COOKIE}={cookie.value}"
        if field != "PATH_INFO":
            answer = everything.client.get("/auth/check", environ_overrides={field: value})
            assert answer.status_code == 200, (field, filling)


@pytest.mark.parametrize(("characters", "value"), [(LONGEST_QUERY, "/"), (LONGEST_QUERY - 100, "/a")])
def test_a_long_query_counts_as_absent(everything: Api, characters: int, value: str) -> None:
    query = "return_to=/a&x=".ljust(characters + 1, "x")

    page = everything.another().get(f"/auth/login?{query}")

    assert f'name="return_to" value="{value}"' in page.text


def test_credentials_count_only_with_their_own_scheme_in_any_case() -> None:
    credentials = b64encode(":".join(ADMINISTRATOR).encode()).decode()
    api = Api()

    for scheme, status in {"Basic": 200, "bASIC": 200, "Bearer": 401, "Digest": 401, "": 401}.items():
        headers = {"Authorization": f"{scheme} {credentials}"}
        assert api.client.get("/api/v1/admin/server", headers=headers).status_code == status


@pytest.mark.parametrize("sent", ["", '"', '"a', "a,\\", ",", "," * 2000, '",' * 2000, "9.9.9.9, "])
def test_no_header_of_a_client_hides_its_address_from_the_rate_limit(sent: str) -> None:
    """A proxy appends the address to the client's own value."""
    api = Api(rate_limit=(RateLimitItemPerMinute(1),), trusted_proxies=1)
    statuses = [
        api.client.post(
            "/api/v1/session/totp/verify",
            json={"code": "000000"},
            headers={"X-Forwarded-For": f"{sent}{comma}{address}"},
        ).status_code
        for comma in (", ", ",")
        for address in (f"192.0.2.{len(comma)}", f"192.0.2.{len(comma)}", f"198.51.100.{len(comma)}")
    ]

    assert statuses == [404, 429, 404] * 2
