"""The service below a path: no link leads outside of the path, and no other path is served."""

import json
import re
from typing import Any

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from domain.secret import SharedSecret
from presentation.http.framework.path_prefix import PROBES
from tests.presentation.api import (
    ADMINISTRATOR,
    API_KEYS,
    COOKIE,
    RFC_SECRET,
    Api,
    document,
    other_code,
    without_a_store,
)

PREFIX = "/mfa"
EVERYTHING: dict[str, Any] = {
    "gate_secret": SharedSecret.from_base32(RFC_SECRET),
    "api_keys": tuple(API_KEYS.items()),
    "path_prefix": PREFIX,
}
PAGES = ["/", "", "/docs", "/auth/login", "/problems/locked"]


@pytest.fixture(scope="module")
def mfa() -> Api:
    return Api(**EVERYTHING)


@pytest.fixture
def below(mfa: Api) -> Api:
    mfa.reset()
    return mfa


def links_in(page: str) -> list[str]:
    return re.findall(r'(?:href|src|action)="([^"]*)"', page)


def paths_of(api: Api) -> list[str]:
    """Return every path of the service, with values for its variables."""
    names = {"<name>": "docs.js", "<slug>": "locked", "<account_id>": "alice", "<authenticator_id>": "totp"}
    return [
        re.sub("<[^>]*>", lambda found: names[found[0].split(":")[-1]], rule.rule)
        for rule in api.app.url_map.iter_rules()
        if not rule.build_only
    ]


def test_all_routes_are_below_the_path_and_only_the_probes_are_also_outside(below: Api) -> None:
    for path in set(paths_of(below)):
        inside = below.client.open(f"{PREFIX}{path}", method="GET").status_code
        outside = below.client.open(path, method="GET")

        assert inside == 405 or outside.status_code == (inside if path in PROBES else 404), path
        if path not in PROBES:
            assert document(outside)["type"] == f"{PREFIX}/problems/not-found"
            assert outside.headers["X-Request-ID"] == document(outside)["request_id"]


@pytest.mark.parametrize(
    "path",
    [
        "/mfax",
        "/mfax/docs",
        "/MFA/docs",
        "/mf/docs",
        "//mfa/docs",
        "/x/mfa/docs",
        "/mfa/mfa/docs",
        "",
        "/",
    ],
)
def test_a_path_that_only_begins_with_the_letters_of_the_prefix_is_outside_of_it(below: Api, path: str) -> None:
    answer = below.client.get(path)

    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


@given(path=st.text(st.sampled_from("/mfaMFA.%x?#\\"), max_size=12).map("/".__add__))
def test_no_other_path_is_served(mfa: Api, path: str) -> None:
    plain = path.partition("?")[0].partition("#")[0]
    status = mfa.client.get("/", environ_overrides={"PATH_INFO": plain}).status_code

    # For Flask, several slashes after the prefix are one.
    assert status == (200 if re.fullmatch(f"{PREFIX}/*", plain) else 404)


@pytest.mark.parametrize("path", sorted(PROBES))
@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_the_probes_are_served_with_and_without_the_path(below: Api, path: str, prefix: str) -> None:
    assert document(below.client.get(f"{prefix}{path}")) == {"status": "ok"}


@pytest.mark.parametrize("path", PAGES)
def test_no_link_of_a_page_leads_outside_of_the_path(below: Api, path: str) -> None:
    page = below.client.get(f"{PREFIX}{path}")
    links = [link for link in links_in(page.text) if link != ""]

    assert page.status_code == 200
    assert len(links) >= 2
    assert [link for link in links if not link.startswith(f"{PREFIX}/")] == []
    assert {below.client.get(link).status_code for link in links} == {200}


def test_an_enrolment_contains_the_path_of_its_qr_code(below: Api) -> None:
    enrolled = document(below.client.post(f"{PREFIX}/api/v1/session/totp", json={}))

    assert enrolled["qr"] == f"{PREFIX}/api/v1/session/totp/qr"
    cookie = below.client.get_cookie("__Secure-open_mfa_session", path=PREFIX)
    assert cookie is not None
    assert below.client.get(enrolled["qr"]).status_code == 200
    below.client.post(
        f"{PREFIX}/api/v1/session/totp/verify", json={"code": pyotp.TOTP(enrolled["secret"]).at(below.clock.now())}
    )
    replacement = document(below.client.post(f"{PREFIX}/api/v1/session/totp/replacement", json={}))
    assert below.client.get(replacement["qr"]).status_code == 200


