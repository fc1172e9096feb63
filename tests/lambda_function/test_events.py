"""The function in this process: arbitrary events, failures of the log, and the form of the response."""

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from io import StringIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presentation.bootstrap.lambda_function import lambda_function
from presentation.lambda_function.events import NotHttp, http_event
from presentation.lambda_function.function import LambdaFunction
from tests.lambda_function.conftest import SETTINGS
from tests.support.authenticator import hotp_codes
from tests.support.lambda_events import CLIENT, FORGED, KINDS, LambdaClient, Sent, received
from tests.support.redis_server import RedisServer

SESSION = "/api/v1/session"
PRIVATE = "492039-private"


class Context:
    """The context of an invocation with much time left."""

    aws_request_id = "9f0c2b8e-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


class GoneStream(StringIO):
    """A stream whose reader has ended if `gone` is set."""

    gone = False

    def write(self, text: str) -> int:
        if self.gone:
            raise BrokenPipeError
        return super().write(text)


@pytest.fixture(scope="module")
def output() -> GoneStream:
    return GoneStream()


@pytest.fixture(scope="module")
def function(redis_server: RedisServer, output: GoneStream) -> Iterator[LambdaFunction]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", output)
        yield lambda_function(SETTINGS | {"OPEN_MFA_REDIS_URL": redis_server.url})


def _no_limit(_: float) -> AbstractContextManager[None]:
    return nullcontext()


def _nothing() -> None:
    """Do nothing."""


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8) | st.just(PRIVATE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
members = st.sampled_from(
    ["version", "rawPath", "rawQueryString", "headers", "cookies", "requestContext", "body", "isBase64Encoded", "path",
     "httpMethod", "multiValueHeaders", "queryStringParameters", "multiValueQueryStringParameters"]
)  # fmt: skip


@settings(max_examples=300)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    changes=st.dictionaries(members, json_values, max_size=3),
    drop=st.sets(members, max_size=2),
)
def test_no_event_raises_or_comes_back(
    function: LambdaFunction, output: GoneStream, kind: str, changes: dict[str, Any], drop: set[str]
) -> None:
    sent = Sent("POST", f"{SESSION}/hotp/verify", {"Content-Type": "application/json"}, '{"code": "1"}', False, CLIENT)
    event = {name: value for name, value in (KINDS[kind](sent) | changes).items() if name not in drop}
    start = output.tell()
    # Events arrive as JSON.
    result = function(json.loads(json.dumps(event)), Context())
    output.seek(start)
    lines = output.read()
    if "served" in result:
        assert result["served"] is False
    else:
        assert 400 <= received(result).status < 500, result
    assert PRIVATE not in json.dumps(result)
    assert PRIVATE not in lines


@pytest.mark.parametrize(
    "event", [{"requestContext": {"elb": {}}}, {"requestContext": {"elb": {}}, "multiValueHeaders": {}}]
)
def test_a_problem_has_the_form_that_the_load_balancer_expects(function: LambdaFunction, event: dict[str, Any]) -> None:
    result = function(event, Context())
    assert result["statusCode"] == 400
    assert ("multiValueHeaders" in result) == ("multiValueHeaders" in event)


def test_only_the_value_that_the_balancer_has_appended_is_the_address() -> None:
    forwarded = {"multiValueHeaders": {"x-forwarded-for": ["10.0.0.1, 10.0.0.2", '"10.0.0.3, 203.0.113.7']}}
    base = {"requestContext": {"elb": {}}, "path": "/", "httpMethod": "GET"}
    assert http_event(base | forwarded).address == "203.0.113.7"
    assert http_event(base | {"headers": {"X-Forwarded-For": "10.0.0.1,203.0.113.7"}}).address == "203.0.113.7"
    assert http_event(base | {"headers": {}}).address == "unknown"


@pytest.mark.parametrize("kind", KINDS)
def test_the_address_does_not_come_from_the_client(kind: str) -> None:
    sent = Sent("GET", "/", {**FORGED, "X_Forwarded_For": "198.51.100.98"}, None, False, CLIENT)
    assert http_event(KINDS[kind](sent)).address == CLIENT


