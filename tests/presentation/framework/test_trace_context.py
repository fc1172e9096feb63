"""`traceparent` (W3C Trace Context) is copied to log lines and responses."""

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from presentation.http.framework.trace_context import read_traceparent
from tests.presentation.api import Account, Api
from tests.support.written import written

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01"
ANSWERED = [
    (GOOD, GOOD),
    (f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-00"),
    # The additional fields and flags of a later version are not passed on.
    (f"01-{TRACE}-{SPAN}-01", GOOD),
    (f"cc-{TRACE}-{SPAN}-03-what-the-future-will-be-like", GOOD),
    (f"fe-{TRACE}-{SPAN}-fe-", f"00-{TRACE}-{SPAN}-00"),
]
IGNORED = [
    "",
    " ",
    "garbage",
    GOOD.upper(),
    f"{GOOD}-",
    f"{GOOD}-more",
    f"{GOOD}0",
    f" {GOOD}x",
    f"{GOOD},{GOOD}",
    f"ff-{TRACE}-{SPAN}-01",
    f"00-{'0' * 32}-{SPAN}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"00-{TRACE[:-1]}-{SPAN}-01",
    f"00-{TRACE}0-{SPAN}-01",
    f"00-{TRACE}-{SPAN[:-1]}g-01",
    f"00-{TRACE}-{SPAN}-1",
    f"0-{TRACE}-{SPAN}-01",
    f"01-{TRACE}-{SPAN}-01x",
    f"01-{TRACE}-{SPAN}-01.more",
    f"00_{TRACE}_{SPAN}_01",
    f"00-{TRACE}-{SPAN}-0\xb9",
]


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/auth/check", "/api/v1/session"])
@pytest.mark.parametrize(("sent", "answered"), ANSWERED)
def test_a_valid_traceparent_is_in_every_response(api: Api, path: str, sent: str, answered: str) -> None:
    assert api.client.get(path, headers={"traceparent": sent}).headers.getlist("traceparent") == [answered]


@pytest.mark.parametrize("sent", IGNORED)
def test_a_malformed_traceparent_is_ignored(api: Api, sent: str) -> None:
    answer = api.client.get("/healthz", headers={"traceparent": sent})

    assert (answer.status_code, answer.headers.getlist("traceparent")) == (200, [])


def test_without_a_traceparent_there_is_no_trace(api: Api) -> None:
    assert "traceparent" not in api.client.get("/healthz").headers


def test_the_audit_trail_and_the_logs_name_the_trace(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    account.confirmed("totp")
    written(capsys)

    account.challenge("000000")
    account.send("POST", "challenge", json={"code": "000000"}, headers={"traceparent": GOOD})

    without, line = [json.loads(line) for line in written(capsys).splitlines()]
    assert (line["trace_id"], line["span_id"]) == (TRACE, SPAN)
    assert not {"trace_id", "span_id"} & without.keys()


HEXADECIMAL = st.text("0123456789abcdefABCDEFg-", max_size=40)


@given(st.one_of(st.text(st.characters(codec="latin-1"), max_size=80), st.lists(HEXADECIMAL, max_size=5).map("-".join)))
@example(f"{GOOD}\n")
@example(f"01-{TRACE}-{SPAN}-01-\n")
def test_every_trace_that_is_passed_on_is_well_formed(sent: str) -> None:
    found = read_traceparent(sent)

    assert found is None or re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", found.header, re.ASCII)


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=80))
def test_no_header_breaks_a_response(only_api: Api, sent: str) -> None:
    answer = only_api.client.get("/healthz", environ_overrides={"HTTP_TRACEPARENT": sent})

    assert answer.status_code == 200


@given(
    st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 255), st.integers(1, 254), st.text(max_size=9)
)
def test_the_known_fields_of_a_later_version_are_read(
    trace: int, span: int, flags: int, version: int, rest: str
) -> None:
    fields = f"{trace:032x}-{span:016x}"
    tail = "" if "\n" in rest else f"-{rest}"
    later = read_traceparent(f"{version:02x}-{fields}-{flags:02x}{tail}")

    assert later is not None
    assert later.header == f"00-{fields}-{flags & 1:02x}"
