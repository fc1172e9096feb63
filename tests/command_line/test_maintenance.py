"""`open-mfa reseal` and `open-mfa account` work while the service runs on the same Redis."""

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote

import pyotp
import pytest
import requests

from tests.support.command_line import run
from tests.support.redis_server import RedisServer
from tests.support.service import SETTINGS, Service

API_KEY = "an-API-key-of-the-tests-that-is-long-enough"
TWO_KEYS = f"shop:{API_KEY},bank:{API_KEY}2"
OLD, NEW = (f"{name}:{base64.b64encode(bytes([number] * 32)).decode()}" for number, name in enumerate(("old", "new")))


@pytest.fixture
def settings(redis_server: RedisServer) -> dict[str, str]:
    with redis_server.client() as client:
        client.flushall()
    own = {"OPEN_MFA_REDIS_URL": redis_server.url, "OPEN_MFA_API_KEYS": f"shop:{API_KEY}"}
    return SETTINGS | own | {"OPEN_MFA_ENCRYPTION_KEYS": OLD}


class Account:
    """The account alice, over the API."""

    def __init__(self, service: Service) -> None:
        self._url = f"{service.api}/accounts/alice"
        self._http = requests.Session()
        self._http.headers["Authorization"] = f"Bearer {API_KEY}"
        self._secret = self.post("hotp").json()["secret"]
        self._counter = 0

    def post(self, path: str, **body: str) -> requests.Response:
        return self._http.post(f"{self._url}/{path}", json=body, timeout=10)

    def verify(self) -> int:
        self._counter += 1
        return self.post("hotp/verify", code=pyotp.HOTP(self._secret).at(self._counter - 1)).status_code

    def guess(self) -> int:
        wrong = {pyotp.HOTP(self._secret).at(counter) for counter in range(self._counter + 20)}
        return self.post("hotp/verify", code=next(c for c in ("000000", "111111") if c not in wrong)).status_code

    def show(self) -> dict[str, object]:
        document: dict[str, object] = self._http.get(self._url, timeout=10).json()
        return document


@pytest.fixture
def service(settings: dict[str, str]) -> Iterator[Service]:
    with Service(**settings) as running:
        yield running


@pytest.fixture
def alice(service: Service) -> Account:
    account = Account(service)
    assert account.verify() == 200
    return account


def test_a_former_key_can_be_removed_after_a_rotation(settings: dict[str, str], alice: Account) -> None:
    before = run("reseal", **settings | {"OPEN_MFA_ENCRYPTION_KEYS": f"{NEW},{OLD}"})

    assert before.returncode == 0
    assert "1 sealed under new" in before.stdout
    with Service(**settings | {"OPEN_MFA_ENCRYPTION_KEYS": NEW}) as rotated:
        answer = requests.get(
            f"{rotated.api}/accounts/alice/hotp", headers={"Authorization": f"Bearer {API_KEY}"}, timeout=10
        )
    assert answer.json()["status"] == "confirmed"
    assert alice.post("hotp/verify", code="123456").status_code == 503, "the running service lacks the new key"


def test_an_unreadable_secret_is_reported_and_refused(settings: dict[str, str], alice: Account) -> None:
    done = run("reseal", **settings | {"OPEN_MFA_ENCRYPTION_KEYS": NEW})

    assert done.returncode == 1
    assert "1 can't be read" in done.stdout
    assert "key 'old'" in done.stderr
    assert alice.verify() == 200


def test_show_prints_what_the_api_returns(settings: dict[str, str], alice: Account) -> None:
    done = run("account", "show", "alice", **settings)

    assert done.returncode == 0
    assert json.loads(done.stdout) == alice.show() | {"tenant": "shop"}


def test_unlock_allows_codes_of_the_account_again(settings: dict[str, str], alice: Account) -> None:
    statuses = [alice.guess() for _ in range(6)]

    done = run("account", "unlock", "alice", **settings)

    assert statuses == [403] * 5 + [429]
    assert (done.returncode, alice.verify()) == (0, 200)


def test_delete_removes_all_credentials(settings: dict[str, str], alice: Account) -> None:
    done = run("account", "delete", "alice", **settings)

    assert done.returncode == 0
    assert alice.show() == {"account_id": "alice", "factors": []}


