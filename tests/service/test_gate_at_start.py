"""The gate's QR code is printed in development and on demand, and otherwise not."""

import base64
import re
import time

import pyotp
import pytest
import requests

from tests.domain.reference import hotp_value
from tests.support.service import Service
from tests.support.terminal import qr_text

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
DEVELOPMENT = {"OPEN_MFA_ENV": "development"}


def shown(service: Service) -> str:
    """Return the printed provisioning URI, after comparing it with the QR code."""
    text = service.log.read_text()
    (uri,) = re.findall(r"^otpauth://\S+$", text, re.MULTILINE)
    # The log is not a terminal, so the code has half blocks without colours.
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
    ids=["generated", "development", "on demand"],
)
def test_the_secret_of_the_printed_qr_code_opens_the_gate(settings: dict[str, str]) -> None:
    with Service(**settings) as service:
        authenticator = pyotp.parse_uri(shown(service))
        assert isinstance(authenticator, pyotp.TOTP)
        if "OPEN_MFA_GATE_SECRET" in settings:
            assert authenticator.secret == SECRET

        assert status(service, authenticator.at(int(time.time()))) == 303


def test_the_bytes_of_a_secret_in_text_open_the_gate() -> None:
    text = "a text that is not base32, é"
    secret = base64.b32encode(text.encode()).decode()

    with Service(OPEN_MFA_GATE_SECRET_TEXT=text, OPEN_MFA_GATE_SHOW_QR="true") as service:
        authenticator = pyotp.parse_uri(shown(service))
        assert authenticator.secret == secret.rstrip("=")
        assert status(service, pyotp.TOTP(secret).at(int(time.time()))) == 303


def test_every_start_without_a_secret_generates_another() -> None:
    uris = set()
    for _ in range(2):
        with Service(**DEVELOPMENT) as service:
            uris.add(shown(service))

    assert len(uris) == 2


@pytest.mark.parametrize(
    "settings", [{}, DEVELOPMENT | {"OPEN_MFA_GATE_SHOW_QR": "false"}], ids=["production", "switched off"]
)
def test_without_the_setting_the_gates_secret_is_not_printed(settings: dict[str, str]) -> None:
    with Service(OPEN_MFA_GATE_SECRET=SECRET, **settings) as service:
        assert status(service, pyotp.TOTP(SECRET).at(int(time.time()))) == 303
        text = service.log.read_text()

    assert "otpauth" not in text
    assert SECRET not in text
    assert "█" not in text


def test_production_has_no_gate_without_a_secret() -> None:
    with Service(OPEN_MFA_GATE_SHOW_QR="true") as service:
        assert status(service, "123456") == 404
        assert "otpauth" not in service.log.read_text()


def test_a_weak_secret_that_the_settings_accept_opens_the_gate() -> None:
    secret = "JBSWY3DPEHPK3PXP"
    weak = {"OPEN_MFA_GATE_SECRET": secret, "OPEN_MFA_GATE_WEAK_SECRET": "accept", "OPEN_MFA_GATE_SHOW_QR": "true"}

    with Service(**weak) as service:
        code = hotp_value(base64.b32decode(secret), int(time.time()) // 30)

        assert f"secret={secret}&" in service.log.read_text()
        assert status(service, code) == 303
        assert status(service, code) == 403
