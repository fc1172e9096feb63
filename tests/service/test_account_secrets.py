"""Logs at DEBUG, metrics, error texts, descriptions and Redis contain no secret of an account."""

import base64
from collections.abc import Iterator
from typing import Any

import pyotp
import pytest
import requests
from redis import Redis

from tests.service.accounts import API_KEYS, KEYS, Account, good_code
from tests.service.conftest import TWO_BY_EIGHT
from tests.service.sessions import wrong
from tests.service.test_secrets import Remains, found
from tests.service.wire import once, request
from tests.support.redis_server import RedisServer
from tests.support.service import Service

MASTER = "a master secret that nobody could guess"
WRONG_KEY = "a-key-of-nobody-that-has-36-characters"


@pytest.fixture(scope="module")
def remains(redis_server: RedisServer) -> Iterator[Remains]:
    settings = {"OPEN_MFA_REDIS_URL": redis_server.url, "OPEN_MFA_LOG_LEVEL": "DEBUG", **KEYS, **TWO_BY_EIGHT}
    with redis_server.client() as client, Service(**settings, OPEN_MFA_DERIVATION_SECRET=MASTER) as service:
        client.flushdb()
        yield everything_said(client, service)


def everything_said(client: Redis, service: Service) -> Remains:
    secrets = {f"the key of the {name}": key.encode() for name, key in API_KEYS.items()}
    secrets |= {"a wrong key": WRONG_KEY.encode(), "the master secret": MASTER.encode()}
    refusals: list[bytes] = []
    account = Account(service.port)
    for factor, body in (("hotp", {}), ("totp", {}), ("totp", {"derived": True})):
        account = Account(service.port)
        enrolled = account.enrol(factor, digits=8, **body)
        secrets |= secrets_of(f"{factor} {body}", enrolled)
        refusals += [account.submit(f"{factor}/verify", good_code(enrolled)).body for _ in range(2)]
        replacement = account.enrol(f"{factor}/replacement", digits=8, **body)
        secrets |= secrets_of(f"the replacement of {factor} {body}", replacement)
        for code in (wrong(good_code(enrolled)), good_code(enrolled), good_code(replacement)):
            paths = ("challenge", f"{factor}/disable", f"{factor}/replacement/verify", "recovery-codes/verify")
            refusals += [account.submit(path, code).body for path in paths]
            refusals += [account.submit(path, f"{code}x").body for path in paths]
        refusals.append(account.send("POST", f"{factor}/resync", {"codes": [wrong(good_code(enrolled, 1))] * 2}).body)
    codes = account.recovery_codes()
    for number, code in enumerate(codes):
        secrets[f"recovery code {number}"] = code.encode()
        secrets[f"recovery code {number} as it is compared"] = code.replace("-", "").encode()
        refusals += [account.submit(path, code).body for path in ("challenge", "recovery-codes/verify")]
    refusals += [account.send("POST", "recovery-codes/verify", {"code": code + "x"}).body for code in codes]
    for key in (WRONG_KEY, f"{API_KEYS['shop']}x"):
        refusals.append(
            once(service.port, request("GET", "/api/v1/accounts/a", None, {"Authorization": f"Bearer {key}"})).body
        )
    refusals.append(account.send("GET", f"totp?access_token={API_KEYS['shop']}&code={codes[0]}").body)
    descriptions = [
        account.send("GET", path).body for path in ("", "totp", "recovery-codes", "totp/qr", "totp/replacement/qr")
    ]
    stored = b"\n".join(key + b"=" + (client.get(key) or b"") for key in client.scan_iter())
    metrics = requests.get(f"{service.base}/metrics", timeout=5).text
    return Remains(
        secrets,
        service.log.read_text(),
        metrics,
        b"\n".join(refusals).decode(),
        b"\n".join(descriptions).decode(),
        stored,
    )


def secrets_of(name: str, enrolled: dict[str, Any]) -> dict[str, bytes]:
    """Return the secret, and the codes that are valid in the next minutes."""
    codes = {f"code {ahead} of {name}": good_code(enrolled, ahead).encode() for ahead in range(3)}
    return codes | {f"the secret of {name}": pyotp.HOTP(enrolled["secret"]).byte_secret()}


def test_the_search_finds_each_form_of_a_secret(remains: Remains) -> None:
    everything = b" ".join(base64.b64encode(secret) for secret in remains.secrets.values())

    assert found(remains.secrets, everything) == list(remains.secrets)


def test_the_searched_texts_are_not_empty(remains: Remains) -> None:
    assert {"DEBUG", "INFO", "WARNING"} <= {line.split('"')[7] for line in remains.logs.splitlines()}
    assert remains.logs.count("recovery-codes") > 10
    assert remains.redis.count(b"open-mfa:{account:shop:") >= 3
    assert 'purpose="challenge"' in remains.metrics


def test_no_secret_is_in_the_logs(remains: Remains) -> None:
    assert found(remains.secrets, remains.logs.encode()) == []


def test_no_secret_is_in_the_metrics(remains: Remains) -> None:
    assert found(remains.secrets, remains.metrics.encode()) == []


def test_no_account_is_in_the_metrics(remains: Remains) -> None:
    assert "account-" not in remains.metrics


def test_no_secret_is_in_a_refusal(remains: Remains) -> None:
    assert found(remains.secrets, remains.refusals.encode()) == []


def test_no_secret_is_in_a_description(remains: Remains) -> None:
    assert found(remains.secrets, remains.descriptions.encode()) == []


def test_no_plain_secret_is_in_redis(remains: Remains) -> None:
    assert found(remains.secrets, remains.redis) == []
