"""GET and HEAD write nothing, and invalid input changes nothing (docs/reference/http.md, Conventions)."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from presentation.http.factors.requests import EnrolHotpBody, EnrolTotpBody, IssueCodeBody, VerifyBody
from tests.presentation.api import ADMINISTRATOR, COOKIE, FACTORS, SESSION, Api, all_routes

WRITING_COMMANDS = {
    "set",
    "del",
    "incrby",
    "expire",
    "pexpire",
    "eval",
    "evalsha",
    "getex",
    "getdel",
    "unlink",
    "psetex",
}
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
MEMBERS = st.sampled_from(
    [name for schema in (IssueCodeBody, EnrolHotpBody, EnrolTotpBody, VerifyBody) for name in schema().fields]
    + ["codes", "channel", "verified", "status", "drift", "counter", "__proto__", "_schema", ""]
)
BODIES = st.one_of(
    st.binary(max_size=200),
    JUNK.filter(lambda value: value != {}).map(lambda value: json.dumps(value).encode()),
    # An unknown member makes the whole request invalid, even if all others are valid.
    st.dictionaries(MEMBERS, JUNK, max_size=5).map(lambda body: json.dumps(body | {"no such member": 1}).encode()),
)
TARGETS = st.sampled_from([f"{factor}{end}" for factor in FACTORS for end in ("", "/verify", "/resync", "/qr", "/x")])
METHODS = st.sampled_from(["POST", "PUT", "PATCH", "GET", "HEAD", "OPTIONS"])
MEDIA_TYPES = st.sampled_from(["application/json", "text/plain", "application/json; charset=utf-16", "", "\xff/\xff"])
COOKIES = st.none() | st.binary(max_size=60).map(lambda value: value.decode("latin-1"))


def everything_enrolled(api: Api) -> dict[str, Any]:
    return {factor: api.enrol(factor, digits=8) for factor in FACTORS}


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=METHODS, target=TARGETS, body=BODIES, media_type=MEDIA_TYPES, cookie=COOKIES)
def test_bad_input_changes_nothing(
    api: Api, method: str, target: str, body: bytes, media_type: str, cookie: str | None
) -> None:
    if not api.snapshot():
        everything_enrolled(api)
    before = api.snapshot()
    environ = {} if cookie is None else {"HTTP_COOKIE": f"{COOKIE}={api.cookie()}; x={cookie}"}
    if method == "POST" and target in FACTORS and not body:
        body = b"[]"  # an empty body is a valid request there

    answer = api.client.open(
        f"{SESSION}/{target}", method=method, data=body, content_type=media_type, environ_overrides=environ
    )

    assert answer.status_code in {200, 400, 404, 405, 415}
    assert method in {"GET", "HEAD"} or answer.status_code >= 400
    assert api.snapshot() == before


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(code=st.text(max_size=12) | st.integers() | st.none())
def test_a_malformed_code_changes_nothing(api: Api, code: Any) -> None:
    if not api.snapshot():
        everything_enrolled(api)
    before = api.snapshot()
    digits = [c for c in code if c.isascii() and c.isdigit()] if isinstance(code, str) else []

    answers = [api.verify(factor, code) for factor in FACTORS]

    if len(digits) != 8:
        assert {answer.status_code for answer in answers} == {400}
        assert api.snapshot() == before


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_writes_nothing(api_on_redis: Api, method: str) -> None:
    api = api_on_redis
    everything_enrolled(api)
    before = api.snapshot()
    lives = {key: api.redis.pexpiretime(key) for key in before}
    api.redis.config_resetstat()

    for known, path in all_routes(api):
        if known == "GET":
            api.client.open(path, method=method, auth=ADMINISTRATOR)

    commands = {name.removeprefix("cmdstat_") for name in api.redis.info("commandstats")}
    assert not commands & WRITING_COMMANDS
    assert api.snapshot() == before
    assert {key: api.redis.pexpiretime(key) for key in before} == lives


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_starts_no_session(api: Api, method: str) -> None:
    answers = [api.client.open(path, method=method) for known, path in all_routes(api) if known == "GET"]

    assert [answer for answer in answers if "Set-Cookie" in answer.headers] == []


@pytest.mark.parametrize("path", ["", "/totp", "/totp/qr", "/totp/qr.png"])
def test_head_gets_the_response_of_get_without_the_body(api: Api, path: str) -> None:
    api.enrol("totp")
    get, head = api.client.get(SESSION + path), api.client.head(SESSION + path)

    assert (head.status_code, head.content_type, head.data) == (get.status_code, get.content_type, b"")
    assert head.content_length == len(get.data)


def spoil(api: Api, factor: str) -> None:
    """Overwrite the record with bytes that no version of the service can read."""
    (key,) = [key for key in api.redis.scan_iter() if key.endswith(f":{factor}".encode())]
    api.redis.set(key, b"\xffgarbage", keepttl=True)


def test_an_unreadable_record_does_not_look_like_a_missing_one(api: Api) -> None:
    for factor in FACTORS:
        api.enrol(factor)
    spoil(api, "hotp")

    assert api.get().status_code == 503
    assert [api.get(factor).status_code for factor in FACTORS] == [200, 503, 200]


def test_an_unreadable_record_can_be_deleted_and_replaced(api: Api) -> None:
    api.enrol("totp")
    spoil(api, "totp")
    before = [api.get("totp").status_code, api.post("totp").status_code, api.verify("totp", "123456").status_code]

    removed = api.delete("totp").status_code

    assert (before, removed) == ([503, 503, 503], 204)
    assert api.enrol("totp")["status"] == "pending"
