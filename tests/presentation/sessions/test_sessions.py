"""Sessions: a cookie and its credentials (docs/reference/http.md, Factors)."""

import re
from typing import Any

import pytest
from werkzeug.http import parse_cookie

from tests.presentation.api import COOKIE, FACTORS, Api, document, slug

HOUR = 3600
PLAIN = "open_mfa_session"


def attributes(answer: Any) -> set[str]:
    """Return the attributes of the cookie that a response sets, without the date."""
    header = answer.headers["Set-Cookie"]
    parts = [part.strip() for part in header.split(";")]
    return {part for part in parts[1:] if not part.startswith("Expires=")}


def spoilt(cookie: str, position: int) -> str:
    return cookie[:position] + ("A" if cookie[position] != "A" else "B") + cookie[position + 1 :]


@pytest.mark.parametrize("factor", FACTORS)
def test_enrolling_starts_a_session(api: Api, factor: str) -> None:
    assert attributes(api.post(factor)) == {"Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=3600"}


def test_the_cookie_travels_without_tls_if_the_setting_allows_it() -> None:
    assert "Secure" not in attributes(Api(cookie_secure=False).post("totp"))


def test_the_cookie_has_the_lifetime_of_the_settings() -> None:
    assert "Max-Age=60" in attributes(Api(session_lifetime=60).post("totp"))


@pytest.mark.parametrize("path", ["otp/verify", "hotp/verify", "totp/verify", "totp/resync"])
def test_a_request_that_enrols_nothing_starts_no_session(api: Api, path: str) -> None:
    assert "Set-Cookie" not in api.post(path, {"code": "123456"}).headers


@pytest.mark.parametrize("factor", FACTORS)
def test_verifying_does_not_renew_the_cookie(api: Api, factor: str) -> None:
    code = api.good_code(factor, api.enrol(factor))

    assert "Set-Cookie" not in api.verify(factor, code).headers


def test_a_refused_enrolment_starts_no_session(api: Api) -> None:
    assert "Set-Cookie" not in api.post("totp", {"digits": 99}).headers


def test_enrolling_again_keeps_the_session(api: Api) -> None:
    api.enrol("totp")
    api.enrol("hotp")

    assert [factor["factor"] for factor in document(api.get())["factors"]] == ["hotp", "totp"]


def test_every_session_has_its_own_cookie(api: Api) -> None:
    api.enrol("totp")
    first = api.cookie()
    api.client = api.another()
    api.enrol("totp")

    assert first.partition(".")[0] != api.cookie().partition(".")[0]


@pytest.mark.parametrize("factor", FACTORS)
def test_a_credential_of_a_session_exists_until_the_end_of_its_lifetime(api: Api, factor: str) -> None:
    api.enrol(factor, **({"lifetime": HOUR} if factor == "otp" else {}))
    api.clock.advance(HOUR - 1)

    assert api.get(factor).status_code == 200


@pytest.mark.parametrize("factor", FACTORS)
def test_a_credential_of_a_session_is_gone_after_its_lifetime(api: Api, factor: str) -> None:
    api.enrol(factor)
    api.clock.advance(HOUR)

    assert slug(api.get(factor)) == "not-enrolled"


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_use_does_not_extend_the_lifetime(api: Api, factor: str) -> None:
    enrolled = api.enrol(factor)
    api.clock.advance(HOUR - 1)
    api.verify(factor, api.good_code(factor, enrolled))
    api.clock.advance(1)

    assert slug(api.verify(factor, api.good_code(factor, enrolled, ahead=1))) == "not-enrolled"


@pytest.mark.parametrize("factor", FACTORS)
def test_no_operation_changes_the_expiry_in_redis(api_on_redis: Api, factor: str) -> None:
    api = api_on_redis
    code = api.good_code(factor, api.enrol(factor))
    ends = {key: api.redis.pexpiretime(key) for key in api.snapshot()}
    api.fail(factor, code, 2)
    api.verify(factor, code)
    api.verify(factor, code)

    assert {key: api.redis.pexpiretime(key) for key in api.snapshot()} == ends


