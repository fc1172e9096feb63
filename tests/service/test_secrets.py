"""Logs at DEBUG, metrics, error texts and Redis contain no secret (docs/reference/http.md, Conventions)."""

import base64
import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from redis import Redis

from tests.conftest import require_redis_server
from tests.service.conftest import TWO_BY_EIGHT
from tests.service.sessions import FACTORS, Session, wrong
from tests.service.wire import Wire, once, request
from tests.support.redis_server import RedisServer
from tests.support.service import Service

IN_THE_URL = "70493157"
"""A code in the wrong part of a request."""
BASIC = "Basic " + base64.b64encode(b"admin:correct horse battery staple").decode()
LONGEST_DECIMAL = 12
"""A secret with fewer digits is also searched as a number."""


class Remains(NamedTuple):
    """The texts that the service has produced, and the secrets that they must not contain."""

    secrets: dict[str, bytes]
    logs: str
    metrics: str
    refusals: str
    descriptions: str
    redis: bytes


@pytest.fixture(scope="module")
def remains() -> Iterator[Remains]:
    require_redis_server()
    with (
        RedisServer("--requirepass", "the-password-of-redis") as redis,
        Service(
            OPEN_MFA_REDIS_URL=redis.url.replace("//", "//:the-password-of-redis@"),
            OPEN_MFA_LOG_LEVEL="DEBUG",
            **TWO_BY_EIGHT,
        ) as service,
    ):
        yield everything_said(redis, service)


def everything_said(redis: RedisServer, service: Service) -> Remains:
    secrets = {
        "the signing key": service.settings["OPEN_MFA_SECRET_KEY"].encode(),
        "the encryption key": base64.b64decode(service.settings["OPEN_MFA_ENCRYPTION_KEYS"].partition(":")[2]),
        "the administrator's password": b"correct horse battery staple",
        "Redis' password": b"the-password-of-redis",
        "a code in the URL": IN_THE_URL.encode(),
    }
    refusals, descriptions = [], []
    for factor in FACTORS:
        session = Session(service.port)
        digits = 10 if factor == "otp" else 8
        enrolled = session.enrol(factor, digits=digits)
        code = (
            enrolled["code"]
            if factor == "otp"
            else next(Session(service.port).good_codes(factor, digits=digits, secret=enrolled["secret"]))
        )
        guess = wrong(code)
        secrets |= {f"a code of {factor}": code.encode(), f"a wrong code of {factor}": guess.encode()}
        secrets |= {f"the session of {factor}": session.headers["Cookie"].partition("=")[2].partition(".")[0].encode()}
        secrets |= {f"the cookie of {factor}": session.headers["Cookie"].partition("=")[2].encode()}
        if factor != "otp":
            secrets[f"the secret of {factor}"] = base64.b32decode(enrolled["secret"])
            session.send("GET", f"{factor}/qr")
        attempts = (guess, code, code, int(code), code + "x", code + "00000")
        refusals += [session.send("POST", f"{factor}/verify", {"code": sent}).body for sent in attempts]
        refusals.append(session.send("POST", f"{factor}/resync", {"codes": [code, guess]}).body)
        refusals.append(session.send("POST", factor, {"secret": code, "digits": 99}).body)
        descriptions += [session.send("GET", factor).body, session.send("GET").body]
        for path in (
            f"{factor}/verify/{IN_THE_URL}",
            f"{factor}/verify?code={IN_THE_URL}",
            f"{factor}?code={IN_THE_URL}",
        ):
            refusals.append(session.send("POST", path, {}).body)
            session.send("GET", path)
    refusals += [once(service.port, raw).body for raw in bad_requests()]
    for path in ("server", "database", "logging"):
        once(service.port, request("GET", f"/api/v1/admin/{path}", headers={"Authorization": BASIC}), "GET")
    metrics = once(service.port, request("GET", "/metrics"), "GET").body.decode()
    client = Redis(port=redis.port, password="the-password-of-redis")
    stored = b"\n".join(key + b"=" + (client.get(key) or b"") for key in client.scan_iter())
    redis.kill()
    session = Session(service.port)
    refusals.append(session.send("POST", "totp", {}).body)
    with Wire(service.port) as wire:
        refusals.append(
            wire.ask(request("GET", "/api/v1/admin/database", headers={"Authorization": BASIC}), "GET").body
        )
    return Remains(
        secrets,
        service.log.read_text(),
        metrics,
        b"\n".join(refusals).decode(),
        b"\n".join(descriptions).decode(),
        stored,
    )


