"""The rate limit of requests without an API key (docs/reference/http.md, Rate limits)."""

from typing import Any

import pytest
from limits import parse_many

from tests.presentation.api import ADMIN, ADMINISTRATOR, FACTORS, SESSION, Account, Api, document, slug

LIMITED: dict[str, Any] = {"rate_limit": tuple(parse_many("3 per 30 seconds"))}
HERE = "192.0.2.1"


def check(api: Api, address: str = HERE, **headers: str) -> int:
    """Send one code from an address. The factor is not enrolled, which does not matter."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = api.post("totp/verify", {"code": "123456"}, headers=sent, environ_overrides={"REMOTE_ADDR": address})
    return answer.status_code


def test_exactly_as_many_requests_pass_as_the_limit_says() -> None:
    api = Api(**LIMITED)

    assert [check(api) for _ in range(5)] == [404, 404, 404, 429, 429]


def test_the_refusal_has_retry_after() -> None:
    api = Api(**LIMITED)
    for _ in range(3):
        check(api)

    answer = api.post("totp/verify", {"code": "123456"}, environ_overrides={"REMOTE_ADDR": HERE})

    assert slug(answer) == "rate-limited"
    assert 1 <= int(answer.headers["Retry-After"]) <= 30


def test_each_address_has_its_own_count() -> None:
    api = Api(**LIMITED)
    for _ in range(4):
        check(api)

    assert check(api, "192.0.2.2") == 404


def test_the_rate_limit_covers_all_factors_and_sessions_of_an_address() -> None:
    api = Api(**LIMITED)
    statuses = []
    for path in ["otp/verify", "hotp/verify", "totp/verify", "hotp/resync", "totp/resync"]:
        api.client = api.another()
        statuses.append(api.post(path, {"code": "123456", "codes": []}).status_code)

    assert statuses[3:] == [429, 429]


def test_requests_of_administrators_are_counted() -> None:
    api = Api(**LIMITED)
    statuses = [api.client.get(f"{ADMIN}/server", auth=("admin", "guess")).status_code for _ in range(3)]

    assert [*statuses, api.client.get(f"{ADMIN}/server", auth=ADMINISTRATOR).status_code] == [401, 401, 401, 429]


def test_enrolments_have_their_own_count_and_a_limit_ten_times_as_high() -> None:
    api = Api(**LIMITED)
    for _ in range(4):
        check(api, "127.0.0.1")

    answers = [api.another().post(f"{SESSION}/{factor}", json={}) for factor in (*FACTORS * 10, "otp")]

    assert [answer.status_code for answer in answers] == [201] * 30 + [429]
    assert slug(answers[-1]) == "rate-limited"


@pytest.mark.parametrize("replacement", ["", "/replacement"])
@pytest.mark.parametrize("name", ["qr", "qr.svg", "qr.png"])
def test_pictures_count_as_enrolments_because_they_cost_as_much(name: str, replacement: str) -> None:
    api = Api(**LIMITED)
    enrolled = api.enrol("hotp")
    spent = 1
    if replacement:
        assert api.verify("hotp", api.good_code("hotp", enrolled)).status_code == 200
        assert api.post("hotp/replacement").status_code == 201
        spent = 2

    answers = [api.get(f"hotp{replacement}/{name}") for _ in range(31 - spent)]

    assert [answer.status_code for answer in answers] == [200] * (30 - spent) + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_the_document_describes_the_rate_limit_of_pictures() -> None:
    api = Account(**LIMITED)
    paths = document(api.client.get("/openapi.json"))["paths"]
    limited = {path: "429" in methods["get"]["responses"] for path, methods in paths.items() if "/qr" in path}

    assert len(limited) == 30
    assert {path: where for path, where in limited.items() if where != path.startswith(SESSION)} == {}


def test_pictures_of_accounts_are_not_limited() -> None:
    account = Account(**LIMITED)
    account.enrol("totp")

    assert {account.get("totp/qr").status_code for _ in range(40)} == {200}


def test_describing_is_not_limited() -> None:
    api = Api(**LIMITED)
    api.enrol("totp")
    for _ in range(4):
        check(api, "127.0.0.1")

    assert [api.get("totp").status_code for _ in range(50)] == [200] * 50


def test_a_refused_request_judges_no_code() -> None:
    api = Api(**LIMITED)
    code = api.good_code("hotp", api.enrol("hotp"))
    for _ in range(3):
        check(api, "127.0.0.1")

    assert slug(api.verify("hotp", code)) == "rate-limited"
    assert document(api.get("hotp"))["status"] == "pending"


def test_there_is_no_limit_if_it_is_switched_off(api: Api) -> None:
    assert {check(api) for _ in range(60)} == {404}


@pytest.mark.parametrize("forged", ["203.0.113.9", "203.0.113.9, 198.51.100.2", "garbage"])
def test_without_a_trusted_proxy_no_header_changes_the_client_address(forged: str) -> None:
    api = Api(**LIMITED)
    for number in range(3):
        check(api, X_Forwarded_For=f"203.0.113.{number}")

    assert check(api, X_Forwarded_For=forged) == 429


def test_behind_a_trusted_proxy_the_client_is_counted_and_not_the_proxy() -> None:
    api = Api(**LIMITED, trusted_proxies=1)
    for _ in range(3):
        check(api, X_Forwarded_For="203.0.113.1")

    assert check(api, X_Forwarded_For="203.0.113.1") == 429
    assert check(api, X_Forwarded_For="203.0.113.2") == 404


def test_the_clients_entries_before_those_of_the_proxy_are_ignored() -> None:
    api = Api(**LIMITED, trusted_proxies=1)
    for number in range(3):
        check(api, X_Forwarded_For=f"10.0.0.{number}, 203.0.113.1")

    assert check(api, X_Forwarded_For="10.9.9.9, 203.0.113.1") == 429


def test_behind_two_trusted_proxies_the_second_entry_from_the_end_is_the_client() -> None:
    api = Api(**LIMITED, trusted_proxies=2)
    for number in range(3):
        check(api, X_Forwarded_For=f"10.0.0.{number}, 203.0.113.1, 198.51.100.7")

    assert check(api, X_Forwarded_For="10.9.9.9, 203.0.113.1, 198.51.100.8") == 429


def test_an_ipv6_network_of_64_bits_is_one_client() -> None:
    api = Api(**LIMITED)
    for number in range(3):
        check(api, f"2001:db8:0:1::{number:x}")

    assert check(api, "2001:db8:0:1:ffff:ffff:ffff:ffff") == 429
    assert check(api, "2001:db8:0:2::1") == 404


def test_an_ipv4_address_and_its_ipv6_mapping_share_a_count() -> None:
    api = Api(**LIMITED)
    for _ in range(3):
        check(api, "192.0.2.1")

    assert check(api, "::ffff:192.0.2.1") == 429


def test_instances_with_the_same_redis_share_the_count(api_on_redis: Api) -> None:
    first, second = Api(api_on_redis.redis, **LIMITED), Api(api_on_redis.redis, **LIMITED)

    assert [check(instance) for instance in (first, second, first, second, first)] == [404, 404, 404, 429, 429]


def test_the_count_ends_with_its_window(api_on_redis: Api) -> None:
    check(Api(api_on_redis.redis, **LIMITED))

    ((_, life),) = [(key, api_on_redis.redis.ttl(key)) for key in api_on_redis.snapshot()]

    assert 0 < life <= 30


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        ("203.0.113.1:1000", "203.0.113.1:2000", "203.0.113.2:1000"),
        ("[2001:db8::1]:1000", "2001:db8::2", "[2001:db8:1::1]:1000"),
        ("[2001:db8::1]", "2001:db8::1", "[2001:db8:1::1]"),
    ],
)
def test_a_port_beside_a_forwarded_address_does_not_matter(one: str, same: str, other: str) -> None:
    api = Api(**LIMITED, trusted_proxies=1)
    for _ in range(3):
        check(api, X_Forwarded_For=one)

    assert check(api, X_Forwarded_For=same) == 429
    assert check(api, X_Forwarded_For=other) == 404
