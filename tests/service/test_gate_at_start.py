"""The gate's QR code in the log: for whoever starts it on a laptop, and for nobody who has not asked for it."""

import base64
import re
import time

import pyotp
import pytest
import requests

from tests.support.service import Service
from tests.support.terminal import qr_text

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
DEVELOPMENT = {"OPEN_MFA_ENV": "development"}


def shown(service: Service) -> str:
    """The provisioning URI that the log shows, and that its picture says as well."""
    text = service.log.read_text()
    (uri,) = re.findall(r"^otpauth://\S+$", text, re.MULTILINE)
    # Half blocks alone, for the log is no terminal here: black on white, or the other way round.
    picture = "\n".join(line for line in text.splitlines() if line and set(line) <= set(" ▀▄█"))
    assert qr_text(picture, dark=True) == uri
    return str(uri)


def status(service: Service, code: str) -> int:
    return requests.post(
        f"{service.base}/auth/login", data={"code": code}, allow_redirects=False, timeout=5
    ).status_code


@pytest.mark.parametrize(
    "settings",
    [
        DEVELOPMENT,
        DEVELOPMENT | {"OPEN_MFA_GATE_SECRET": SECRET},
        {"OPEN_MFA_GATE_SECRET": SECRET, "OPEN_MFA_GATE_SHOW_QR": "true"},
    ],
    ids=["made up", "development", "asked for"],
)
def test_the_code_that_a_phone_reads_off_the_log_opens_the_gate(settings: dict[str, str]) -> None:
    with Service(**settings) as service:
        authenticator = pyotp.parse_uri(shown(service))
        assert isinstance(authenticator, pyotp.TOTP)
        if "OPEN_MFA_GATE_SECRET" in settings:
            assert authenticator.secret == SECRET

        assert status(service, authenticator.at(int(time.time()))) == 303


def test_a_secret_of_text_opens_the_gate_to_codes_of_its_bytes() -> None:
    text = "a text that is not base32, é"
    secret = base64.b32encode(text.encode()).decode()

    with Service(OPEN_MFA_GATE_SECRET_TEXT=text, OPEN_MFA_GATE_SHOW_QR="true") as service:
        authenticator = pyotp.parse_uri(shown(service))
        assert authenticator.secret == secret.rstrip("=")
        assert status(service, pyotp.TOTP(secret).at(int(time.time()))) == 303


def test_every_start_without_a_secret_makes_up_another() -> None:
    uris = set()
    for _ in range(2):
        with Service(**DEVELOPMENT) as service:
            uris.add(shown(service))

    assert len(uris) == 2


@pytest.mark.parametrize(
    "settings", [{}, DEVELOPMENT | {"OPEN_MFA_GATE_SHOW_QR": "false"}], ids=["production", "declined"]
)
def test_nobody_is_shown_it_unasked(settings: dict[str, str]) -> None:
    with Service(OPEN_MFA_GATE_SECRET=SECRET, **settings) as service:
        assert status(service, pyotp.TOTP(SECRET).at(int(time.time()))) == 303
        text = service.log.read_text()

    assert "otpauth" not in text
    assert SECRET not in text
    assert "█" not in text


def test_in_production_there_is_no_gate_without_a_secret() -> None:
    with Service(OPEN_MFA_GATE_SHOW_QR="true") as service:
        assert status(service, "123456") == 404
        assert "otpauth" not in service.log.read_text()
