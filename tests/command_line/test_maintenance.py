"""`open-mfa reseal` and `open-mfa account` work while the service runs on the same Redis."""

import base64
import json
from collections.abc import Iterator

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


@pytest.mark.parametrize(
    ("arguments", "own", "reason"),
    [
        (["account", "show", "a b"], {}, "must be 1 to 255"),
        (["account", "show", "alice", "--tenant", "bank"], {}, "it has shop"),
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
        (["account", "show", "alice"], {"OPEN_MFA_API_KEYS": ""}, "OPEN_MFA_API_KEYS is not set"),
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