def test_redis_expires_the_keys_of_a_session(api_on_redis: Api) -> None:
    api_on_redis.enrol("totp")

    (end,) = [api_on_redis.redis.expiretime(key) for key in api_on_redis.snapshot()]

    assert end == api_on_redis.clock.now() + HOUR


def test_a_later_enrolment_renews_the_cookie(api: Api) -> None:
    api.enrol("totp")
    api.clock.advance(HOUR - 1)
    api.enrol("hotp")
    api.clock.advance(HOUR - 1)

    assert [factor["factor"] for factor in document(api.get())["factors"]] == ["hotp"]


def test_a_later_enrolment_does_not_extend_a_former_one(api: Api) -> None:
    first = api.enrol("totp")["expires_at"]
    api.clock.advance(100)
    api.enrol("hotp")

    assert document(api.get("totp"))["expires_at"] == first


def test_an_expired_cookie_is_not_a_session(api: Api) -> None:
    api.enrol("totp")
    old = api.cookie()
    api.clock.advance(HOUR)
    api.enrol("totp")

    assert old.partition(".")[0] != api.cookie().partition(".")[0]


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("end", [0, -1])
def test_an_altered_cookie_is_not_a_session(api: Api, part: int, end: int) -> None:
    api.enrol("totp")
    parts = api.cookie().split(".")
    # The last character of a base64 text can have bits that are not decoded.
    parts[part] = spoilt(parts[part], 0 if end == 0 else len(parts[part]) - 2)

    api.client = api.another()
    api.client.set_cookie(COOKIE, ".".join(parts))

    assert slug(api.get("totp")) == "not-enrolled"


@pytest.mark.parametrize(
    "cookie",
    ["", "x", "..", "a.b.c", "a" * 4000, "\xff", "%00", '"quoted"', "null", "0.0.0", "é.é.é", "a.AAAA.AAAA"],
)
def test_a_forged_cookie_is_not_a_session(api: Api, cookie: str) -> None:
    answer = api.get("totp", environ_overrides={"HTTP_COOKIE": f"{COOKIE}={cookie}"})

    assert slug(answer) == "not-enrolled"


def test_a_cookie_signed_with_another_key_is_not_a_session(api: Api) -> None:
    other = Api(api.redis, api.clock, secret_key="another key")
    other.enrol("totp")
    api.client.set_cookie(COOKIE, other.cookie())

    assert slug(api.get("totp")) == "not-enrolled"


def test_an_enrolment_does_not_adopt_a_forged_cookie(api: Api) -> None:
    api.client.set_cookie(COOKIE, "chosen-by-somebody-else")
    api.enrol("totp")

    assert "chosen-by-somebody-else" not in api.cookie()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "totp", None),
        ("GET", "totp/qr", None),
        ("DELETE", "totp", None),
        ("POST", "totp/verify", {"code": "123456"}),
        ("POST", "totp/resync", {"codes": ["123456", "234567"]}),
    ],
)
@pytest.mark.parametrize("has_a_session", [False, True])
def test_another_session_cannot_be_read_or_changed(
    api: Api, method: str, path: str, body: Any, has_a_session: bool
) -> None:
    api.enrol("totp")
    before = api.snapshot()
    api.client = api.another()
    if has_a_session:
        api.enrol("otp")
        before = api.snapshot()

    answer = api.client.open(f"/api/v1/session/{path}", method=method, json=body)

    assert slug(answer) == "not-enrolled"
    assert api.snapshot() == before


def test_a_valid_code_of_another_session_is_refused(api: Api) -> None:
    code = api.good_code("totp", api.enrol("totp"))
    api.client = api.another()
    api.enrol("totp")

    assert document(api.verify("totp", code))["reason"] == "wrong"


@pytest.mark.parametrize("factor", FACTORS)
def test_redis_does_not_contain_the_session_id(api: Api, factor: str) -> None:
    api.enrol(factor)
    session_id = api.cookie().partition(".")[0]

    stored = b"".join(key + (value or b"") for key, value in api.snapshot().items())

    assert session_id.encode() not in stored
    assert api.cookie().encode() not in stored


