"""Redis URLs are read exactly or refused."""

import contextlib
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from infrastructure.redis.client import connection
from infrastructure.redis.client.url import InvalidRedisUrl, connector
from tests.infrastructure.redis.callers import Caller, new_owner, timed
from tests.support.redis_server import RedisServer
from tests.support.redis_topologies import Certificates, Cluster, Node, SentinelSet, free_ports

SPECIAL = "p@ss:w/ord?#[é]% "


def pool_of(url: str) -> Any:
    """Return the pool of a URL. It does not connect."""
    client = connector(url)()
    assert isinstance(client, Redis)
    return client.connection_pool


def options(url: str) -> dict[str, Any]:
    """Return the options of the connections of a URL."""
    made_with: dict[str, Any] = pool_of(url).connection_kwargs
    return made_with


def sentinels(url: str) -> list[tuple[str, int]]:
    pools = [each.connection_pool.connection_kwargs for each in pool_of(url).sentinel_manager.sentinels]
    return [(pool["host"], pool["port"]) for pool in pools]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://cache", {"host": "cache", "port": 6379}),
        ("redis://cache/", {"host": "cache", "port": 6379}),
        ("redis://cache:7000", {"host": "cache", "port": 7000}),
        ("redis://cache:7000/3", {"host": "cache", "port": 7000, "db": 3}),
        ("redis://cache?db=3", {"host": "cache", "db": 3}),
        ("redis://10.0.0.1/0", {"host": "10.0.0.1", "db": 0}),
        ("redis://[::1]", {"host": "::1", "port": 6379}),
        ("redis://[fe80::1]:7000/1", {"host": "fe80::1", "port": 7000, "db": 1}),
        ("redis://:secret@cache", {"password": "secret"}),
        ("redis://user:secret@cache", {"username": "user", "password": "secret"}),
        ("redis://us%40er:p%3Aw@cache", {"username": "us@er", "password": "p:w"}),
        (f"redis://user:{quote(SPECIAL, safe='')}@cache", {"username": "user", "password": SPECIAL}),
        (f"redis://cache?password={quote(SPECIAL)}&username=user", {"username": "user", "password": SPECIAL}),
        ("REDIS://:secret@Cache:7000/3", {"password": "secret", "host": "Cache", "port": 7000, "db": 3}),
        ("redis://:100%@cache", {"password": "100%"}),
        ("Unix:///run/redis.sock", {"path": "/run/redis.sock"}),
        ("REDIS+Sentinel://:secret@a/otp/4", {"password": "secret", "db": 4}),
        ("unix:///run/redis.sock", {"path": "/run/redis.sock"}),
        ("unix:///run/my%20redis.sock?db=2", {"path": "/run/my redis.sock", "db": 2}),
        ("unix://user:secret@/run/redis.sock", {"username": "user", "password": "secret", "path": "/run/redis.sock"}),
        ("redis+sentinel://a,b:1/otp", {"username": None, "password": None, "db": None}),
        ("redis+sentinel://user:secret@a/otp/4", {"username": "user", "password": "secret", "db": 4}),
    ],
)
def test_a_url_defines_the_options_of_its_connections(url: str, expected: dict[str, Any]) -> None:
    found = options(url)
    assert {name: found.get(name) for name in expected} == expected


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_url_can_contain_any_user_and_password(user: str, password: str) -> None:
    found = options(f"redis://{quote(user, safe='', errors='surrogatepass')}:{quote(password, safe='')}@cache")
    assert (found["username"], found["password"]) == (user, password)


def test_a_rediss_url_requires_a_certificate_for_the_host() -> None:
    context = options("rediss://cache")["context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_the_check_of_the_host_can_be_disabled() -> None:
    context = options("rediss://cache?ssl_check_hostname=false")["context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert not context.check_hostname


def test_the_check_of_the_certificate_can_be_disabled() -> None:
    assert options("rediss://cache?ssl_cert_reqs=none")["context"].verify_mode is ssl.CERT_NONE


def test_only_the_named_authority_is_trusted(certificates: Certificates) -> None:
    context = options(f"rediss://cache{certificates.query}")["context"]
    assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis+sentinel://a/otp", [("a", 26379)]),
        ("redis+sentinel://a:1,b,[::1]:3/otp", [("a", 1), ("b", 26379), ("::1", 3)]),
        ("redis+sentinel://user:secret@a:1,b:2/otp/1", [("a", 1), ("b", 2)]),
    ],
)
def test_all_sentinels_of_a_url_are_known(url: str, expected: list[tuple[str, int]]) -> None:
    assert sentinels(url) == expected