def problems(api: Api) -> list[TestResponse]:
    prefix, client = api.prefix, api.client
    session = f"{prefix}/api/v1/session"
    secret = document(client.post(f"{session}/totp", json={}))["secret"]
    wrong = {"code": other_code(pyotp.TOTP(secret).at(api.clock.now()))}
    found = [
        client.post(f"{session}/otp", json={"x": 1}),
        client.get(f"{prefix}/api/v1/admin/server"),
        client.get(f"{prefix}/api/v1/accounts/alice"),
        client.get(f"{session}/hotp"),
        client.get(f"{prefix}/nowhere"),
        client.put(f"{session}/totp"),
        client.post(f"{session}/totp", json={}),
        client.post(f"{session}/totp/verify", data="x" * 20000),
        client.post(f"{session}/totp/verify", data="x"),
        client.post(f"{session}/totp", json={}, headers={"Sec-Fetch-Site": "cross-site"}),
        client.get(f"{session}/totp/qr", headers={"Accept": "text/html"}),
    ]
    return [*found, *(client.post(f"{session}/totp/verify", json=wrong) for _ in range(6))]


def test_the_type_of_a_problem_leads_to_its_page(below: Api) -> None:
    """RFC 9457, section 3.1.1: it is a reference, resolved against the URI of the request."""
    types = [document(answer)["type"] for answer in problems(below)]
    expected = [document(answer)["type"] for answer in problems(Api(**EVERYTHING | {"path_prefix": ""}))]

    assert types == [f"{PREFIX}{each}" for each in expected]
    assert {below.client.get(each).status_code for each in types} == {200}
    assert len(set(types)) > 9


def test_an_unreachable_store_is_reported_below_the_path() -> None:
    api = Api(without_a_store().redis, **EVERYTHING)

    assert (
        document(api.client.post(f"{PREFIX}/api/v1/session/totp", json={}))["type"]
        == f"{PREFIX}/problems/store-unavailable"
    )


@pytest.mark.parametrize(("prefix", "url"), [("", "/"), (PREFIX, PREFIX), ("/a/b.c", "/a/b.c")])
def test_the_document_names_the_prefix_of_its_paths(prefix: str, url: str) -> None:
    api = Api(**EVERYTHING | {"path_prefix": prefix})
    text = api.client.get(f"{prefix}/openapi.json").text
    loaded = json.loads(text)
    bare = json.loads(Api(**EVERYTHING | {"path_prefix": ""}).client.get("/openapi.json").text)

    assert loaded["servers"] == [{"url": url}]
    assert set(loaded["paths"]) == set(bare["paths"])
    links = set(re.findall(r"\]\((/[^)]*)\)", text)) | set(re.findall(r'"(?:type|qr)": "(/[^"]*)"', text))
    assert len(links) > 10
    assert [link for link in links if not link.startswith((f"{prefix}/problems", f"{prefix}/api/v1/"))] == []


def test_the_document_names_the_cookie_of_the_session() -> None:
    names = {
        "__Secure-open_mfa_session": Api(**EVERYTHING),
        COOKIE: Api(),
        "open_mfa_session": Api(cookie_secure=False),
    }
    for name, api in names.items():
        text = api.client.get(f"{api.prefix}/openapi.json").text

        assert set(re.findall(r"[\w-]*open_mfa_session\b", text)) == {name}


def test_the_gate_works_below_the_path(below: Api) -> None:
    browser = {"Accept": "text/html", "X-Forwarded-Uri": "/reports"}
    led = below.client.get(f"{PREFIX}/auth/forward", headers=browser)
    assert led.headers["Location"] == f"{PREFIX}/auth/login?return_to=/reports"
    page = below.client.get(led.headers["Location"])
    (action,) = re.findall('action="([^"]*)"', page.text)

    form = {"code": pyotp.TOTP(RFC_SECRET).at(below.clock.now()), "return_to": "/reports"}
    answer = below.client.post(action, data=form)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/reports")
    assert below.client.get(f"{PREFIX}/auth/check").status_code == 200
    assert below.client.get(led.headers["Location"]).headers["Location"] == "/reports"
    assert below.client.get(f"{PREFIX}/auth/login?return_to={PREFIX}/auth/logout").headers["Location"] == "/"
    assert below.client.post(f"{PREFIX}/auth/logout").status_code == 303
    assert below.client.get(f"{PREFIX}/auth/check").status_code == 401


def test_the_page_that_asks_before_logging_out_has_a_form_that_logs_out(below: Api) -> None:
    answer = below.client.get(f"{PREFIX}/auth/logout", headers={"Accept": "text/html", "Accept-Language": "de"})

    assert f'action="{PREFIX}/auth/logout"' in answer.text


def test_metrics_do_not_know_the_path(below: Api) -> None:
    below.client.get(f"{PREFIX}/problems/locked")
    below.client.get(f"{PREFIX}/api/v1/admin/server", auth=ADMINISTRATOR)
    text = below.client.get(f"{PREFIX}/metrics").text

    assert 'route="/api/v1/admin/server"' in text
    assert 'route="/problems/<slug>"' in text
    assert f'route="{PREFIX}' not in text


def test_no_header_of_a_proxy_changes_the_path() -> None:
    api = Api(trusted_proxies=1, **EVERYTHING | {"path_prefix": ""})
    answer = api.client.get("/docs", headers={"X-Forwarded-Prefix": "/evil", "X-Script-Name": "/evil"})

    assert "evil" not in answer.text
