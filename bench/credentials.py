"""Sessions with all three factors, accounts with one, and requests for them.

Before each repetition, the stored records are restored, so that spent codes are valid again.
"""

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyotp
import redis
import requests
from redis.cluster import RedisCluster

from bench.connections import Connections
from bench.http import Expected, post
from bench.servers import API_KEY, GATE_SECRET

ENROL: Final = Expected(201, b'"secret"')
ISSUE: Final = Expected(201, b'"code"')
_COOKIE: Final = re.compile(rb"\r\nset-cookie: *([^;]+)", re.IGNORECASE)
_KEYS: Final = "open-mfa:{*"
_RECENTLY: Final = 11
"""The number of spent HOTP codes that the service recognizes as replays."""
_CANDIDATES: Final = [f"{digit * 111111:06d}" for digit in range(10)]


@dataclass(frozen=True, slots=True)
class Session:
    """The cookie of a session, generators for its TOTP and HOTP codes, and its one-time code."""

    cookie: str
    totp: pyotp.TOTP
    hotp: pyotp.HOTP
    code: str


def deal(requests: Sequence[bytes], lanes: int) -> list[list[bytes]]:
    """Distribute requests evenly over the connections."""
    return [list(requests[lane::lanes]) for lane in range(lanes)]


def enrol(connections: Connections, count: int) -> list[Session]:
    """Enrol `count` sessions over HTTP."""
    lanes = deal([post("/api/v1/session/totp")] * count, len(connections))
    totp = [_answer(raw) for lane in connections.run(lanes, ENROL, keep=True).answers for raw in lane]
    cookies = [cookie for cookie, _ in totp]
    hotp = _enrol_more(connections, "/api/v1/session/hotp", b"{}", ENROL, cookies)
    otp = _enrol_more(connections, "/api/v1/session/otp", b'{"lifetime":3600}', ISSUE, cookies)
    return [
        Session(cookie, pyotp.TOTP(str(first["secret"])), pyotp.HOTP(str(second["secret"])), str(third["code"]))
        for (cookie, first), second, third in zip(totp, hotp, otp, strict=True)
    ]


def _enrol_more(
    connections: Connections, path: str, body: bytes, expected: Expected, cookies: Sequence[str]
) -> list[dict[str, object]]:
    """Enrol another factor for each cookie. Return the documents in the order of the cookies."""
    lanes = deal([post(path, body, cookie) for cookie in cookies], len(connections))
    dealt = connections.run(lanes, expected, keep=True).answers
    return [_answer(dealt[index % len(dealt)][index // len(dealt)])[1] for index in range(len(cookies))]


def cookie_of(answer: bytes) -> str:
    """Return the cookie that an answer sets; empty if it sets none."""
    found = _COOKIE.search(answer.partition(b"\r\n\r\n")[0])
    return found[1].decode() if found else ""


def _answer(raw: bytes) -> tuple[str, dict[str, object]]:
    return cookie_of(raw), json.loads(raw.partition(b"\r\n\r\n")[2])


@dataclass(frozen=True, slots=True)
class Account:
    """An account with a confirmed TOTP credential, and the first time step whose code it still accepts."""

    path: str
    totp: pyotp.TOTP
    step: int


def enrol_accounts(connections: Connections, count: int) -> list[Account]:
    """Enrol and confirm a TOTP credential for each of `count` accounts over HTTP."""
    paths = [f"/api/v1/accounts/user-{number}" for number in range(count)]
    lanes = deal([post(f"{path}/totp", b"{}", key=API_KEY) for path in paths], len(connections))
    dealt = connections.run(lanes, ENROL, keep=True).answers
    secrets = [str(_answer(dealt[index % len(dealt)][index // len(dealt)])[1]["secret"]) for index in range(count)]
    step = int(time.time()) // 30
    accounts = [Account(path, pyotp.TOTP(secret), step + 1) for path, secret in zip(paths, secrets, strict=True)]
    codes = [_code(f"{account.path}/totp/verify", account.totp.at(step * 30)) for account in accounts]
    connections.run(deal(codes, len(connections)), Expected(200, b'"verified"'))
    return accounts


def log_in(url: str) -> str:
    """Log in at the gate. Return the value of the Cookie field."""
    code = pyotp.TOTP(GATE_SECRET).now()
    answer = requests.post(f"{url}/auth/login", data={"code": code}, allow_redirects=False, timeout=5)
    return answer.headers["Set-Cookie"].partition(";")[0]


def one_account(connections: Connections, client: redis.Redis) -> dict[bytes, bytes]:
    """Return the records of an account with TOTP and recovery codes, by key."""
    (account,) = enrol_accounts(connections, 1)
    issue = post(f"{account.path}/recovery-codes", b"{}", key=API_KEY)
    connections.run(deal([issue], len(connections)), Expected(201, b'"codes"'))
    keys = client.scan_iter("open-mfa:{account:*", count=1000)
    return {key: client.get(key) or b"" for key in keys}  # type: ignore[misc] # typed for asyncio too


def challenge(accounts: Sequence[Account]) -> list[bytes]:
    """Return a request with a valid code for each account: the current one, or the one after the confirmation."""
    now = int(time.time()) // 30
    return [_code(f"{each.path}/challenge", each.totp.at(max(now, each.step) * 30)) for each in accounts]


def _code(path: str, code: str) -> bytes:
    return post(path, json.dumps({"code": code}).encode(), key=API_KEY)


class Snapshot:
    """The records of all owners in Redis. They can be restored with the same expiry."""

    def __init__(self, client: redis.Redis | RedisCluster) -> None:
        self._client = client
        keys: list[bytes] = list(client.scan_iter(_KEYS, count=1000))
        pipeline = client.pipeline(transaction=False)
        for key in keys:
            pipeline.get(key)
        self.records: dict[bytes, bytes] = dict(zip(keys, pipeline.execute(), strict=True))

    def restore(self) -> None:
        """Write all records in one pipeline."""
        pipeline = self._client.pipeline(transaction=False)
        for key, value in self.records.items():
            pipeline.set(key, value, keepttl=True)
        pipeline.execute()


def verify(session: Session, factor: str, code: str) -> bytes:
    """Return the request that submits a code."""
    return post(f"/api/v1/session/{factor}/verify", json.dumps({"code": code}).encode(), session.cookie)


def good_totp(sessions: Sequence[Session]) -> list[bytes]:
    """Return a request with the current code for each session."""
    return [verify(session, "totp", session.totp.now()) for session in sessions]


def wrong_totp(sessions: Sequence[Session]) -> list[bytes]:
    """Return a request for each session with a code that is not valid within the next minutes."""
    now = int(time.time())
    guesses = []
    for session in sessions:
        near = {session.totp.at(now + step * session.totp.interval) for step in range(-2, 5)}
        guesses.append(verify(session, "totp", next(code for code in _CANDIDATES if code not in near)))
    return guesses


def good_hotp(sessions: Sequence[Session], codes: int) -> list[list[bytes]]:
    """Return requests with the first codes of each session, in order, without codes that equal a recently spent one."""
    wanted = []
    for session in sessions:
        shown = [session.hotp.at(counter) for counter in range(codes + _RECENTLY)]
        fresh = [code for number, code in enumerate(shown) if code not in shown[max(0, number - _RECENTLY) : number]]
        wanted.append([verify(session, "hotp", code) for code in fresh[:codes]])
    return wanted


def good_otp(sessions: Sequence[Session]) -> list[bytes]:
    """Return a request with the one-time code for each session."""
    return [verify(session, "otp", session.code) for session in sessions]