def test_sentinels_have_their_own_passwords() -> None:
    pool = pool_of("redis+sentinel://user:secret@a/otp?sentinel_password=other")
    (sentinel,) = pool.sentinel_manager.sentinels
    asking = sentinel.connection_pool.connection_kwargs
    assert (asking["username"], asking["password"]) == (None, "other")


def test_connections_to_sentinels_and_master_use_tls() -> None:
    pool = pool_of("rediss+sentinel://a/otp")
    (sentinel,) = pool.sentinel_manager.sentinels
    assert pool.connection_class is connection.MasterTlsConnection
    assert sentinel.connection_pool.connection_class is connection.TlsConnection


WRONG = [
    "",
    "cache",
    "cache:6379",
    "http://:{}@cache",
    "redis://:p@{}@cache",
    "redis://:{}@one,:{}@two",
    "redis://cache?password={}@",
    "redis://cache?password={}#",
    "redis://:{}%FF@cache",
    "redis://cache?password={}%FF",
    "redis://:{}\udcff@cache",
    "redis:/:{}@cache",
    "redis://",
    "redis:///0",
    "redis://:{}@",
    "redis://:{}@cache:port",
    "redis://:{}@cache:0",
    "redis://:{}@cache:65536",
    "redis://:{}@cache/zero",
    "redis://:{}@cache/-1",
    "redis://:{}@cache#fragment",
    "redis://:{}@[::1",
    "redis://:{}@[cache]",
    "redis://:{}@::1",
    "redis://:{}@one,two",
    "redis://:{}@ca che",
    "redis://:12/{}@cache",
    "redis://:12?{}@cache",
    "redis://:12#{}@cache",
    "redis://:{}@cache?{}",
    "redis://:{}@cache?{}=1",
    "redis://:{}@cache?db={}",
    "redis://:{}@cache?socket_timeout=60",
    "redis://:{}@cache?ssl_ca_certs=/etc/ssl/cert.pem",
    "rediss://:{}@cache?ssl_ca_certs=/{}",
    "rediss://:{}@cache?ssl_certfile=/{}",
    "rediss://:{}@cache?ssl_cert_reqs={}",
    "rediss://:{}@cache?ssl_check_hostname={}",
    "rediss://:{}@cache?ssl_ciphers={}",
    "unix://:{}@cache/run/redis.sock",
    "unix://",
    "unix://:{}@",
    "redis+cluster://",
    "redis+cluster://:{}@a,,b",
    "redis+cluster://:{}@a:1,b:port",
    "redis+cluster://:{}@a/1",
    "redis+cluster://:{}@a?db=1",
    "redis+cluster://:{}@a?sentinel_password={}",
    "redis+sentinel://:{}@a",
    "redis+sentinel://:{}@a/",
    "redis+sentinel://:{}@a/otp/one",
    "redis+sentinel:///otp",
    "redis+tls://:{}@a",
]


@pytest.mark.parametrize("url", WRONG)
def test_a_wrong_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InvalidRedisUrl) as refusal:
        connector(url.replace("{}", "hunter2"))
    assert "hunter2" not in "".join([str(refusal.value), str(refusal.value.__cause__ or "")])


SCHEMES_AND_RESTS = st.sampled_from(
    [
        ("redis", "cache"),
        ("REDIS", "cache:7000/3"),
        ("unix", "/run/redis.sock?db=2"),
        ("redis+cluster", "a:1,b:2"),
        ("Redis+Sentinel", "a,b:2/otp"),
    ]
)