def test_delete_removes_one_authenticator(settings: dict[str, str], service: Service, alice: Account) -> None:
    url = f"{service.api}/accounts/alice/authenticators"
    headers = {"Authorization": f"Bearer {API_KEY}"}
    added = requests.post(url, json={"type": "totp", "name": "Old phone"}, headers=headers, timeout=10).json()
    shown = json.loads(run("account", "show", "alice", **settings).stdout)["factors"]
    wrong = [run("account", "delete", "alice", "--authenticator", each, **settings) for each in ("totp", "x")]

    done = run("account", "delete", "alice", "--authenticator", added["id"], **settings)

    assert (added["id"], "Old phone") in [(each["id"], each["name"]) for each in shown]
    assert [each.returncode for each in wrong] == [1, 1]
    assert all("has no authenticator" in each.stderr for each in wrong)
    assert done.returncode == 0
    assert [each["id"] for each in alice.show()["factors"]] == ["hotp"]


def test_list_prints_what_the_api_returns(settings: dict[str, str], service: Service, alice: Account) -> None:
    done = run("account", "list", **settings)
    answer = requests.get(f"{service.api}/accounts", headers={"Authorization": f"Bearer {API_KEY}"}, timeout=10)

    assert done.returncode == 0
    assert json.loads(done.stdout) == answer.json()
    assert [each["id"] for each in answer.json()["accounts"]] == ["alice"]


def test_list_prints_all_accounts_by_pages_or_at_once(settings: dict[str, str], service: Service) -> None:
    names = {f"auth0|{number}" for number in range(12)}
    for name in names:
        url = f"{service.api}/accounts/{quote(name)}/totp"
        assert requests.post(url, headers={"Authorization": f"Bearer {API_KEY}"}, timeout=10).status_code == 201
    page = json.loads(run("account", "list", "--limit", "5", **settings).stdout)
    found = {each["id"] for each in page["accounts"]}
    while page["next"] is not None:
        page = json.loads(run("account", "list", "--limit", "5", f"--cursor={page['next']}", **settings).stdout)
        assert len(page["accounts"]) <= 5
        found |= {each["id"] for each in page["accounts"]}
    done = run("account", "list", "--all", "--limit", "5", **settings)

    assert {json.loads(line)["id"] for line in done.stdout.splitlines()} == found == names


@pytest.mark.parametrize("name", ["-ann", "--tenant", "cn=ann,dc=example", "auth0|5f7c", "O'Brien", "*", "@file"])
def test_an_id_with_any_first_character_is_shown(settings: dict[str, str], service: Service, name: str) -> None:
    url = f"{service.api}/accounts/{quote(name, safe='')}/totp"
    assert requests.post(url, headers={"Authorization": f"Bearer {API_KEY}"}, timeout=10).status_code == 201

    shown = json.loads(run("account", "show", "--", name, **settings).stdout)

    assert (shown["account_id"], len(shown["factors"])) == (name, 1)


@pytest.mark.parametrize(
    ("arguments", "own", "reason"),
    [
        (["account", "list", "--cursor", "AAAA"], {}, "the cursor is not from a page of this tenant"),
        (["account", "list", "--tenant", "bank"], {}, "the tenants are shop"),
        (["account", "show", "a b"], {}, "must be 1 to 255"),
        (["account", "show", "alice", "--tenant", "bank"], {}, "the tenants are shop"),
        (
            ["account", "show", "alice"],
            {"OPEN_MFA_API_KEYS": f"shop:{API_KEY},bank:{API_KEY}2"},
            "--tenant: shop, bank",
        ),
        (
            ["account", "show", "alice"],
            {"OPEN_MFA_API_KEYS": f"shop:{API_KEY},bank:{API_KEY}2,shop:{API_KEY}3"},
            "--tenant: shop, bank\n",
        ),
        (["account", "show", "alice"], {"OPEN_MFA_API_KEYS": ""}, "OPEN_MFA_API_KEYS are not set"),
        (["account", "show", "alice"], {"OPEN_MFA_REDIS_URL": ""}, "OPEN_MFA_REDIS_URL is not set"),
        (["reseal"], {"OPEN_MFA_REDIS_URL": ""}, "OPEN_MFA_REDIS_URL is not set"),
        (["reseal"], {"OPEN_MFA_REDIS_URL": "redis://127.0.0.1:1"}, "can't be reached"),
        (["reseal"], {"OPEN_MFA_ENCRYPTION_KEYS": ""}, "OPEN_MFA_ENCRYPTION_KEYS: Is required"),
    ],
)
def test_a_refused_command_reports_the_reason(
    settings: dict[str, str], arguments: list[str], own: dict[str, str], reason: str
) -> None:
    done = run(*arguments, **settings | own)

    assert (done.returncode, done.stdout) == (1, "")
    assert reason in done.stderr
