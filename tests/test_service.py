"""The service as a whole, on a real Redis."""

import pyotp

from infrastructure.settings import VARIABLES
from tests.support.redis_server import RedisServer
from tests.support.service import SETTINGS, Service


def test_a_totp_code_is_accepted_once_and_then_named_a_replay(redis_server: RedisServer) -> None:
    with Service(OPEN_MFA_REDIS_URL=redis_server.url, WEB_CONCURRENCY="2") as service:
        browser = service.browser()
        enrolled = browser.post(f"{service.api}/session/totp")
        code = pyotp.TOTP(enrolled.json()["secret"]).now()

        first = browser.post(f"{service.api}/session/totp/verify", json={"code": code})
        second = browser.post(f"{service.api}/session/totp/verify", json={"code": code})

    assert first.status_code == 200
    assert second.status_code == 403
    assert second.json()["reason"] == "replayed"


def test_an_empty_variable_counts_as_not_set() -> None:
    empty = {name: "" for name in VARIABLES if name not in SETTINGS | {"HOST": "", "PORT": ""}}

    with Service(**empty) as service:
        assert service.answers()
