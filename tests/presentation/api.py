"""The application behind the test client of Flask, with a clock that stands still and a store that tests can read."""

from collections.abc import Iterable
from copy import copy
from itertools import count
from typing import Any, Self

import pyotp
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from infrastructure.crypto.sealing import EncryptionKey
from infrastructure.observability.lines import LINES, Lines
from infrastructure.observability.metrics import FRESH, Metrics
from infrastructure.records.codec import REVISION_BYTES
from infrastructure.settings import Administrator
from presentation.bootstrap.stores import redis_store
from presentation.bootstrap.web import create_app
from tests.support.fakes import NOON, FakeClock
from tests.support.redis_clients import embedded_redis, redis_client
from tests.support.settings import settings_with

RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""RFC 4226 appendix D."""
RFC_CODES = ("755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489")
"""RFC 4226 appendix D."""
COOKIE = "__Host-open_mfa_session"
GATE_COOKIE = "__Host-open_mfa_gate"
"""The names of the cookies if they travel over TLS only, which is the default."""
FACTORS = ("otp", "hotp", "totp")
ADMINISTRATOR = ("admin", "correct horse battery staple")
SESSION = "/api/v1/session"
ADMIN = "/api/v1/admin"
ACCOUNTS = "/api/v1/accounts"
API_KEYS = {"shop": "the-key-of-the-shop-in-34-characters", "forum": "the-key-of-the-forum-in-35-characters"}
SETTINGS: dict[str, Any] = {
    "encryption_keys": (EncryptionKey("test", bytes(range(32))),),
    "secret_key": "tests sign their cookies with this key",
    "administrator": Administrator(*ADMINISTRATOR),
    "rate_limit": (),
}

Snapshot = dict[bytes, bytes | None]


class BufferedClient(FlaskClient):
    """Reads responses completely, as a server does, so that the files that were sent are closed."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        return super().open(*args, **options | {"buffered": True})

    def _add_cookies_to_wsgi(self, environ: dict[str, Any]) -> None:
        """Keep a Cookie header that a test sends. Werkzeug would replace it with its own cookies."""
        if "HTTP_COOKIE" not in environ:
            super()._add_cookies_to_wsgi(environ)


class Api:
    """A client of the service. The client that `another()` returns has its own cookies."""

    def __init__(
        self,
        redis: Redis | None = None,
        clock: FakeClock | None = None,
        lines: Lines = LINES,
        metrics: Metrics | None = None,
        **settings: Any,
    ) -> None:
        self.clock = clock or FakeClock()
        self.redis: Redis = redis or embedded_redis()
        everything = settings_with(**SETTINGS | settings)
        self.app = create_app(
            everything,
            store=redis_store(everything, self.clock, lambda: self.redis),
            clock=self.clock,
            lines=lines,
            metrics=metrics or Metrics(monotonic=count(step=FRESH).__next__),
        )
        self.prefix: str = settings.get("path_prefix", "")
        self.app.test_client_class = BufferedClient
        self.client: FlaskClient = self.app.test_client()

    def reset(self) -> None:
        """Empty the store and set the clock back, which is faster than making a new application."""
        self.redis.flushdb()
        self.clock.time = NOON
        self.client = self.app.test_client()

    def another(self) -> FlaskClient:
        return self.app.test_client()

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.client.post(f"{SESSION}/{path}", json={} if body is None else body, **options)

    def get(self, path: str = "", **options: Any) -> TestResponse:
        return self.client.get(f"{SESSION}/{path}".rstrip("/"), **options)

    def delete(self, path: str = "", **options: Any) -> TestResponse:
        return self.client.delete(f"{SESSION}/{path}".rstrip("/"), **options)

    def raw(self, path: str, content: bytes, content_type: str | None = "application/json") -> TestResponse:
        return self.client.post(f"{SESSION}/{path}", data=content, content_type=content_type)

    def enrol(self, factor: str, **body: Any) -> dict[str, Any]:
        answer = self.post(factor, body)
        assert answer.status_code == 201, answer.text
        return document(answer)

    def good_code(self, factor: str, enrolled: dict[str, Any], ahead: int = 0) -> str:
        """Return a code that is valid now."""
        if factor == "otp":
            return str(enrolled["code"])
        first = enrolled["counter"] if factor == "hotp" else self.clock.now() // enrolled["interval"]
        return pyotp.HOTP(enrolled["secret"]).at(first + ahead)

    def verify(self, factor: str, code: Any) -> TestResponse:
        return self.post(f"{factor}/verify", {"code": code})

    def fail(self, factor: str, good: str, times: int) -> None:
        for _ in range(times):
            assert self.verify(factor, other_code(good)).status_code == 403

    def cookie(self) -> str:
        cookie = self.client.get_cookie(COOKIE)
        assert cookie is not None
        return cookie.value

    def snapshot(self) -> Snapshot:
        """Return all stored values by key, except for the revisions that a removal leaves for some seconds."""
        everything = {key: self.redis.get(key) for key in self.redis.scan_iter()}
        return {key: value for key, value in everything.items() if len(value or b"") != REVISION_BYTES}


