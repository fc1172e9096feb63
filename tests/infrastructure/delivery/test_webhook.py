"""Codes by webhook, to real receivers that accept them, refuse them, redirect, or stall."""

import contextlib
import hmac
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.errors import DeliveryFailed
from application.ports.delivery import Message
from domain.code import Code
from domain.owner import Owner, OwnerKind
from infrastructure.delivery import webhook as webhook_module
from infrastructure.delivery.webhook import Webhook, check_webhook_recipient, signature
from infrastructure.network import deadline
from tests.infrastructure.delivery.servers import (
    CODE,
    Receiver,
    dripping_server,
    failure,
    message,
    server_context,
    silent_server,
)
from tests.support.fakes import NOON, FakeClock
from tests.support.redis_topologies import Certificates

SECRET = "a secret of thirty-two chars: é!"
TO = "+15550100"
SOON = 0.3


def webhook(url: str, **options: Any) -> Webhook:
    return Webhook(url, SECRET, FakeClock(NOON + 7), **options)


def test_a_code_arrives_signed() -> None:
    with Receiver() as receiver:
        webhook(receiver.url).send(message(TO))

    request = receiver.request
    assert request.path == "/hook"
    assert request.json() == {
        "code": CODE,
        "to": TO,
        "tenant": "default",
        "account_id": "ada",
        "expires_at": "2040-11-22T12:05:00Z",
    }
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Host"] == receiver.url.split("/")[2]
    assert request.headers["Open-MFA-Timestamp"] == str(NOON + 7)
    signed = f"{NOON + 7}.".encode() + request.body
    assert request.headers["Open-MFA-Signature"] == f"v1={hmac.new(SECRET.encode(), signed, 'sha256').hexdigest()}"


def test_the_language_of_the_request_is_passed_on() -> None:
    with Receiver() as receiver:
        webhook(receiver.url).send(message(TO, language="de-AT"))

    assert receiver.request.json()["language"] == "de-AT"


def test_a_session_has_no_account() -> None:
    owner = Owner(OwnerKind.SESSION, "digest")
    with Receiver() as receiver:
        webhook(receiver.url).send(Message(Code(CODE), TO, owner, NOON, NOON + 1))
    assert receiver.request.json()["account_id"] is None
    assert receiver.request.json()["tenant"] is None


def test_the_signature_equals_that_of_openssl() -> None:
    # printf '1795348800.{"code":"492039"}' | openssl dgst -sha256 -hmac key
    expected = "97e6187d1a367879c2b166870d4482d0401a07de9ce33d873ca63fba486ed827"
    assert signature(b"key", "1795348800", b'{"code":"492039"}') == f"v1={expected}"


@given(st.binary(min_size=1), st.integers(0, 2**40), st.binary(), st.binary(min_size=1))
def test_a_signature_is_valid_only_for_its_bytes(secret: bytes, timestamp: int, body: bytes, more: bytes) -> None:
    made = signature(secret, str(timestamp), body)
    assert made == f"v1={hmac.digest(secret, f'{timestamp}.'.encode() + body, 'sha256').hex()}"
    assert made != signature(secret, str(timestamp), body + more)
    assert made != signature(secret, str(timestamp + 1), body)


@pytest.fixture(scope="module")
def shared() -> Iterator[Receiver]:
    """A receiver for many examples."""
    with Receiver() as receiver:
        yield receiver


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_the_sent_bytes_are_the_signed_bytes(shared: Receiver, to: str) -> None:
    webhook(shared.url).send(message(to))
    request = shared.requests.pop()
    timestamp = request.headers["Open-MFA-Timestamp"]
    assert request.headers["Open-MFA-Signature"] == signature(SECRET.encode(), timestamp, request.body)
    assert request.json()["to"] == to


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_status_accepts_the_code(status: int) -> None:
    with Receiver(status) as receiver:
        webhook(receiver.url).send(message(TO))


@pytest.mark.parametrize("status", [300, 304, 400, 401, 404, 410, 429, 500, 503, 999])
def test_every_other_status_is_a_failure(status: int) -> None:
    with Receiver(status) as receiver:
        assert str(failure(webhook(receiver.url), message(TO))) == f"the webhook responded with status {status}"
        assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    with Receiver() as other, Receiver(status, {"Location": other.url}) as receiver:
        assert str(failure(webhook(receiver.url), message(TO))) == f"the webhook responded with status {status}"
    assert not other.requests


def test_an_endless_body_is_not_read() -> None:
    with Receiver(200, {"Content-Length": str(2**40)}) as receiver:
        webhook(receiver.url).send(message(TO))


