"""`open-mfa doctor` finds weak secrets."""

import base64
import secrets

import pytest

from infrastructure.crypto.sealing import EncryptionKey
from infrastructure.settings import Administrator, WebhookReceiver
from presentation.cli.doctor.finding import Grade
from presentation.cli.doctor.secrets import check_secrets
from tests.command_line.test_doctor import MUST, OK, STRONG, environment, found, settings
from tests.support.command_line import run
from tests.support.redis_server import RedisServer


@pytest.mark.parametrize(
    "text",
    [
        "a" * 64,
        "ab" * 32,
        "\0" * 32,
        "".join(map(chr, range(32))),
        "0123456789abcdefghijklmnopqrstu",
        "change-me-change-me-change-me-change-me",
        "CHANGE_THIS_to_a_long_random_secret_key",
        "your-secret-key-here-please-change-me!",
        "open-mfa-default-secret-key-0123456789",
    ],
)
def test_a_weak_key_is_found(text: str) -> None:
    (finding,) = check_secrets([("OPEN_MFA_SECRET_KEY", text)], MUST)

    assert finding.grade is MUST


@pytest.mark.parametrize(
    "text", ["admin", "password1234", "Passw0rd!Passw0rd!", "administrator", "123456789012", "a1" * 9]
)
def test_a_weak_password_is_found(text: str) -> None:
    (finding,) = check_secrets([("OPEN_MFA_ADMIN_PASSWORD", text)], MUST)

    assert finding.grade is MUST


def test_every_kind_of_secret_is_checked(redis_server: RedisServer) -> None:
    weak = settings(
        redis_server.url,
        encryption_keys=(EncryptionKey("k1", bytes(32)),),
        secret_key="weak",
        administrator=Administrator("root", "weak"),
        api_keys=(("shop", STRONG), ("forum", "weak" * 8)),
        derivation_secret="weak",
        webhook=WebhookReceiver("https://example.org", "weak"),
    )

    assert {text.partition(" ")[0] for text in found(MUST, weak)} == {
        "OPEN_MFA_ENCRYPTION_KEYS",
        "OPEN_MFA_SECRET_KEY",
        "OPEN_MFA_ADMIN_PASSWORD",
        "OPEN_MFA_API_KEYS",
        "OPEN_MFA_DERIVATION_SECRET",
        "OPEN_MFA_WEBHOOK_SECRET",
    }
    assert "OPEN_MFA_API_KEYS (shop) is not weak" in found(OK, weak)


@pytest.mark.parametrize(
    ("name", "value", "grade"),
    [
        ("OPEN_MFA_GATE_SECRET_TEXT", "qrpl zumc wtxy bnvo", OK),
        ("OPEN_MFA_GATE_SECRET_TEXT", "change-me-change-me", MUST),
        ("OPEN_MFA_GATE_SECRET_TEXT", "aaaaaaaaaaaaaaaa", MUST),
        ("OPEN_MFA_GATE_SECRET", base64.b32encode(b"change-me-change-me-").decode(), MUST),
        ("OPEN_MFA_GATE_SECRET", "JPH46GQ3HX7ACLIKEL6K56BYTUUWYF3F", OK),
    ],
)
def test_the_secret_of_the_gate_is_checked(name: str, value: str, grade: Grade) -> None:
    done = run("doctor", **environment(**{name: value}))

    (line,) = [line for line in done.stdout.splitlines() if name in line.split()]
    assert line.startswith(grade.value)
    assert value not in done.stdout


def test_an_accepted_weak_secret_of_the_gate_is_named(redis_server: RedisServer) -> None:
    gate = {"OPEN_MFA_GATE_SECRET": "JBSWY3DPEHPK3PXP", "OPEN_MFA_GATE_WEAK_SECRET": "accept"}

    done = run("doctor", **environment(OPEN_MFA_REDIS_URL=redis_server.url, **gate))

    (line,) = [line for line in done.stdout.splitlines() if "OPEN_MFA_GATE_SECRET" in line.split()]
    assert line.startswith("warning")
    assert "has 80 bits" in line
    assert "JBSWY3DPEHPK3PXP" not in done.stdout + done.stderr


def test_an_accepted_weak_secret_of_the_gate_that_is_no_random_one_must_change() -> None:
    (finding,) = check_secrets([("OPEN_MFA_GATE_SECRET", "aaaaaaaaaa")], MUST)

    assert finding.grade is MUST


def test_no_random_secret_is_weak() -> None:
    random = [secrets.token_hex(16), secrets.token_urlsafe(32), secrets.token_bytes(32).decode("latin-1")]
    random += [base64.b64encode(secrets.token_bytes(24)).decode()]

    for _ in range(200):
        assert {finding.grade for finding in check_secrets([("KEY", text) for text in random], MUST)} == {OK}


def test_an_encryption_key_of_zeros_or_of_an_example_must_change(redis_server: RedisServer) -> None:
    texts = (bytes(32), bytes(range(32)), b"change-me-change-me-change-me-32")
    keys = tuple(EncryptionKey(f"k{number}", material) for number, material in enumerate(texts))

    must = found(MUST, settings(redis_server.url, encryption_keys=keys))

    assert [text.split(" ")[1] for text in must] == ["(k0)", "(k1)", "(k2)"]
