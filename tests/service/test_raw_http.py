"""The service handles requests that no client library sends."""

import pytest

from presentation.http.framework.request_body import LARGEST_BODY
from tests.service.sessions import Session
from tests.service.wire import Wire, once, request
from tests.support.service import Service

JSON_POST = "POST /api/v1/session/totp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = (JSON_POST + "Transfer-Encoding: chunked\r\n\r\n").encode()
BAD_CHUNKS = {
    "a size that is no number": b"zz\r\n{}\r\n0\r\n\r\n",
    "a negative size": b"-2\r\n{}\r\n0\r\n\r\n",
    "no size": b"\r\n{}\r\n0\r\n\r\n",
    "more than its size": b"1\r\n{}\r\n0\r\n\r\n",
}
BAD_HEADS = {
    "no HTTP": b"hello\r\n\r\n",
    "a bare line feed": b"GET /healthz HTTP/1.1\nHost: x\n\n",
    "a version of its own": b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
    "a lower-case method": b"get /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header without a name": b"GET /healthz HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
    "a folded header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
    "a NUL in a header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
    "a length that is no number": (JSON_POST + "Content-Length: two\r\n\r\n{}").encode(),
    "a negative length": (JSON_POST + "Content-Length: -2\r\n\r\n{}").encode(),
    "two lengths": (JSON_POST + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}").encode(),
    "a length and chunks": (JSON_POST + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").encode(),
    "an unsupported expectation": (JSON_POST + "Expect: miracles\r\nContent-Length: 2\r\n\r\n{}").encode(),
}


def chunks(size: int) -> bytes:
    return CHUNKED + f"{size:x}\r\n".encode() + b" " * size + b"\r\n0\r\n\r\n"


def test_a_chunked_body_is_read(service: Service) -> None:
    assert once(service.port, CHUNKED + b"2\r\n{}\r\n0\r\n\r\n").status == 201


def test_a_chunked_body_over_16_kib_is_refused(service: Service) -> None:
    assert once(service.port, chunks(LARGEST_BODY + 1)).slug == "too-large"


def test_an_endless_chunked_body_is_refused(service: Service) -> None:
    with Wire(service.port) as wire:
        wire.send(CHUNKED + b"ffffff\r\n" + b" " * (LARGEST_BODY * 4))

        assert wire.receive().slug == "too-large"


def test_a_body_with_a_large_content_length_is_refused_before_it_arrives(service: Service) -> None:
    with Wire(service.port) as wire:
        wire.send((JSON_POST + "Content-Length: 99999999999\r\n\r\n").encode())

        assert wire.receive().slug == "too-large"


@pytest.mark.parametrize("before", [b"", request("GET", "/healthz")], ids=["first", "after another request"])
def test_a_client_that_expects_100_continue_sends_its_body(service: Service, before: bytes) -> None:
    with Wire(service.port) as wire:
        wire.send(before + (JSON_POST + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n").encode())
        if before:
            assert wire.receive("GET").status == 200
        assert wire.lines(2) == [b"HTTP/1.1 100 Continue\r\n", b"\r\n"]

        wire.send(b"{}")
        assert wire.lines(1) == [b"HTTP/1.1 201 CREATED\r\n"]


@pytest.mark.parametrize("kind", BAD_CHUNKS)
def test_malformed_chunks_are_a_bad_request(service: Service, kind: str) -> None:
    assert once(service.port, CHUNKED + BAD_CHUNKS[kind]).status == 400


def test_a_body_that_ends_too_early_is_a_bad_request(service: Service) -> None:
    with Wire(service.port) as wire:
        wire.send((JSON_POST + "Content-Length: 100\r\n\r\n{}").encode())
        wire.half_close()

        assert wire.receive().status == 400


@pytest.mark.parametrize("kind", BAD_HEADS)
def test_a_request_that_is_not_http_is_refused_without_an_error_in_the_log(service: Service, kind: str) -> None:
    answer = once(service.port, BAD_HEADS[kind])

    assert (answer.status, answer.slug) == (400, "invalid-request")
    assert answer.document["request_id"] == answer.headers["X-Request-ID"]
    assert (answer.headers["Cache-Control"], answer.headers["Connection"]) == ("no-store", "close")


@pytest.mark.parametrize("coding", ["brotli", "gzip, chunked", "identity", "chunked, chunked"])
def test_a_transfer_coding_other_than_chunked_is_refused(service: Service, coding: str) -> None:
    raw = (JSON_POST + f"Transfer-Encoding: {coding}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n").encode()

    assert once(service.port, raw).slug == "invalid-request"


@pytest.mark.parametrize(
    "raw",
    [
        b"GET 823731 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /823731\xff HTTP/1.1 \r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n823731 : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nExpect: 823731\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: 823731\r\n\r\n",
    ],
)
def test_an_unreadable_request_is_not_repeated(service: Service, raw: bytes) -> None:
    answer = once(service.port, raw, "GET")

    assert answer.status in {400, 404}
    assert b"823731" not in answer.body
    assert "823731" not in service.log.read_text()


@pytest.mark.parametrize("kind", BAD_CHUNKS)
def test_bytes_after_malformed_chunks_are_not_a_request(service: Service, kind: str) -> None:
    with Wire(service.port) as wire:
        wire.send(CHUNKED + BAD_CHUNKS[kind] + request("GET", "/healthz"))
        wire.receive()

        assert not wire.answers_well("GET")


def test_bytes_after_an_unread_body_are_the_next_request(service: Service) -> None:
    smuggled = request("POST", "/api/v1/session/totp", {})
    unread = f"DELETE /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: {len(smuggled)}\r\n\r\n".encode() + smuggled

    with Wire(service.port) as wire:
        wire.send(unread + request("GET", "/healthz"))
        first, second = wire.receive("DELETE"), wire.receive("GET")

    assert (first.status, second.status, second.document) == (404, 200, {"status": "ok"})


def test_many_requests_in_one_packet_are_all_answered(service: Service) -> None:
    with Wire(service.port) as wire:
        wire.send(request("GET", "/healthz") * 5)

        assert [wire.receive("GET").status for _ in range(5)] == [200] * 5


def test_fields_of_8_kib_are_read(service: Service) -> None:
    raw = request("GET", "/healthz", headers={"Cookie": "x=" + "y" * 8000})

    assert once(service.port, raw, "GET").status == 200


@pytest.mark.parametrize("sent", [b"\xff\xfe", b"caf\xc3\xa9", b"x" * 129])
def test_a_request_id_that_is_not_printable_ascii_is_replaced(service: Service, sent: bytes) -> None:
    raw = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-ID: " + sent + b"\r\n\r\n"

    assert len(once(service.port, raw, "GET").headers["X-Request-ID"]) == 32


def test_a_request_id_of_128_characters_is_kept(service: Service) -> None:
    raw = request("GET", "/healthz", headers={"X-Request-ID": "x" * 128})

    assert once(service.port, raw, "GET").headers["X-Request-ID"] == "x" * 128


def test_a_forwarded_scheme_without_a_trusted_proxy_is_ignored(service: Service) -> None:
    session = Session(service.port)
    session.headers = {"X-Forwarded-Host": "evil.example", "Origin": "http://evil.example"}

    assert session.send("POST", "totp", {}).slug == "cross-site-request"


GET_LINES = "GET /healthz HTTP/1.1\r\nHost: x\r\n"
FAULTS = {
    "no Host": ("GET /healthz HTTP/1.1\r\n", "Host"),
    "two Hosts": (GET_LINES + "Host: x\r\n", "Host"),
    "an invalid Host": ("GET /healthz HTTP/1.1\r\nHost: x/y\r\n", "Host"),
    "two Content-Types": (JSON_POST + "Content-Type: application/json\r\n", "Content-Type"),
    "an empty Content-Length": (JSON_POST + "Content-Length:\r\n", "Content-Length"),
    "two equal Content-Lengths": (JSON_POST + "Content-Length: 2\r\nContent-Length: 2\r\n", "Content-Length"),
    "a length and chunks": (JSON_POST + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "Content-Length"),
    "an unknown coding": (JSON_POST + "Transfer-Encoding: br\r\n", "Transfer-Encoding"),
    "a coding that is not the last": (JSON_POST + "Transfer-Encoding: gzip\r\n", "Transfer-Encoding"),
    "chunks in HTTP/1.0": ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding"),
    "an unknown expectation": (GET_LINES + "Expect: miracles\r\n", "Expect"),
    "a space before the colon": (GET_LINES + "X-A : b\r\n", "colon"),
    "a folded field": (GET_LINES + "X-A: b\r\n c\r\n", "on one line"),
    "a field without a colon": (GET_LINES + "X-A\r\n", "Name: value"),
    "a control character": (GET_LINES + "X-A: a\x00b\r\n", "control characters"),
    "raw UTF-8 in the path": ("GET /caf\u00e9 HTTP/1.1\r\nHost: x\r\n", "percent-encoded"),
    "no version": ("GET /healthz\r\nHost: x\r\n", "HTTP/1.1"),
    "a lower-case method": ("get /healthz HTTP/1.1\r\nHost: x\r\n", "capital letters"),
    "another version": ("GET /healthz HTTP/2.0\r\nHost: x\r\n", "version"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_response_to_an_unreadable_request_names_its_fault(service: Service, fault: str) -> None:
    head, words = FAULTS[fault]
    answer = once(service.port, f"{head}\r\n".encode())

    (text,) = answer.document["errors"]["request"]
    assert words in text
    assert words == "Host" or "Host" not in text
    assert "JSON" not in answer.document["detail"]
    assert "HTTP/1.1" in answer.document["detail"]


@pytest.mark.parametrize(
    "raw", [b"hello\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET /" + b"x" * 70_000], ids=["no HTTP", "no Host", "large"]
)
def test_the_log_line_of_an_unreadable_request_has_the_id_of_the_response(service: Service, raw: bytes) -> None:
    request_id = once(service.port, raw).document["request_id"]

    (line,) = service.awaited_lines(lambda line: line.get("request_id") == request_id, 1)
    assert (line["level"], line["address"]) == ("WARNING", "127.0.0.1")


def test_no_request_of_these_tests_logged_an_error(service: Service) -> None:
    for raw in [*(CHUNKED + bad for bad in BAD_CHUNKS.values()), *BAD_HEADS.values()]:
        once(service.port, raw)

    assert [line for line in service.lines() if line["level"] in {"ERROR", "CRITICAL"}] == []
