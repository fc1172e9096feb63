"""The exchange of commands and responses over TLS."""

import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from redis.exceptions import ConnectionError, TimeoutError

from infrastructure.network import deadline
from infrastructure.redis.client.explanations import explain
from infrastructure.redis.client.link import Link
from tests.support.redis_topologies import Certificates

PING = b"*1\r\n$4\r\nPING\r\n"
LONGEST = 30.0
"""Seconds after which a test gives up."""
RESET = struct.pack("ii", 1, 0)
"""The value of SO_LINGER with which closing a connection resets it."""

Serve = Callable[[socket.socket, ssl.SSLContext], object]


@pytest.fixture(scope="module")
def certificates() -> Iterator[Certificates]:
    with Certificates() as made:
        yield made


@contextlib.contextmanager
def linked(certificates: Certificates, serve: Serve) -> Iterator[Link]:
    """A link over TLS to a server whose side of the connection is a function."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.directory / "redis.crt", certificates.directory / "redis.key")
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            serve(connection, context)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    trust = ssl.create_default_context(cafile=certificates.authority)
    with (
        listener,
        socket.create_connection(listener.getsockname(), LONGEST) as plain,
        trust.wrap_socket(plain, server_hostname="127.0.0.1") as inner,
    ):
        yield Link(inner)
    thread.join(LONGEST)
    assert not thread.is_alive()


def wait_for(link: Link, events: int) -> None:
    """Wait until the kernel reports one of these events of the connection."""
    poll = select.poll()
    poll.register(link.fileno(), events)
    ended = time.monotonic() + LONGEST
    while not any(found & events for _, found in poll.poll(100)):
        assert time.monotonic() < ended


def require_certificate(connection: socket.socket, context: ssl.SSLContext) -> None:
    """End the handshake with an alert, and reset the connection."""
    context.verify_mode = ssl.CERT_REQUIRED
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    with pytest.raises(ssl.SSLError):
        context.wrap_socket(connection, server_side=True)


@pytest.mark.parametrize("event", [0, select.POLLHUP], ids=["at any time", "after the reset"])
def test_an_alert_explains_the_failure_even_if_the_reset_is_noticed_first(
    certificates: Certificates, event: int
) -> None:
    with linked(certificates, require_certificate) as link:
        if event:
            wait_for(link, event)
        with pytest.raises(ConnectionError) as failure:
            link.exchange(PING, 1)

    assert "ssl_certfile" in explain(failure.value)


def test_a_connection_that_is_reset_after_the_handshake_is_no_failure_of_tls(certificates: Certificates) -> None:
    def reset(connection: socket.socket, context: ssl.SSLContext) -> None:
        secure = context.wrap_socket(connection, server_side=True)
        # The handshake of the client has ended, too, because this is encrypted with its result.
        secure.recv(1)
        secure.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        secure.close()

    with linked(certificates, reset) as link:
        link.sendall(b"x")
        wait_for(link, select.POLLHUP)
        with pytest.raises(ConnectionError) as failure:
            link.exchange(PING, 1)

    assert explain(failure.value).startswith("can't be reached")


@pytest.mark.parametrize("surplus", [False, True])
def test_records_of_any_size_are_read_completely(certificates: Certificates, surplus: bool) -> None:
    content = bytes(range(256)) * 1024
    response = b"$%d\r\n%b\r\n" % (len(content), content)

    def respond(connection: socket.socket, context: ssl.SSLContext) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(len(PING))
            for size, start in ((1, 0), (100, 1), (16_383, 101), (16_384, 16_484)):
                secure.sendall(response[start : start + size])
            secure.sendall(response[32_868:] + b"+OK\r\n" * surplus)
            secure.recv(1)

    with linked(certificates, respond) as link:
        assert link.exchange(PING, 1) == [content]
        assert link.is_quiet == (not surplus)


def drip(server: ssl.SSLSocket) -> None:
    server.sendall(b"$1000000\r\n")
    while True:
        server.sendall(b"x")
        select.select([], [], [], 0.002)


def sip(server: ssl.SSLSocket) -> None:
    while server.recv(500):
        select.select([], [], [], 0.002)


@pytest.mark.parametrize(("behave", "number"), [(drip, 1), (sip, 1_000_000)], ids=["drips", "sips"])
def test_a_server_that_never_ends_is_left_at_the_deadline(
    certificates: Certificates, behave: Callable[[ssl.SSLSocket], None], number: int
) -> None:
    def serve(connection: socket.socket, context: ssl.SSLContext) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            behave(secure)

    with linked(certificates, serve) as link:
        began = time.monotonic()
        with deadline.within(0.1), pytest.raises(TimeoutError):
            link.exchange(PING * number, number)
        took = time.monotonic() - began
        link.shutdown(socket.SHUT_RDWR)

    assert took < 2