def bad_requests() -> Iterator[bytes]:
    """Return requests that gunicorn refuses, with a code in each part that it could repeat."""
    yield f"GET /api/v1/session/totp/verify?code={IN_THE_URL}\r\n\r\n".encode()
    yield f"GET /?code={IN_THE_URL} HTTP/9.9\r\nHost: x\r\n\r\n".encode()
    yield f"GET /?code={IN_THE_URL} HTTP/1.1\r\nHost: x\r\ncode {IN_THE_URL}: x\r\n\r\n".encode()
    yield f"GET / HTTP/1.1\r\nHost: x\r\n{IN_THE_URL}\r\n\r\n".encode()
    yield f"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: {IN_THE_URL}x\r\n\r\n".encode()
    yield f"code{IN_THE_URL} / HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def spellings(secret: bytes) -> set[bytes]:
    """Return all forms in which a text could contain a secret."""
    forms = {secret, secret.hex().encode(), secret.hex().upper().encode(), base64.b32encode(secret).rstrip(b"=")}
    forms |= {base64.b64encode(secret).rstrip(b"="), base64.urlsafe_b64encode(secret).rstrip(b"=")}
    forms |= {str(list(secret)).encode(), repr(secret).encode(), json.dumps(secret.decode("latin-1")).encode()[1:-1]}
    if secret.isdigit() and len(secret) <= LONGEST_DECIMAL:
        forms.add(secret.lstrip(b"0"))
        forms.add(f"{int(secret):,}".encode())
    return forms


def found(secrets: dict[str, bytes], text: bytes) -> list[str]:
    return [name for name, secret in secrets.items() if any(form in text for form in spellings(secret))]


def test_the_search_finds_each_form_of_a_secret(remains: Remains) -> None:
    everything = b" ".join(base64.b64encode(secret) for secret in remains.secrets.values())

    assert found(remains.secrets, everything) == list(remains.secrets)


def test_the_searched_texts_are_not_empty(remains: Remains) -> None:
    levels = {json.loads(line)["level"] for line in remains.logs.splitlines()}

    assert levels >= {"DEBUG", "INFO", "ERROR"}


def test_no_secret_is_in_the_logs(remains: Remains) -> None:
    # The next test examines the lines about unreadable requests.
    lines = [line for line in remains.logs.splitlines() if "unreadable request" not in line]

    assert found(remains.secrets, "\n".join(lines).encode()) == []


def test_no_code_of_an_unreadable_request_is_in_the_logs(remains: Remains) -> None:
    lines = [line for line in remains.logs.splitlines() if "unreadable request" in line]

    assert found(remains.secrets, "\n".join(lines).encode()) == []


def test_no_secret_is_in_the_metrics(remains: Remains) -> None:
    assert found(remains.secrets, remains.metrics.encode()) == []


def test_no_secret_is_in_a_refusal(remains: Remains) -> None:
    own = {name: secret for name, secret in remains.secrets.items() if name != "a code in the URL"}

    assert found(own, remains.refusals.encode()) == []


def test_no_secret_is_in_a_description(remains: Remains) -> None:
    assert found(remains.secrets, remains.descriptions.encode()) == []


def test_no_plain_secret_is_in_redis(remains: Remains) -> None:
    assert found(remains.secrets, remains.redis) == []


def test_every_line_of_the_log_is_json(remains: Remains) -> None:
    assert [line for line in remains.logs.splitlines() if not line.startswith("{")] == []
