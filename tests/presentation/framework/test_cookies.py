"""Over TLS, no other host of the domain can set the cookies. The former names are read for one lifetime."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyotp
import pytest
from flask import Flask
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from domain.secret import SharedSecret
from presentation.http.framework.cookies import Cookie
from tests.presentation.api import RFC_SECRET, Api
from tests.support.fakes import FakeClock

DAY = 86400
HOUR = 3600
GATE: dict[str, Any] = {"gate_secret": SharedSecret.from_base32(RFC_SECRET)}


@dataclass(frozen=True)
class Kind:
    """One of the two cookies, with the requests that set it, need it and remove it."""

    plain: str
    lifetime: int
    below_a_path: str
    """The name of the cookie below a path."""
    get: Callable[[Api], TestResponse]
    counts: Callable[[Api, str], bool]
    """Return whether the service recognizes the cookie in this Cookie header."""
    end: Callable[[Api], TestResponse]


def _log_in(api: Api) -> TestResponse:
    api.clock.advance(60)
    return api.another().post(f"{api.prefix}/auth/login", data={"code": pyotp.TOTP(RFC_SECRET).at(api.clock.now())})


def _sent(api: Api, path: str, cookie: str) -> TestResponse:
    return api.another().get(f"{api.prefix}{path}", environ_overrides={"HTTP_COOKIE": cookie})


KINDS = {
    "session": Kind(
        plain="open_mfa_session",
        lifetime=HOUR,
        below_a_path="__Secure-open_mfa_session",
        get=lambda api: api.another().post(f"{api.prefix}/api/v1/session/totp", json={}),
        counts=lambda api, cookie: _sent(api, "/api/v1/session/totp", cookie).status_code == 200,
        end=lambda api: api.client.delete(f"{api.prefix}/api/v1/session"),
    ),
    "gate": Kind(
        plain="open_mfa_gate",
        lifetime=DAY,
        # The gate's cookie is for the whole host, because the application's requests must carry it.
        below_a_path="__Host-open_mfa_gate",
        get=_log_in,
        counts=lambda api, cookie: _sent(api, "/auth/check", cookie).status_code == 200,
        end=lambda api: api.client.post(f"{api.prefix}/auth/logout"),
    ),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


def service(**settings: Any) -> Api:
    return Api(**GATE | settings)


def set_cookies(answer: TestResponse) -> dict[str, tuple[str, set[str]]]:
    """Return value and attributes, by name, of every cookie that a response sets."""
    found = {}
    for header in answer.headers.getlist("Set-Cookie"):
        pair, *attributes = [part.strip() for part in header.split(";")]
        name, _, value = pair.partition("=")
        found[name] = value, {each for each in attributes if not each.startswith("Expires=")}
    return found


def got(api: Api, kind: Kind) -> str:
    """A value of the cookie."""
    ((value, _),) = set_cookies(kind.get(api)).values()
    return value


@pytest.mark.parametrize(
    ("settings", "names", "attributes"),
    [
        ({}, {"session": "__Host-open_mfa_session", "gate": "__Host-open_mfa_gate"}, {"Secure", "Path=/"}),
        ({"cookie_secure": False}, {"session": "open_mfa_session", "gate": "open_mfa_gate"}, {"Path=/"}),
        (
            {"gate_cookie_domain": "example.com"},
            {"session": "__Host-open_mfa_session", "gate": "__Secure-open_mfa_gate"},
            {"Secure", "Path=/"},
        ),
        (
            {"path_prefix": "/mfa"},
            {"session": "__Secure-open_mfa_session", "gate": "__Host-open_mfa_gate"},
            {"Secure"},
        ),
    ],
)
@pytest.mark.parametrize("which", KINDS)
def test_the_name_of_a_cookie_has_the_strictest_possible_prefix(
    which: str, settings: dict[str, Any], names: dict[str, str], attributes: set[str]
) -> None:
    ((name, (_, found)),) = set_cookies(KINDS[which].get(service(**settings))).items()

    assert name == names[which]
    assert found >= attributes | {"HttpOnly", "SameSite=Lax"}
    # Browsers drop other cookies with these prefixes (RFC 6265bis, section 4.1.3).
    if name.startswith("__"):
        assert "Secure" in found
    if name.startswith("__Host-"):
        assert "Path=/" in found
        assert not any(each.startswith("Domain") for each in found)


@pytest.mark.parametrize("order", ["{own}; {planted}", "{planted}; {own}", "{planted}; {own}; {planted}"])
def test_a_cookie_of_the_former_name_is_ignored_beside_one_of_the_current_name(kind: Kind, order: str) -> None:
    api = service()
    own, planted = got(api, kind), got(api, kind)
    header = order.format(own=f"__Host-{kind.plain}={own}", planted=f"{kind.plain}={planted}")

    assert kind.counts(api, header)
    spoilt = order.format(own=f"__Host-{kind.plain}={'A' * len(own)}", planted=f"{kind.plain}={planted}")
    assert not kind.counts(api, spoilt)


def test_the_former_name_is_read_while_such_cookies_can_be_valid(kind: Kind) -> None:
    api = service()
    start = api.clock.now()
    assert kind.counts(api, f"{kind.plain}={got(api, kind)}")

    api.clock.time = start + kind.lifetime - 1
    value = got(api, kind)
    api.clock.time = start + kind.lifetime - 1
    assert kind.counts(api, f"{kind.plain}={value}")
    api.clock.time = start + kind.lifetime
    assert not kind.counts(api, f"{kind.plain}={value}")
    assert kind.counts(api, f"__Host-{kind.plain}={value}")


def test_without_tls_the_plain_name_is_always_read(kind: Kind) -> None:
    api = service(cookie_secure=False)
    api.clock.advance(30 * DAY)

    assert kind.counts(api, f"{kind.plain}={got(api, kind)}")


@pytest.mark.parametrize(
    "name", ["__Secure-{}", "__host-{}", "__HOST-{}", "__Host-{}x", "x__Host-{}", "__Host-__Host-{}"]
)
def test_no_other_name_is_read(kind: Kind, name: str) -> None:
    api = service()

    assert not kind.counts(api, f"{name.format(kind.plain)}={got(api, kind)}")


def test_a_name_after_other_white_space_is_a_different_name(kind: Kind) -> None:
    """Browsers do not recognize the prefix of such a name, so another host of the domain may set it."""
    api = service()
    value = got(api, kind)
    spaces = [chr(byte) for byte in range(256) if chr(byte).isspace() and chr(byte) not in " \t"]
    spaces += [space.encode().decode("latin-1") for space in "\xa0\x85\u2003\u3000\ufeff"]

    counting = [
        space
        for space in spaces
        for start in ("x=y; ", "")
        if kind.counts(api, f"{start}{space}__Host-{kind.plain}={value}")
    ]
    assert counting == []


@pytest.mark.parametrize(
    ("settings", "removed"),
    [
        ({}, {("__Host-{}", "/"), ("{}", "/")}),
        ({"cookie_secure": False}, {("{}", "/")}),
    ],
)
def test_removing_a_cookie_removes_all_its_names(
    kind: Kind, settings: dict[str, Any], removed: set[tuple[str, str]]
) -> None:
    api = service(**settings)
    name = ("" if settings else "__Host-") + kind.plain
    api.client.set_cookie(name, got(api, kind))

    cookies = set_cookies(kind.end(api))

    assert {each: value for each, (value, _) in cookies.items()} == {each.format(kind.plain): "" for each, _ in removed}
    for _, attributes in cookies.values():
        assert {"Max-Age=0", "Path=/", "HttpOnly"} <= attributes
        assert ("Secure" in attributes) is not bool(settings)


def test_a_session_below_a_path_is_removed_there_and_under_its_former_name() -> None:
    api = service(path_prefix="/mfa")
    headers = KINDS["session"].end(api).headers.getlist("Set-Cookie")

    paths = {(header.partition("=")[0], re.findall("Path=([^;]*)", header)[0]) for header in headers}

    assert paths == {("__Secure-open_mfa_session", "/mfa"), ("open_mfa_session", "/")}


def test_a_shared_log_in_ends_for_all_hosts() -> None:
    api = service(gate_cookie_domain="example.com")
    value = got(api, KINDS["gate"])
    api.client.set_cookie("__Secure-open_mfa_gate", value, domain="localhost")

    cookies = set_cookies(KINDS["gate"].end(api))

    assert cookies["__Secure-open_mfa_gate"][1] >= {"Domain=example.com", "Max-Age=0", "Path=/", "Secure"}
    assert not KINDS["gate"].counts(api, f"__Secure-open_mfa_gate={value}")


def test_enrolling_moves_a_session_to_its_new_name() -> None:
    api = service()
    former = got(api, KINDS["session"])
    answer = api.another().post("/api/v1/session/hotp", json={}, headers={"Cookie": f"open_mfa_session={former}"})

    cookies = set_cookies(answer)

    assert cookies["open_mfa_session"][0] == ""
    header = f"__Host-open_mfa_session={cookies['__Host-open_mfa_session'][0]}"
    assert KINDS["session"].counts(api, header), "the same session"


@given(
    st.lists(
        st.sampled_from(["name", "=", ";", " ", "\t", "a", "b", "name=", ";name=a", "; name=b", "x", "\x0b", "\xa0"]),
        max_size=20,
    ).map("".join)
)
@example("name=a;name=b; name=a")
@example("xname=a; name =a; name=name=a")
def test_values_are_read_from_the_pairs_between_semicolons(header: str) -> None:
    pairs = [pair.strip(" \t") for pair in header.split(";")]
    values = [pair[5:] for pair in pairs if pair.startswith("name=")]
    cookie = Cookie("name", "[a-b=]+", lifetime=HOUR, clock=FakeClock(), secure=False)

    with Flask(__name__).test_request_context(environ_overrides={"HTTP_COOKIE": header}):
        assert cookie.values() == list(dict.fromkeys(value for value in values if re.fullmatch("[a-b=]+", value)))


@pytest.mark.parametrize("number", [1, 10, 300])
def test_planted_values_do_not_hide_a_session(number: int) -> None:
    """Values that are not valid sessions are ignored at any position and in any number."""
    api, kind = service(), KINDS["session"]
    own = got(api, kind)
    _, made_at, signature = own.split(".")
    planted = [f"{each:043}.{made_at}.{signature}" for each in range(number)]
    planted += ["a.b", "x", f"{own}a", own[:-1], f"{'é'.encode().decode('latin-1')}.1.a", "." * 100]
    other = got(api, kind)

    def header(*values: str) -> str:
        return "; ".join(f"__Host-{kind.plain}={value}" for value in values)

    assert kind.counts(api, header(*planted, own))
    assert kind.counts(api, header(own, *planted))
    assert not kind.counts(api, header(own, *planted, other))