@given(
    SCHEMES_AND_RESTS,
    st.text(st.characters(exclude_characters="%", exclude_categories=["Cs"])),
    st.sampled_from("/?#@"),
)
def test_a_password_that_is_not_encoded_is_refused_with_the_name_of_the_character(
    scheme_and_rest: tuple[str, str], text: str, character: str
) -> None:
    scheme, rest = scheme_and_rest
    password = f"{text}{character}hunter2"

    for url in (f"{scheme}://:{password}@{rest}", f"{scheme}://user:{password}@{rest}"):
        with pytest.raises(InvalidRedisUrl) as refusal:
            connector(url)
        message = str(refusal.value)
        named, _, advice = message.partition(": write ")
        assert character in named.removeprefix("the user or the password has an unencoded ")
        assert quote(character, safe="") in advice
        assert "hunter2" not in message


@given(st.text(st.characters(exclude_characters="%&", exclude_categories=["Cs"]), min_size=1))
def test_a_password_in_the_query_is_read_exactly_or_refused(password: str) -> None:
    refused = {"#", "@"} & set(password)
    refusal = pytest.raises(InvalidRedisUrl, match=r"write an @ after the host as %40|write a # as %23")

    with refusal if refused else contextlib.nullcontext():
        assert options(f"redis://cache?password={password}")["password"] == password


@given(st.text())
def test_any_text_is_accepted_or_refused_with_a_reason(text: str) -> None:
    for url in (text, f"redis://{text}", f"rediss+sentinel://{text}"):
        try:
            connector(url)
        except InvalidRedisUrl:
            continue


def test_a_password_with_special_characters_works_with_a_real_redis(own_server: RedisServer) -> None:
    with own_server.client() as client:
        client.execute_command("ACL", "SETUSER", "us:er", "on", f">{SPECIAL}", "~*", "+@all")
        client.config_set("requirepass", "another")
    login = f"{quote('us:er', safe='')}:{quote(SPECIAL, safe='')}"
    caller = Caller(connector(own_server.url.replace("//", f"//{login}@")))
    caller.enrol(new_owner())
    caller.gateway.close()


def test_the_database_of_the_url_is_used(own_server: RedisServer) -> None:
    caller = Caller(connector(f"redis://127.0.0.1:{own_server.port}/3"))
    caller.enrol(new_owner())
    caller.gateway.close()
    with own_server.client() as client:
        assert set(client.info("keyspace")) == {"db3"}


def test_a_connection_needs_no_handshake(own_server: RedisServer) -> None:
    caller = Caller(connector(own_server.url))
    caller.gateway.ping()
    caller.gateway.close()
    with Redis(port=own_server.port, protocol=2, driver_info=None) as client:
        assert set(client.info("commandstats")) == {"cmdstat_ping"}


def test_a_unix_socket_works(tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    with RedisServer("--unixsocket", str(path)):
        caller = Caller(connector(f"unix://{path}"))
        caller.enrol(new_owner())
        caller.gateway.close()


def test_a_server_with_tls_works(certificates: Certificates) -> None:
    with Node(free_ports(1)[0], tls=certificates) as server:
        caller = Caller(connector(f"rediss://127.0.0.1:{server.port}{certificates.query}"))
        caller.enrol(new_owner())
        caller.gateway.close()


def test_a_server_with_an_untrusted_authority_is_refused(certificates: Certificates) -> None:
    with Node(free_ports(1)[0], tls=certificates) as server:
        caller = Caller(connector(f"rediss://127.0.0.1:{server.port}"))
        assert timed(caller.gateway.ping) < 5
        caller.gateway.close()


def test_a_sentinel_set_with_tls_works(certificates: Certificates) -> None:
    with SentinelSet(certificates, replicas=1) as sentinels_:
        caller = Caller(connector(sentinels_.url), replicas=1)
        caller.enrol(new_owner())
        caller.gateway.close()


def test_a_cluster_with_tls_works(certificates: Certificates) -> None:
    with Cluster(certificates) as cluster:
        caller = Caller(connector(cluster.url), replicas=1)
        for _ in range(10):
            caller.enrol(new_owner())
        caller.gateway.close()
