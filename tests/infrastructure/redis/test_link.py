"""The exchange of commands and responses: every response belongs to its command, and every wait ends in time."""

import contextlib
import itertools
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import BusyLoadingError, ConnectionError, InvalidResponse, ResponseError, TimeoutError

from infrastructure.network import deadline
from infrastructure.redis.client.link import Link
from infrastructure.redis.client.pipeline import send
from infrastructure.redis.client.url import connector
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.scripted_server import Respond, ScriptedServer

PING = b"*1\r\n$4\r\nPING\r\n"
OK = b"+OK\r\n"
LONGEST = 30.0
"""Seconds after which a test gives up."""

leaves = (
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=100) | st.binary(min_size=20_000, max_size=40_000)
)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4), max_leaves=8)
errors = st.text("abc xyz", min_size=1).map(lambda text: ResponseError(f"WRONG {text}"))


def encode(value: Any) -> bytes:
    """Return a response in RESP 2."""
    if value is None:
        return b"$-1\r\n"
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, list):
        return b"*%d\r\n" % len(value) + b"".join(map(encode, value))
    if isinstance(value, Exception):
        return f"-{value}\r\n".encode()
    return b"$%d\r\n%b\r\n" % (len(value), value)


def comparable(responses: list[Any]) -> list[Any]:
    return [(type(each), str(each)) if isinstance(each, Exception) else each for each in responses]


