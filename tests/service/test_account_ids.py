"""Ids of accounts through HTTP and a real Redis: what was enrolled is found by exactly that id and by no other."""

from collections.abc import Iterator
from itertools import count
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.service.accounts import API_KEYS, KEYS
from tests.service.wire import Answer, once, request
from tests.support.account_ids import ACCOUNT_IDS, ALPHABET, EXCLUDED, REAL_IDS
from tests.support.redis_server import RedisServer
from tests.support.service import Service

IN_PATHS = "-._~!$&'()*+,;=:@"
"""Characters that a segment of a path may have without an escape (RFC 3986, section 3.3)."""
_labels = count()


@pytest.fixture(scope="module")
def service(redis_server: RedisServer) -> Iterator[Service]:
    with Service(OPEN_MFA_REDIS_URL=redis_server.url, WEB_CONCURRENCY="1", **KEYS) as running:
        yield running


class Client:
    """A client of the accounts of one tenant, over HTTP."""

    def __init__(self, service: Service, tenant: str = "shop") -> None:
        self.port = service.port
        self._headers = {"Authorization": f"Bearer {API_KEYS[tenant]}"}

    def send(self, method: str, segment: str, path: str = "", body: Any = None) -> Answer:
        """Send a request whose path has exactly this text in the place of the id."""
        target = f"/api/v1/accounts/{segment}{path and '/'}{path}"
        return once(self.port, request(method, target, body, self._headers), method)

    def enrol(self, account: str) -> str:
        """Enrol a secret, and return the label that identifies it."""
        label = f"label-{next(_labels)}"
        self.send("DELETE", encoded(account))
        answer = self.send("POST", encoded(account), "totp", {"label": label})
        assert answer.status == 201, (account, answer.body)
        return label

    def label(self, segment: str) -> str | None:
        """Return the label of the secret that is found by this segment; None if there is none."""
        answer = self.send("GET", segment, "totp")
        return str(answer.document["label"]) if answer.status == 200 else None

    def listed(self) -> set[str]:
        """Return the ids of all accounts."""
        ids: set[str] = set()
        cursor = ""
        while True:
            answer = requests.get(
                f"http://127.0.0.1:{self.port}/api/v1/accounts",
                params={"limit": "500"} | ({"cursor": cursor} if cursor else {}),
                headers=self._headers,
                timeout=10,
            ).json()
            ids |= {each["id"] for each in answer["accounts"]}
            if answer["next"] is None:
                return ids
            cursor = answer["next"]


@pytest.fixture(scope="module")
def client(service: Service) -> Client:
    return Client(service)


def encoded(account: str) -> str:
    return quote(account, safe="")


def every_octet(account: str) -> str:
    return "".join(f"%{octet:02x}" for octet in account.encode())


PLACES = {"alone": "{0}", "at the beginning": "{0}x", "at the end": "x{0}", "twice": "{0}x{0}", "doubled": "{0}{0}"}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_accounts_that_differ_in_any_one_character_are_different(client: Client, place: str) -> None:
    accounts = [place.format(each) for each in ALPHABET if place.format(each) not in {".", ".."}]
    labels = {account: client.enrol(account) for account in accounts}

    assert {account: client.label(encoded(account)) for account in accounts} == labels
    assert {account: client.label(every_octet(account)) for account in accounts} == labels
    unescaped = {account: quote(account, safe=IN_PATHS) for account in accounts}
    assert {account: client.label(segment) for account, segment in unescaped.items()} == labels
    assert set(accounts) <= client.listed()


@pytest.mark.parametrize("account", [*REAL_IDS, "x" * 255, "|" * 255, "..."])
def test_an_id_is_returned_as_it_was_sent(client: Client, account: str) -> None:
    client.enrol(account)

    assert client.send("GET", encoded(account)).document["account_id"] == account
    assert account in client.listed()


