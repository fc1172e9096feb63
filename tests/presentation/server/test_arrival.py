"""The parser gets a request as soon as it is complete, in any pieces."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from presentation.http.framework.request_body import LARGEST_BODY
from presentation.http.server.arrival import LARGEST_HEAD, MOST_FIELDS, Arrival

POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
COMPLETE = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    POST + b"Content-Length: 2\r\n\r\n{}",
    POST + b"content-length:2 \r\nExpect: 100-continue\r\n\r\n{}",
    POST + b"Content-Length: 0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: Chunked\r\n\r\n0\r\nX: y\r\n\r\n",
]
"""Requests that end with their last byte."""
REFUSED = [
    b"GET / HTTP/1.1\n",
    b"\n",
    POST + b"Content-Length: 16385\r\n\r\n",
    POST + b"Content-Length: 99999999999999999999\r\n\r\n",
    POST + b"Content-Length: two\r\n\r\n",
    POST + b"Content-Length: -1\r\n\r\n",
    POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n",
    POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
    POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    POST + b"Content-Length: 2\r\nExpect: miracles\r\n\r\n",
]
"""Requests that the parser can refuse without the rest."""


def arrival_of(*pieces: bytes) -> Arrival:
    arrival = Arrival()
    for piece in pieces:
        arrival.add(piece)
    return arrival


def pieces_of(raw: bytes, cuts: set[int]) -> list[bytes]:
    ends = [0, *sorted(cut % len(raw) for cut in cuts), len(raw)]
    return [raw[start:end] for start, end in pairwise(ends) if start < end]


CUTS = st.sets(st.integers(0, 1000), max_size=8)


@given(raw=st.sampled_from(COMPLETE), cuts=CUTS)
def test_a_request_is_complete_with_its_last_byte_and_not_before(raw: bytes, cuts: set[int]) -> None:
    *earlier, last = pieces_of(raw, cuts)
    arrival = arrival_of(*earlier, last[:-1]) if len(last) > 1 else arrival_of(*earlier)
    assert not arrival.is_complete

    arrival.add(last[-1:])
    assert (arrival.is_complete, arrival.too_large, arrival.take()) == (True, False, raw)


@given(raw=st.sampled_from(REFUSED), cuts=CUTS)
def test_a_request_that_the_parser_refuses_does_not_wait(raw: bytes, cuts: set[int]) -> None:
    assert arrival_of(*pieces_of(raw, cuts)).is_complete


@given(st.lists(st.binary(min_size=1)))
def test_no_bytes_are_lost(pieces: list[bytes]) -> None:
    assert arrival_of(*pieces).take() == b"".join(pieces)


@pytest.mark.parametrize("piece", [b"x", b"x: y\r\n", b"x" * 1000])
def test_a_head_that_does_not_end_is_too_large(piece: bytes) -> None:
    arrival = arrival_of(*[piece] * (LARGEST_HEAD // len(piece)))
    assert not arrival.is_complete

    arrival.add(piece)
    assert (arrival.is_complete, arrival.too_large) == (True, True)


@pytest.mark.parametrize(("number", "too_large"), [(MOST_FIELDS, False), (MOST_FIELDS + 1, True)])
@pytest.mark.parametrize("start", [b"", b"\r\n"])
def test_fields_are_counted(number: int, too_large: bool, start: bytes) -> None:
    assert arrival_of(start + b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * number + b"\r\n").too_large is too_large


def test_an_endless_chunked_body_is_passed_on() -> None:
    arrival = arrival_of(POST + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(2 * LARGEST_BODY // 8):
        assert not arrival.is_complete
        arrival.add(b"3\r\nabc\r\n")
    assert arrival.is_complete


@pytest.mark.parametrize(("raw", "is_complete"), [(COMPLETE[3][:-1], True), (COMPLETE[0][:-1], False), (b"", False)])
def test_a_client_that_closes_early_gets_a_response_if_its_head_is_complete(raw: bytes, is_complete: bool) -> None:
    arrival = arrival_of(*[raw] if raw else [], b"")

    assert (arrival.ended, arrival.is_complete) == (True, is_complete)


@pytest.mark.parametrize(
    ("raw", "awaits"),
    [
        (POST + b"Content-Length: 2\r\nExpect: 100-Continue\r\n\r\n", True),
        (POST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n{}", False),
        (POST + b"Content-Length: 99999\r\nExpect: 100-continue\r\n\r\n", False),
        (POST + b"Content-Length: 2\r\n\r\n", False),
        (b"POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", False),
    ],
)
def test_a_client_that_waits_for_100_continue_is_invited_to_send_its_body(raw: bytes, awaits: bool) -> None:
    assert arrival_of(raw).awaits_continue is awaits
