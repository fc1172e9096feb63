"""Name resolution ends at the deadline."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from infrastructure.network import deadline
from infrastructure.network.errors import NameNotResolved, ResolverTimeout
from infrastructure.network.resolver import resolve


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A resolver that does not answer before the end of the test. The list contains the requested names."""
    asked: list[str] = []
    ended = threading.Event()

    def hang(host: str, *_arguments: Any, **_options: Any) -> Any:
        asked.append(host)
        ended.wait(30)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    yield asked
    ended.set()


def test_the_resolver_has_until_the_deadline(hanging: list[str]) -> None:
    with deadline.within(0.2), pytest.raises(ResolverTimeout):
        resolve("host.example")
    assert hanging == ["host.example"]


def test_one_thread_resolves_a_name_for_all_callers(hanging: list[str]) -> None:
    for _ in range(5):
        with deadline.within(0.05), pytest.raises(ResolverTimeout):
            resolve("another.example")
    assert hanging == ["another.example"]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_ip_address_is_not_resolved(hanging: list[str], host: str) -> None:
    assert resolve(host) == [host]
    assert hanging == []


@pytest.mark.parametrize("host", [f"{'a' * 64}.example", "a..example", "\ud800.example"])
def test_a_name_that_cannot_be_in_the_dns_is_refused_at_once(hanging: list[str], host: str) -> None:
    with deadline.within(0), pytest.raises(NameNotResolved):
        resolve(host)
    assert hanging == []


def test_a_name_resolves_to_its_addresses() -> None:
    assert {"127.0.0.1", "::1"} & set(resolve("localhost"))


def test_every_address_is_returned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = ["192.0.2.2", "192.0.2.1", "192.0.2.2"]
    results = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, 0)) for host in hosts]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: results)
    assert resolve("twice.example") == ["192.0.2.2", "192.0.2.1"]


@pytest.mark.parametrize("host", ["nowhere.invalid", f"{'a' * 64}.example", "a..example"])
def test_a_name_without_an_address_is_reported(host: str) -> None:
    with pytest.raises(NameNotResolved):
        resolve(host)
