"""The settings of the gate in tests, and requests to it."""

from typing import Any

import pyotp
from werkzeug.test import TestResponse

from domain.secret import SharedSecret
from tests.presentation.api import GATE_COOKIE as COOKIE
from tests.presentation.api import RFC_SECRET, Api

GATE: dict[str, Any] = {"gate_secret": SharedSecret.from_base32(RFC_SECRET)}


TENANT: dict[str, Any] = GATE | {"api_keys": (("staff", "s" * 32), ("shop", "k" * 32)), "gate_tenant": "staff"}


DOMAIN: dict[str, Any] = GATE | {"gate_cookie_domain": "example.com", "trusted_proxies": 1}


APP = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "app.example.com", "Accept": "text/html"}


METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]


MOST = 950
"""The number of cookies for which a head of 64 KiB has room."""


def code(api: Api, step: int = 0) -> str:
    return pyotp.TOTP(RFC_SECRET).at(api.clock.now() + 30 * step)


def log_in(api: Api, typed: str, **fields: str) -> TestResponse:
    headers = fields.pop("headers", None)
    return api.client.post("/auth/login", data={"code": typed} | fields, headers=headers)


def check(api: Api, **options: Any) -> TestResponse:
    return api.client.open("/auth/check", **options)


def wrong(api: Api) -> str:
    good = {code(api, step) for step in range(-2, 3)}
    return next(guess for guess in ("000000", "111111", "222222", "333333", "444444", "555555") if guess not in good)


def junk(number: int) -> list[str]:
    """Return well-formed values that are not tokens."""
    return [f"{each:043}" for each in range(number)]


def processed(api: Api) -> int:
    count: int = api.redis.info("stats")["total_commands_processed"]
    return count


def token(api: Api) -> str:
    cookie = api.client.get_cookie(COOKIE)
    assert cookie is not None
    return cookie.value


def passing_with(api: Api, *tokens: str) -> int:
    """Return the status of a check with only these cookies."""
    stranger = Api(api.redis, api.clock, **GATE).client
    return stranger.get("/auth/check", headers={"Cookie": "; ".join(f"{COOKIE}={each}" for each in tokens)}).status_code


def stored(api: Api) -> dict[bytes, bytes]:
    return {key: api.redis.dump(key) for key in api.redis.scan_iter()}


def check_forward(api: Api, headers: dict[str, str]) -> str:
    return api.client.get("/auth/forward", headers=headers).headers["Location"]
