"""Real servers on loopback that accept codes, and some that do not."""

import contextlib
import email
import email.policy
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from application.errors import DeliveryFailed
from application.ports.delivery import Delivery, Message
from domain.code import Code
from domain.owner import Owner
from tests.support.fakes import NOON
from tests.support.processes import free_port
from tests.support.redis_topologies import Certificates

CODE = "492039"
TO = "ada@example.org"
USER, PASSWORD = "open-mfa", "p@ss:w/ord?#%"


def message(to: str = TO, code: str = CODE, lifetime: int = 300, language: str | None = None) -> Message:
    return Message(Code(code), to, Owner.of_account("default", "ada"), NOON, NOON + lifetime, language)


def server_context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.directory / "redis.crt", certificates.directory / "redis.key")
    return context


def failure(delivery: Delivery, to_send: Message) -> DeliveryFailed:
    """Return the failure of a delivery, which must come soon and have no context."""
    started = time.monotonic()
    with pytest.raises(DeliveryFailed) as failed:
        delivery.send(to_send)
    assert time.monotonic() - started < 2
    error: BaseException | None = failed.value
    while error is not None:
        assert not any(secret in f"{error!r} {error}" for secret in (to_send.to, to_send.code.text, PASSWORD))
        error = error.__cause__ or error.__context__
    return failed.value


@dataclass
class Mailbox:
    """Accepts every mail, except for commands with a fixed response."""

    responses: dict[str, str] = field(default_factory=dict)
    taken: list[Envelope] = field(default_factory=list)
    logins: list[LoginPassword] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if "RCPT" in self.responses:
            return self.responses["RCPT"].format(address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 - likewise
        self.taken.append(envelope)
        return self.responses.get("DATA", "250 OK")

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, login: Any) -> AuthResult:
        self.logins.append(login)
        return AuthResult(success=login == LoginPassword(USER.encode(), PASSWORD.encode()))

    def mail(self) -> EmailMessage:
        """Return the only one."""
        (envelope,) = self.taken
        return read(envelope)


def read(envelope: Envelope) -> EmailMessage:
    assert isinstance(envelope.content, bytes)
    # The headers are UTF-8 if addresses are internationalized (RFC 6532).
    text = envelope.content.decode().replace("\r\n", "\n")
    mail = email.message_from_string(text, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


@contextlib.contextmanager
def mail_server(mailbox: Mailbox, hostname: str = "127.0.0.1", **options: Any) -> Iterator[int]:
    """Run an SMTP server and yield its port."""
    controller = Controller(mailbox, hostname=hostname, port=free_port(), server_hostname="mail.example", **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()
        controller.loop.close()


@contextlib.contextmanager
def silent_server() -> Iterator[int]:
    """Yield a port that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@contextlib.contextmanager
def dripping_server(piece: bytes = b"x") -> Iterator[int]:
    """Yield a port that sends bytes one by one without an end."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    # This sleep makes the server slow; the test does not wait for it.
                    while not ended.wait(0.02):
                        connection.sendall(piece)

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@dataclass(frozen=True)
class Request:
    """A request that a receiver got."""

    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """An HTTP server with the same response to every POST. Use it as a context manager.

    Args:
        status: the status of the response.
        headers: the headers of the response.
        raw: returns the bytes of the whole response from the body of the request, instead.
        context: the TLS context.
    """

    def __init__(
        self,
        status: int = 204,
        headers: dict[str, str] | None = None,
        raw: Callable[[bytes], bytes] | None = None,
        context: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.requests: list[Request] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append(Request(self.path, dict(self.headers.items()), body))
                if raw is not None:
                    self.wfile.write(raw(body))
                    return
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """Ignore broken connections, which some tests cause."""

        self._server = Server((host, 0), Handler)
        self._scheme = "http" if context is None else "https"
        if context is not None:
            # The thread of the connection does the handshake.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"{self._scheme}://{host!s}:{port}/hook"

    @property
    def request(self) -> Request:
        """Return the only one."""
        (request,) = self.requests
        return request

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