class Account(Api):
    """An account of a tenant. `of` and `named` return other accounts of the same service."""

    def __init__(self, redis: Redis | None = None, clock: FakeClock | None = None, **settings: Any) -> None:
        super().__init__(redis, clock, **{"api_keys": tuple(API_KEYS.items())} | settings)
        self.name = "alice@example.com"
        self.key = API_KEYS["shop"]

    def of(self, tenant: str) -> Self:
        """Return the account of the same name of another tenant."""
        other = copy(self)
        other.key = API_KEYS[tenant]
        return other

    def named(self, name: str) -> Self:
        """Return another account of the same tenant."""
        other = copy(self)
        other.name = name
        return other

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.send("POST", path, json={} if body is None else body, **options)

    def get(self, path: str = "", **options: Any) -> TestResponse:
        return self.send("GET", path, **options)

    def delete(self, path: str = "", **options: Any) -> TestResponse:
        return self.send("DELETE", path, **options)

    def raw(self, path: str, content: bytes, content_type: str | None = "application/json") -> TestResponse:
        return self.send("POST", path, data=content, content_type=content_type)

    def send(self, method: str, path: str = "", headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        return self.client.open(f"{ACCOUNTS}/{self.name}/{path}".rstrip("/"), method=method, headers=headers, **options)

    def confirmed(self, factor: str, **body: Any) -> dict[str, Any]:
        """Enrol and confirm a factor. The next valid code is that of `good_code(…, ahead=1)`."""
        enrolled = self.enrol(factor, **body)
        assert self.verify(factor, self.good_code(factor, enrolled)).status_code == 200
        return enrolled

    def recovery_codes(self) -> list[str]:
        answer = self.post("recovery-codes")
        assert answer.status_code == 201, answer.text
        codes: list[str] = document(answer)["codes"]
        return codes

    def challenge(self, code: Any, **body: Any) -> TestResponse:
        return self.post("challenge", {"code": code, **body})


def without_a_store() -> Api:
    """Return a client of a service whose Redis is unreachable."""
    return Api(redis_client("redis://127.0.0.1:1"))


def document(answer: TestResponse) -> dict[str, Any]:
    loaded: dict[str, Any] = answer.get_json()
    return loaded


def slug(answer: TestResponse) -> str:
    """Return the slug of a problem document; an empty text for any other response."""
    if answer.mimetype != "application/problem+json":
        return ""
    return str(document(answer)["type"]).removeprefix("/problems/")


def other_code(code: str) -> str:
    """Return a different code of the same length."""
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}d}"


def all_routes(api: Api) -> Iterable[tuple[str, str]]:
    """Yield all methods and paths that are served, with values for the variables."""
    for rule in api.app.url_map.iter_rules():
        if rule.build_only:
            continue
        path = rule.rule.replace("<name>", "docs.js").replace("<slug>", "not-found")
        for method in sorted(rule.methods or ()):
            yield method, path


PASTED = [
    "{0} {1}",
    "{0}-{1}",
    " {0}{1} ",
    "{0}\n{1}\r\n",
    "\t{0}\u00a0{1}",
    "{0}\u3000{1}",
    "{0}\u2009\u2028{1}",
    "{0}\u2013{1}",
    "{0}\u2212{1}",
    "\ufeff{0}{1}",
    "\u202a{0} {1}\u202c",
    "{0}\u00ad{1}\u200b",
]
"""Separators between the halves of a code that people type or paste."""