def test_a_code_is_sent_with_tls(certificates: Certificates) -> None:
    with Receiver(context=server_context(certificates)) as receiver:
        webhook(receiver.url, authorities=certificates.authority).send(message(TO))
    assert receiver.requests


@pytest.mark.parametrize(("host", "trusts"), [("127.0.0.1", False), ("127.0.0.2", True)])
def test_a_receiver_without_a_valid_certificate_is_refused(
    certificates: Certificates, host: str, *, trusts: bool
) -> None:
    authorities = certificates.authority if trusts else None
    with Receiver(context=server_context(certificates), host=host) as receiver:
        assert "no valid certificate" in str(failure(webhook(receiver.url, authorities=authorities), message(TO)))
    assert not receiver.requests


def test_the_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with Receiver() as receiver:
        webhook(receiver.url).send(message(TO))
    assert receiver.requests


def test_a_port_without_a_server_is_reported() -> None:
    with silent_server() as port:
        pass
    assert str(failure(webhook(f"http://127.0.0.1:{port}"), message(TO))) == "the webhook can't be reached"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_silent_server_is_reported_in_time(scheme: str) -> None:
    with silent_server() as port:
        reported = failure(webhook(f"{scheme}://127.0.0.1:{port}", seconds=SOON), message(TO))
    assert str(reported) == "the webhook did not respond in time"


@pytest.mark.parametrize("piece", [b"x", b"\x16", b"HTTP/1.1 100 Continue\r\n\r\n"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_endless_response_is_reported_in_time(scheme: str, piece: bytes) -> None:
    with dripping_server(piece) as port:
        failure(webhook(f"{scheme}://127.0.0.1:{port}", seconds=SOON), message(TO))


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"{body}\r\n\r\n",
        b"HTTP/1.1 {body}\r\n\r\n",
        b"HTTP/1.1 20",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000,
    ],
)
def test_an_invalid_response_is_reported(response: bytes) -> None:
    with Receiver(raw=lambda body: response.replace(b"{body}", body)) as receiver:
        failure(webhook(receiver.url), message(TO))


def test_the_deadline_of_the_request_is_suspended_during_a_delivery() -> None:
    with deadline.within(0.2), silent_server() as port:
        with pytest.raises(DeliveryFailed):
            webhook(f"http://127.0.0.1:{port}", seconds=SOON).send(message(TO))
        assert deadline.left() > 0.1


