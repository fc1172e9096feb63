"""Connections keep to the deadline and report their failures as errors of the network."""

import socket
from collections.abc import Iterator

import pytest

from infrastructure.network import deadline
from infrastructure.network.address import Address
from infrastructure.network.errors import DeadlinePassed, NameNotResolved
from infrastructure.network.sockets import connect, tls_context
from tests.support.processes import free_port


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def address_of(server: socket.socket) -> Address:
    return Address(*server.getsockname())


def test_a_connection_carries_data_both_ways(listener: socket.socket) -> None:
    with connect(address_of(listener), None) as ours:
        theirs, _ = listener.accept()
        with theirs:
            ours.sendall(b"request")
            assert theirs.recv(100) == b"request"
            theirs.sendall(b"response")
            buffer = bytearray(100)
            assert bytes(buffer[: ours.recv_into(buffer)]) == b"response"


def test_a_read_from_a_silent_server_ends_at_the_deadline(listener: socket.socket) -> None:
    with deadline.within(0.2), connect(address_of(listener), None) as ours, pytest.raises(TimeoutError):
        ours.recv_into(bytearray(1))


def test_a_handshake_with_a_silent_server_ends_at_the_deadline(listener: socket.socket) -> None:
    with deadline.within(0.2), pytest.raises(TimeoutError):
        connect(address_of(listener), tls_context())


def test_a_passed_deadline_is_reported_without_a_connection(listener: socket.socket) -> None:
    with deadline.within(0), pytest.raises(DeadlinePassed):
        connect(address_of(listener), None)


def test_a_port_without_a_server_is_refused() -> None:
    with pytest.raises(ConnectionRefusedError):
        connect(Address("127.0.0.1", free_port()), None)


def test_a_name_without_an_address_is_reported() -> None:
    with pytest.raises(NameNotResolved):
        connect(Address(f"{'a' * 64}.example", 1), None)


def test_an_unusable_file_of_authorities_is_refused_without_its_path() -> None:
    with pytest.raises(ValueError, match="certificate authorities") as refusal:
        tls_context("/nowhere/hunter2.pem")
    assert "hunter2" not in str(refusal.value)
