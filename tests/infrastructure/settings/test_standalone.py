"""Standalone mode generates the two keys that are otherwise required, and refuses settings that it cannot honour."""

from pathlib import Path

import pytest

from domain.secret import SharedSecret
from infrastructure.settings import load
from tests.infrastructure.settings.variables import SHOP, problems
from tests.presentation.api import RFC_SECRET

STANDALONE = {"OPEN_MFA_ENV": "standalone", "OPEN_MFA_GATE_SECRET_TEXT": "0123456789abcdef"}


def test_one_secret_is_the_only_required_setting() -> None:
    settings = load(STANDALONE)

    assert settings.generated == {"OPEN_MFA_SECRET_KEY", "OPEN_MFA_ENCRYPTION_KEYS"}
    assert settings.gate.shared_secret == SharedSecret(b"0123456789abcdef")
    assert (settings.redis.url, settings.server.workers) == (None, 1)
    assert (settings.accounts.api_keys, settings.administrator) == ((), None)
    assert settings.session.cookie_secure
    assert not settings.gate.show_qr


def test_each_start_generates_other_keys() -> None:
    first, second = load(STANDALONE), load(STANDALONE)

    assert first.keys.secret_key != second.keys.secret_key
    assert first.keys.encryption_keys[0].material != second.keys.encryption_keys[0].material


def test_the_secret_may_be_in_base32() -> None:
    settings = load({"OPEN_MFA_ENV": "standalone", "OPEN_MFA_GATE_SECRET": RFC_SECRET})

    assert settings.gate.shared_secret == SharedSecret(b"12345678901234567890")


def test_without_a_secret_the_service_does_not_start() -> None:
    assert set(problems({"OPEN_MFA_ENV": "standalone"})) == {"OPEN_MFA_GATE_SECRET_TEXT"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPEN_MFA_REDIS_URL", "redis://localhost"),
        ("WEB_CONCURRENCY", "2"),
        ("OPEN_MFA_API_KEYS", f"shop:{SHOP}"),
        ("OPEN_MFA_REDIS_WAIT", "1"),
    ],
)
def test_settings_that_need_a_store_or_several_processes_are_refused(name: str, value: str) -> None:
    assert set(problems({**STANDALONE, name: value})) == {name}


def test_notices_say_what_a_restart_loses() -> None:
    generated, lost = load(STANDALONE).notices

    assert generated.startswith("Generated for standalone; valid until the process exits: OPEN_MFA_ENCRYPTION_KEYS, ")
    assert lost.startswith("OPEN_MFA_ENV=standalone keeps the state in the memory of this process.")
    assert "ends all sessions and log-ins, and removes all locks" in lost


def test_a_file_with_settings_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("OPEN_MFA_GATE_SECRET_TEXT=0123456789abcdef\n")

    assert set(problems({"OPEN_MFA_ENV": "standalone"})) == {"OPEN_MFA_GATE_SECRET_TEXT"}