@pytest.mark.parametrize("kind", KINDS)
def test_the_scheme_does_not_come_from_the_client(kind: str) -> None:
    seen: list[str] = []

    def application(environ: Any, start_response: Any) -> list[bytes]:
        seen.append(environ["wsgi.url_scheme"] + environ["SERVER_PORT"])
        start_response("200 OK", [])
        return []

    function = LambdaFunction(application, time_limit=_no_limit, before=_nothing, after=_nothing)
    event = KINDS[kind](Sent("GET", "/", {}, None, False, CLIENT))
    for name in ("headers", "multiValueHeaders"):
        if name in event:
            # In an HTTP API, and behind a balancer that appends, the client could send further values.
            value = "gopher, https" if "elb" in event["requestContext"] else "gopher"
            event[name] |= {"x-forwarded-proto": [value] if name == "multiValueHeaders" else value}
    function(event, Context())
    assert seen == ["https443"]


def test_a_rest_api_is_not_served() -> None:
    event = {"resource": "/", "path": "/", "httpMethod": "GET", "requestContext": {"identity": {"sourceIp": CLIENT}}}
    with pytest.raises(NotHttp):
        http_event(event)


def test_text_outside_of_ascii_arrives_as_octets(function: LambdaFunction) -> None:
    client = LambdaClient(lambda event: function(event, Context()))
    assert client.ask("GET", "/naïve/\U0001f511").status == 404
    assert client.ask("GET", "/openapi.json?ключ").status == 200
    response = client.ask("GET", "/healthz", headers={"X-Request-ID": "ключ", "Authorization": "Bearer ключ"})
    assert response.status == 200
    assert response.headers["x-request-id"].isascii()


def test_a_chunked_body_is_already_complete(function: LambdaFunction) -> None:
    client = LambdaClient(lambda event: function(event, Context()))
    response = client.ask("POST", f"{SESSION}/totp", {"label": "x"}, headers={"Transfer-Encoding": "chunked"})
    assert (response.status, "x?" in response.json()["uri"]) == (201, True)


def test_a_code_is_not_accepted_if_its_line_cannot_be_written(function: LambdaFunction, output: GoneStream) -> None:
    client = LambdaClient(lambda event: function(event, Context()))
    code = next(hotp_codes(client.ask("POST", f"{SESSION}/hotp", {}).json()["secret"]))
    output.gone = True
    try:
        failed = client.ask("POST", f"{SESSION}/hotp/verify", {"code": code})
    finally:
        output.gone = False
    assert failed.status == 500
    assert client.ask("POST", f"{SESSION}/hotp/verify", {"code": code}).json()["reason"] == "replayed"


def test_an_unexpected_failure_is_a_problem_for_every_kind_of_event() -> None:
    def failing() -> None:
        raise ValueError(PRIVATE)

    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"accepted"]

    function = LambdaFunction(application, time_limit=_no_limit, before=_nothing, after=failing)
    for make in KINDS.values():
        result = function(make(Sent("GET", "/", {}, None, False, CLIENT)), Context())
        assert received(result).status == 500
        assert received(result).json()["request_id"] == Context.aws_request_id
        assert PRIVATE not in json.dumps(result)


@pytest.mark.parametrize(("repeats", "cookies"), [(True, ["a=1", "b=2"]), (False, ["a=1"])])
def test_repeated_fields_are_joined_and_cookies_are_not(repeats: bool, cookies: list[str]) -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Vary", "Cookie"), ("Set-Cookie", "a=1"), ("Vary", "Origin"), ("Set-Cookie", "b=2")])
        return []

    function = LambdaFunction(application, time_limit=_no_limit, before=_nothing, after=_nothing)
    kind = "load balancer with multi-value headers" if repeats else "load balancer"
    response = received(function(KINDS[kind](Sent("GET", "/", {}, None, False, CLIENT)), Context()))
    assert (response.headers["vary"], response.cookies) == ("Cookie, Origin", cookies)