def test_all_keys_of_a_session_are_in_one_slot_of_a_cluster(api: Api) -> None:
    for factor in FACTORS:
        api.enrol(factor)

    tags = {re.search(rb"\{(.+)\}", key) for key in api.snapshot()}

    assert len({tag.group(1) for tag in tags if tag}) == 1


def test_deleting_the_session_deletes_all_keys_in_redis(api: Api) -> None:
    for factor in FACTORS:
        api.enrol(factor)

    assert api.delete().status_code == 204
    assert api.snapshot() == {}


def test_deleting_the_session_removes_the_cookie(api: Api) -> None:
    api.enrol("totp")

    assert {"Max-Age=0", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= attributes(api.delete())


def test_deleting_without_a_session_succeeds(api: Api) -> None:
    assert api.delete().status_code == 204


def test_without_a_session_nothing_is_enrolled(api: Api) -> None:
    assert document(api.get()) == {"factors": [], "expires_at": None}


def test_the_cookie_has_only_allowed_characters(api: Api) -> None:
    api.enrol("totp")

    assert re.fullmatch(r"[\w.\-]+", parse_cookie(f"{COOKIE}={api.cookie()}")[COOKIE])


@pytest.mark.parametrize("planted", ["garbage", "x.1.y", "", "a.b.c.d"])
@pytest.mark.parametrize("first", [True, False])
def test_a_planted_cookie_of_the_same_name_does_not_hide_a_session(api: Api, planted: str, first: bool) -> None:
    api.enrol("totp")
    cookies = [f"{COOKIE}={planted}", f"{COOKIE}={api.cookie()}"]
    header = "; ".join(cookies if first else reversed(cookies))

    answer = api.get("totp", environ_overrides={"HTTP_COOKIE": header})

    assert answer.status_code == 200


@pytest.mark.parametrize("header", ["{0}; {1}", "{1}; {0}", "{0}; x=y; {1}", "{0}; {1}; {0}", "{0};{1}; {2}"])
@pytest.mark.parametrize("secure", [True, False])
def test_a_request_with_several_sessions_has_none(header: str, secure: bool) -> None:
    """Another host of the domain may have set one cookie, and could read the secrets of its session."""
    api = Api(cookie_secure=secure)
    name = COOKIE if secure else PLAIN
    cookies = [f"{name}={started(api, name)}" for _ in range(3)]
    before = api.snapshot()
    options: dict[str, Any] = {"environ_overrides": {"HTTP_COOKIE": header.format(*cookies)}}

    assert slug(api.get("totp", **options)) == "not-enrolled"
    assert slug(api.post("totp/verify", {"code": "123456"}, **options)) == "not-enrolled"
    assert slug(api.delete("totp", **options)) == "not-enrolled"
    assert api.snapshot() == before
    # The new factor belongs to a new session.
    assert api.post("totp", **options).status_code == 201
    assert {key: api.snapshot()[key] for key in before} == before
    assert api.get("hotp", headers={"Cookie": cookies[0]}).status_code == 404


def test_two_cookies_of_one_session_count_as_one_session(api: Api) -> None:
    api.enrol("totp")
    old = api.cookie()
    api.clock.advance(60)
    api.enrol("hotp")
    header = f"{COOKIE}={old}; {COOKIE}={api.cookie()}"

    assert api.cookie() != old
    assert api.get("totp", environ_overrides={"HTTP_COOKIE": header}).status_code == 200


def test_the_cookie_of_an_expired_session_does_not_hide_a_valid_one(api: Api) -> None:
    over = started(api, COOKIE)
    api.clock.advance(HOUR)
    alive = started(api, COOKIE)

    assert api.get("totp", headers={"Cookie": f"{COOKIE}={over}; {COOKIE}={alive}"}).status_code == 200


def started(api: Api, name: str) -> str:
    """Return the cookie of a new session with a TOTP factor."""
    answer = api.another().post("/api/v1/session/totp", json={})
    assert answer.status_code == 201
    return parse_cookie(answer.headers["Set-Cookie"])[name]


def test_a_request_without_a_session_gets_an_explanation(api: Api) -> None:
    assert "has no session" in document(api.post("totp/verify", {"code": "123456"}))["detail"]