@settings(max_examples=60)
@given(st.lists(ACCOUNT_IDS, min_size=2, max_size=4, unique=True))
def test_any_accounts_are_told_apart(client: Client, accounts: list[str]) -> None:
    labels = {account: client.enrol(account) for account in accounts}

    assert {account: client.label(encoded(account)) for account in accounts} == labels
    for account in accounts[1:]:
        client.send("DELETE", encoded(account))
    assert [client.label(encoded(account)) for account in accounts] == [labels[accounts[0]]] + [None] * (
        len(accounts) - 1
    )


@settings(max_examples=60)
@given(ACCOUNT_IDS, st.data())
def test_no_similar_id_finds_an_account(client: Client, account: str, data: st.DataObject) -> None:
    similar = {account.swapcase(), account + " ", " " + account, encoded(account) + "%00", account.replace("+", " ")}
    similar |= {account[1:], account[:-1], account + data.draw(st.sampled_from(ALPHABET)), f"shop:{account}"}
    client.enrol(account)
    others = {each for each in similar if each and each != account and each not in {".", ".."}}

    for each in others:
        client.send("DELETE", encoded(each))
    assert client.label(encoded(account)) is not None
    assert {client.label(encoded(each)) for each in others} <= {None}


INVALID = {
    **{f"U+{ord(each):04X}": encoded(each) for each in EXCLUDED},
    "a space": "%20",
    "a tab": "%09",
    "NUL": "%00",
    "a line break": "%0a",
    "DEL": "%7f",
    "a letter beyond ASCII": "%c3%a9",
    "no UTF-8": "%ff",
    "an overlong slash": "%c0%af",
    "an escape twice": "%252f",
    "no escape": "%zz",
    "a percent sign": "%",
    "a surrogate": "%ed%a0%80",
    "a fullwidth slash": "%ef%bc%8f",
}


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
@pytest.mark.parametrize("character", INVALID.values(), ids=INVALID)
def test_another_character_in_an_id_is_a_bad_request_that_suggests_a_digest(
    client: Client, method: str, character: str
) -> None:
    path, body = ("totp", {}) if method == "POST" else ("", None)
    answers = [
        client.send(method, segment, path, body) for segment in (f"a{character}b", f"{character}b", f"a{character}")
    ]

    assert [(each.status, each.slug) for each in answers] == [(400, "invalid-request")] * 3
    assert all("SHA-256" in str(each.document["errors"]["account_id"]) for each in answers)


@pytest.mark.parametrize("segment", ["%2e", "%2E%2e", ".%2e", "x" * 256, "%78" * 256, "." * 256])
def test_dots_and_a_longer_id_are_a_bad_request(client: Client, segment: str) -> None:
    assert client.send("GET", segment, "totp").slug == "invalid-request"


@pytest.mark.parametrize(
    "tail", ["%2Ftotp", "%2f%2ftotp", "%2Ftotp%2Fverify", "%2ftotp/verify", "/%2e%2e%2fbob", "%2F"]
)
@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_an_encoded_slash_leads_to_no_route(client: Client, method: str, tail: str) -> None:
    label = client.enrol("victim")
    answer = client.send(method, f"victim{tail}", "", {} if method == "POST" else None)

    assert answer.status in {400, 404, 405}
    assert client.label("victim") == label


def test_an_encoded_slash_without_an_api_key_is_unauthenticated(service: Service) -> None:
    assert once(service.port, request("GET", "/api/v1/accounts/a%2Fb"), "GET").status == 401


@pytest.mark.parametrize(
    "path", ["/api/v1/nothing%2fhere", "/api/v1/session/a%2Fb", "/a%2Fb", "/api/v1/accounts/a/nothing"]
)
def test_another_path_without_a_route_is_still_not_found(service: Service, path: str) -> None:
    assert once(service.port, request("GET", path), "GET").slug == "not-found"


def test_both_tenants_have_their_own_account_of_any_id(service: Service, client: Client) -> None:
    forum = Client(service, "forum")
    accounts = [*REAL_IDS, "forum:alice", "shop:alice"]
    labels = [(client.enrol(each), forum.enrol(each)) for each in accounts]

    assert [(client.label(encoded(each)), forum.label(encoded(each))) for each in accounts] == labels