@contextlib.contextmanager
def linked(kind: int = socket.SOCK_STREAM) -> Iterator[tuple[Link, socket.socket]]:
    """A link, and the other end of its connection."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
    with ours, theirs:
        yield Link(ours), theirs


@contextlib.contextmanager
def serving(respond: Respond) -> Iterator[tuple[Redis, ScriptedServer]]:
    with ScriptedServer(respond) as server:
        client = connector(server.url)()
        assert isinstance(client, Redis)
        with contextlib.closing(client):
            yield client, server


@contextlib.contextmanager
def alongside(run: Callable[[], object]) -> Iterator[None]:
    """Run a function in another thread, until it ends or its socket is closed."""

    def until_closed() -> None:
        with contextlib.suppress(OSError):
            run()

    thread = threading.Thread(target=until_closed, daemon=True)
    thread.start()
    yield
    thread.join(LONGEST)
    assert not thread.is_alive()


@given(st.lists(values | errors, min_size=1, max_size=6), st.data())
def test_any_split_of_the_bytes_yields_the_same_responses(responses: list[Any], data: st.DataObject) -> None:
    stream = b"".join(map(encode, responses))
    cuts = data.draw(st.lists(st.integers(1, len(stream)), max_size=40), "cuts")
    # One read takes one packet, so it returns exactly the bytes between two cuts, up to the size of the buffer.
    limits = sorted({*cuts, *range(0, len(stream), 16_384), len(stream)})
    with linked(socket.SOCK_SEQPACKET) as (link, server):
        with alongside(lambda: [server.send(stream[start:end]) for start, end in itertools.pairwise(limits)]):
            received = link.exchange(b"commands", len(responses))

        assert comparable(received) == comparable(responses)
        assert link.is_quiet


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(0, 3))
def test_a_surplus_of_responses_makes_the_connection_unusable(numbers: list[int], surplus: int) -> None:
    counter = itertools.count()
    with linked() as (link, server):
        for number in numbers:
            expected = [next(counter) for _ in range(number)]
            server.sendall(b"".join(map(encode, expected)))
            assert link.exchange(PING * number, number) == expected
            assert link.is_quiet
        server.sendall(OK * (1 + surplus))

        assert link.exchange(PING, 1) == [b"OK"]
        assert link.is_quiet == (not surplus)


def test_a_part_of_a_response_makes_the_connection_unusable() -> None:
    with linked() as (link, server):
        server.sendall(OK + b"$5\r\nab")

        assert link.exchange(PING, 1) == [b"OK"]
        assert not link.is_quiet


BEHAVIOURS = ("respond", "respond twice", "keep back", "break off", "close", "no protocol")


@given(st.lists(st.tuples(st.sampled_from(BEHAVIOURS), st.integers(1, 3)), min_size=1, max_size=8))
def test_no_command_gets_the_response_of_another_one(steps: list[tuple[str, int]]) -> None:
    behaviour = "respond"
    kept = b""

    def respond(connection: socket.socket, command: list[Any]) -> None:
        nonlocal kept
        response = encode(command[1])
        match behaviour:
            case "respond":
                connection.sendall(kept + response)
                kept = b""
            case "respond twice":
                connection.sendall(response * 2)
            case "keep back":
                kept += response
            case "break off":
                connection.sendall(response[:-3])
                connection.shutdown(socket.SHUT_RDWR)
            case "close":
                connection.shutdown(socket.SHUT_RDWR)
            case "no protocol":
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with serving(respond) as (client, _):
        for step, (chosen, number) in enumerate(steps):
            # What was kept back belongs to a connection that the client has closed.
            behaviour, kept = chosen, b""
            # The surplus is in the packet of the response. If it came later, it could come after the next command.
            count = 1 if chosen == "respond twice" else number
            own = [b"%d.%d" % (step, each) for each in range(count)]
            commands = [("ECHO", each) for each in own]
            if chosen == "respond":
                assert send(client, commands) == own
                continue
            with deadline.within(0.02), contextlib.suppress(ConnectionError, InvalidResponse, TimeoutError):
                assert send(client, commands) == own
                assert chosen == "respond twice"


def test_a_response_that_comes_too_late_answers_no_other_command() -> None:
    late = threading.Event()

    def respond(connection: socket.socket, command: list[Any]) -> None:
        if command[1] == b"slow":
            late.wait(LONGEST)
        connection.sendall(encode(command[1]))

    with serving(respond) as (client, _):
        with deadline.within(0.05), pytest.raises(TimeoutError):
            send(client, [("ECHO", "slow")])
        late.set()

        assert send(client, [("ECHO", "quick")]) == [b"quick"]


@pytest.mark.parametrize("message", [b"", OK, b"-ERR idle for too long\r\n"], ids=["nothing", "data", "an error"])
def test_a_connection_on_which_an_idle_server_sent_or_closed_something_is_replaced(message: bytes) -> None:
    with serving(lambda connection, command: connection.sendall(encode(command[1]))) as (client, server):
        assert send(client, [("ECHO", "before")]) == [b"before"]
        (connection,) = client.connection_pool._spare  # type: ignore[attr-defined] # of our pool
        if message:
            server.send_unasked(message)
        else:
            server.close_connections()
        wait_until(lambda: not connection._link.is_quiet, "the message")

        assert send(client, [("ECHO", "afterwards")]) == [b"afterwards"]
        assert server.connected == 2


def test_a_response_larger_than_the_buffer_and_many_responses_arrive_completely(redis_server: RedisServer) -> None:
    large = bytes(range(256)) * 8192
    client = connector(redis_server.url)()
    assert isinstance(client, Redis)
    with contextlib.closing(client):
        assert send(client, [("SET", "large", large), ("GET", "large"), ("DEL", "large")]) == [b"OK", large, 1]
        numbers = [b"%d" % number for number in range(20_000)]
        assert send(client, [("ECHO", number) for number in numbers]) == numbers


def test_the_error_of_a_server_that_loads_its_data_is_returned() -> None:
    with linked() as (link, server):
        server.sendall(b"-LOADING Redis is loading the dataset in memory\r\n" + OK)

        first, second = link.exchange(PING * 2, 2)

    assert isinstance(first, BusyLoadingError)
    assert second == b"OK"


@pytest.mark.parametrize("number", [1, 2])
def test_a_server_that_closes_the_connection_is_reported(number: int) -> None:
    with linked() as (link, server):
        server.sendall(OK[:3] if number == 1 else OK)
        server.shutdown(socket.SHUT_WR)

        with pytest.raises(ConnectionError):
            link.exchange(PING * number, number)


def test_commands_of_any_size_arrive_completely_at_a_slow_reader() -> None:
    commands = b"".join(encode(b"%d" % number) for number in range(300_000))
    received = bytearray()
    with linked() as (link, server):
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

        def read_slowly() -> None:
            while len(received) < len(commands):
                received.extend(server.recv(30_000))
            server.sendall(OK)

        with alongside(read_slowly):
            assert link.exchange(commands, 1) == [b"OK"]

    assert received == commands


def pause(seconds: float) -> None:
    """Wait as a slow server does."""
    select.select([], [], [], seconds)


def drip(server: socket.socket) -> None:
    """Send a response that never ends, one byte at a time, each well before the time-out of one wait."""
    server.sendall(b"$1000000\r\n")
    while True:
        server.sendall(b"x")
        pause(0.002)


def sip(server: socket.socket) -> None:
    """Read commands so slowly that they never end."""
    while server.recv(500):
        pause(0.002)


@pytest.mark.parametrize(("behave", "size"), [(drip, 10), (sip, 5_000_000)], ids=["drips", "sips"])
@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.7])
def test_a_server_that_never_ends_is_left_at_the_deadline(
    behave: Callable[[socket.socket], None], size: int, seconds: float
) -> None:
    with linked() as (link, server):
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        with alongside(lambda: behave(server)):
            began = time.monotonic()
            with deadline.within(seconds), pytest.raises(TimeoutError):
                link.exchange(bytes(size), 1)
            took = time.monotonic() - began
            link.shutdown(socket.SHUT_RDWR)

    assert took < seconds + 1


def test_the_log_in_of_redis_py_ends_at_the_deadline_too() -> None:
    with serving(lambda connection, _: drip(connection)) as (_, server):
        client = connector(server.url.replace("//", "//:secret@"))()
        began = time.monotonic()
        with deadline.within(0.1), pytest.raises(TimeoutError):
            send(client, [("PING",)])  # type: ignore[arg-type] # it is no Cluster
        client.close()

    assert time.monotonic() - began < 2


def test_a_response_that_has_arrived_is_read_although_the_deadline_has_passed() -> None:
    with linked() as (link, server):
        server.sendall(OK)
        with deadline.within(0):
            assert link.exchange(PING, 1) == [b"OK"]