def test_neither_code_nor_recipient_is_logged_or_printed(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    echoes = [b"HTTP/1.1 200 OK\r\nX: y\r\n{body}\r\n\r\n", b"HTTP/1.1 500 {body}\r\nX-{body}: {body}\r\n\r\n{body}"]
    with caplog.at_level(logging.NOTSET):
        for echo in echoes:
            with Receiver(raw=lambda body, echo=echo: echo.replace(b"{body}", body)) as receiver:  # type: ignore[misc]
                with contextlib.suppress(DeliveryFailed):
                    webhook(receiver.url).send(message(TO))
                assert receiver.requests

    written = "".join([caplog.text, *capfd.readouterr()])
    assert CODE not in written
    assert TO not in written


@pytest.mark.parametrize(
    ("url", "path"),
    [("", "/"), ("/", "/"), ("?a=b", "/?a=b"), ("/a/b%20c?d=%C3%A9", "/a/b%20c?d=%C3%A9"), ("/a//b", "/a//b")],
)
def test_path_and_query_are_sent_as_they_are(url: str, path: str) -> None:
    with Receiver() as receiver:
        webhook(receiver.url.removesuffix("/hook") + url).send(message(TO))
    assert receiver.request.path == path


@pytest.mark.parametrize(
    "url",
    [
        "http://hook",
        "https://hook.example",
        "https://hook.example:8443/a?b=c",
        "https://[::1]:8443/",
        "http://a/x@y",
        "HTTPS://hook/?to=a@b",
    ],
)
def test_a_valid_url_is_accepted_as_it_is(url: str) -> None:
    assert Webhook.check_url(url) == url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "begins with"),
        ("hunter2", "begins with"),
        ("ftp://hook/hunter2", "begins with"),
        ("https:hook/hunter2", "begins with"),
        ("https:///hunter2", "one host"),
        ("https://hunter2 /", "visible"),
        ("https://hunter2/é", "visible"),
        ("https://hunter2/\r\nX: y", "visible"),
        ("https://hook/#hunter2", "fragment"),
        ("https://hook#hunter2", "fragment"),
        ("https://me:hunter2@hook/", "no user"),
        ("https://hunter2@hook/", "no user"),
        ("https://me:hunter2/x@hook/", "no user and no password"),
        ("https://me:12/hunter2@hook/", "no user and no password"),
        ("https://me/hunter2:x@hook/", "no user and no password"),
        ("https://me:hunter2?x@hook/", "no user and no password"),
        ("https://me:hunter2#x@hook/", "no user and no password"),
        ("https://me#hunter2@hook/", "no user and no password"),
        ("https://me:hunter2@x@hook/", "no user and no password"),
        ("https://me@hunter2@hook/", "no user and no password"),
        ("https://me@hunter2/x@hook/", "no user and no password"),
        ("https://u:p%23hunter2@hook/", "no user and no password"),
        ("https://hook:8443/hunter2@x", "an @ after the host as %40"),
        ("https://hook/hunter2#a@b", "an @ after the host as %40"),
        ("https://hunter2:port/", "one host"),
        ("https://hunter2:0/", "one host"),
        ("https://hunter2:65536/", "one host"),
        ("https://[hunter2]/", "one host"),
        ("https://[1:2]/hunter2", "IPv6"),
        ("https://hunter2,b/", "one host"),
        ("https://hook\\hunter2/", "one host"),
    ],
)
def test_a_wrong_url_is_refused_without_repeating_it(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^must .*{reason}") as refusal:
        Webhook.check_url(url)
    assert "hunter2" not in f"{refusal.value}{refusal.value.__cause__}"


@given(st.text())
def test_any_text_is_accepted_or_refused_with_a_reason(text: str) -> None:
    for url in (text, f"https://{text}", f"http://hook/{text}"):
        with contextlib.suppress(ValueError):
            Webhook.check_url(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://hook", False),
        ("http://hook", True),
        ("http://10.0.0.1:80/", True),
        ("http://127.0.0.1:8000/", False),
        ("http://[::1]/", False),
        ("http://localhost/", False),
    ],
)
def test_an_unencrypted_transport_is_recognized(url: str, *, expected: bool) -> None:
    assert Webhook.is_unencrypted(url) is expected


def test_a_webhook_needs_a_secret() -> None:
    with pytest.raises(ValueError, match="secret"):
        Webhook("https://hook", "", FakeClock())


def test_an_unreadable_file_of_authorities_is_refused_without_its_path() -> None:
    with pytest.raises(ValueError, match="authorities") as refusal:
        webhook("https://hook", authorities="/nowhere/hunter2")
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    "recipient",
    [
        "1",
        "+1 555 0100",
        "+43\u00a0660\u202f1234567",
        "ada@example.org",
        "Ада",
        "\u5c71\u7530\u3000\u592a\u90ce",
        "x" * 254,
    ],
)
def test_a_valid_recipient_is_accepted_as_it_is(recipient: str) -> None:
    assert check_webhook_recipient(recipient) == recipient


@pytest.mark.parametrize("recipient", ["", " ", "\u200b", "x" * 255, "a\n", "a\x00", "a\u2028b", "a\u202eb", "\ud800"])
def test_an_invalid_recipient_is_refused(recipient: str) -> None:
    with pytest.raises(ValueError, match=r"^must have "):
        check_webhook_recipient(recipient)


def test_the_documented_check_accepts_a_genuine_request() -> None:
    with Receiver() as receiver:
        Webhook(receiver.url, SECRET, _Now()).send(message(TO))

    request = receiver.request
    assert _documented()(SECRET, request.headers, request.body)
    assert not _documented()(SECRET, request.headers, request.body + b" ")
    assert not _documented()("another", request.headers, request.body)


def test_the_documented_check_refuses_an_old_request() -> None:
    with Receiver() as receiver:
        Webhook(receiver.url, SECRET, FakeClock(1_000_000_000)).send(message(TO))

    assert not _documented()(SECRET, receiver.request.headers, receiver.request.body)


class _Now:
    """Use the real clock, which the documented check uses."""

    def now(self) -> int:
        return int(time.time())


def _documented() -> Any:
    """Return the function in the docstring of the module."""
    source = (webhook_module.__doc__ or "").partition("    def is_genuine")[2]
    lines = ["def is_genuine" + source.splitlines()[0], *(line[4:] for line in source.splitlines()[1:])]
    names: dict[str, Any] = {"hmac": hmac, "time": time, "Mapping": Mapping}
    exec("\n".join(lines), names)
    return names["is_genuine"]
