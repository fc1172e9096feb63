"""Host and port are read exactly or refused."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.network.address import Address, is_ip_address

PORTS = st.integers(1, 65535)
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?(\.[a-z0-9]{1,8}){0,3}", fullmatch=True)
IPV4 = st.ip_addresses(v=4).map(str)
IPV6 = st.ip_addresses(v=6).map(str)


@given(NAMES | IPV4 | IPV6, PORTS)
def test_every_address_is_read_as_it_is_written(host: str, port: int) -> None:
    address = Address(host, port)
    assert Address.parse(str(address), default_port=1) == address


@given(NAMES | IPV4, PORTS)
def test_the_default_port_is_used_if_none_is_written(host: str, port: int) -> None:
    assert Address.parse(host, port) == (host, port)


@given(IPV6, PORTS)
def test_brackets_around_an_ipv6_address_are_not_part_of_the_host(host: str, port: int) -> None:
    assert Address.parse(f"[{host}]", port) == (host, port)


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_an_internationalized_name_becomes_a_labels(written: str, host: str) -> None:
    assert Address.parse(f"{written}:25", default_port=1) == (host, 25)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "one host"),
        ("a,b", "one host"),
        ("a b", "one host"),
        ("a:", "one host"),
        ("a:0", "one host"),
        ("a:65536", "one host"),
        ("a:123456", "one host"),
        ("a:port", "one host"),
        ("user@a", "one host"),
        ("::1", "one host"),
        ("[::1", "one host"),
        ("[::1]x", "one host"),
        ("[a]", "IPv6 address in the brackets"),
        ("[1.2.3.4]", "IPv6 address in the brackets"),
        ("[1:2]", "IPv6 address in the brackets"),
        ("a\u2603b\u200d.example", "IDNA 2008"),
    ],
)
def test_every_other_text_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"^must .*{reason}"):
        Address.parse(text, default_port=1)


@given(st.text())
def test_any_text_is_an_address_or_raises_value_error(text: str) -> None:
    try:
        address = Address.parse(text, default_port=1)
    except ValueError:
        return
    assert address.host.isascii()
    assert 0 < address.port < 65536


@given(st.ip_addresses())
def test_an_ip_address_is_no_name(address: IPv4Address | IPv6Address) -> None:
    assert is_ip_address(str(address))


@given(NAMES.filter(lambda name: not name.replace(".", "").isdecimal()))
def test_a_name_is_no_ip_address(name: str) -> None:
    assert not is_ip_address(name)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST"])
def test_a_loopback_address_stays_on_this_machine(host: str) -> None:
    assert Address(host, 1).is_loopback


@pytest.mark.parametrize("host", ["10.0.0.7", "2001:db8::1", "0.0.0.0", "::", "redis", "localhost.example"])
def test_every_other_address_may_leave_this_machine(host: str) -> None:
    assert not Address(host, 1).is_loopback
