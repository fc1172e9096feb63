"""Development mode generates the secrets that are not set, and reads a `.env` file."""

from pathlib import Path

import pytest

from domain.api_key_format import is_well_formed
from domain.secret import SharedSecret
from infrastructure.settings import Settings, SettingsError, load
from tests.infrastructure.settings.variables import DEVELOPMENT, REQUIRED, SHOP, loaded
from tests.presentation.api import RFC_SECRET

GENERATED = {"OPEN_MFA_SECRET_KEY", "OPEN_MFA_ENCRYPTION_KEYS", "OPEN_MFA_API_KEYS", "OPEN_MFA_GATE_SECRET"}


@pytest.fixture(autouse=True)
def _empty_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def with_file(text: str, **variables: str) -> Settings:
    """Return the settings of development mode with a `.env` file."""
    Path(".env").write_text(text)
    return load({**DEVELOPMENT, **variables})


def test_each_start_generates_other_secrets() -> None:
    first, second = load(DEVELOPMENT), load(DEVELOPMENT)

    assert first.generated == second.generated == GENERATED
    assert first.keys.secret_key != second.keys.secret_key
    assert first.keys.encryption_keys[0].material != second.keys.encryption_keys[0].material
    assert first.gate.shared_secret != second.gate.shared_secret
    assert first.accounts.api_keys != second.accounts.api_keys
    assert not first.session.cookie_secure


def test_a_notice_lists_the_generated_secrets_and_shows_none() -> None:
    settings = load(DEVELOPMENT)
    (notice,) = [each for each in settings.notices if each.startswith("Generated for development")]

    assert [name for name in GENERATED if name not in notice] == []
    shown = repr(settings) + "".join(settings.notices)
    assert settings.keys.secret_key not in shown
    assert settings.generated_api_key is not None
    assert settings.generated_api_key not in shown


def test_the_generated_api_key_belongs_to_a_tenant_for_development() -> None:
    settings = load(DEVELOPMENT)

    assert settings.generated_api_key is not None
    assert settings.accounts.api_keys == (("development", settings.generated_api_key),)
    assert is_well_formed(settings.generated_api_key)


@pytest.mark.parametrize("mode", ["production", "development"])
def test_no_api_key_is_generated_beside_others(mode: str) -> None:
    settings = loaded(OPEN_MFA_ENV=mode, OPEN_MFA_API_KEYS=f"shop:{SHOP}")

    assert (settings.accounts.api_keys, settings.generated_api_key) == ((("shop", SHOP),), None)


def test_production_generates_nothing() -> None:
    settings = load(REQUIRED)

    assert (settings.generated, settings.generated_api_key) == (frozenset(), None)
    assert (settings.accounts.api_keys, settings.gate.shared_secret) == ((), None)


def test_a_secret_as_text_replaces_the_generated_secret_of_the_gate() -> None:
    settings = load({**DEVELOPMENT, "OPEN_MFA_GATE_SECRET_TEXT": "0123456789abcdef"})

    assert settings.gate.shared_secret == SharedSecret(b"0123456789abcdef")
    assert settings.gate.secret_variable == "OPEN_MFA_GATE_SECRET_TEXT"
    assert settings.generated == GENERATED - {"OPEN_MFA_GATE_SECRET"}


def test_a_file_sets_variables_in_development() -> None:
    settings = with_file(f"OPEN_MFA_ISSUER=From the file\nOPEN_MFA_GATE_SECRET={RFC_SECRET}\n")

    assert settings.enrolment.issuer == "From the file"
    assert settings.generated == GENERATED - {"OPEN_MFA_GATE_SECRET"}


def test_the_environment_takes_precedence_over_the_file() -> None:
    settings = with_file("OPEN_MFA_ISSUER=From the file\n", OPEN_MFA_ISSUER="From the environment")

    assert settings.enrolment.issuer == "From the environment"


def test_an_empty_variable_does_not_take_precedence_over_the_file() -> None:
    assert with_file("OPEN_MFA_ISSUER=From the file\n", OPEN_MFA_ISSUER="").enrolment.issuer == "From the file"


def test_production_does_not_read_the_file() -> None:
    Path(".env").write_text("OPEN_MFA_ENV=development\nOPEN_MFA_ISSUER=From the file\n")
    settings = load(REQUIRED)

    assert (settings.enrolment.issuer, settings.development) == ("Open-MFA", False)


def test_an_empty_variable_in_the_file_counts_as_not_set() -> None:
    settings = with_file("OPEN_MFA_ADMIN_USER=\nOPEN_MFA_ADMIN_PASSWORD=\nHOST=\nTHREADS\n")

    assert (settings.administrator, settings.server.host, settings.server.threads) == (None, "127.0.0.1", 8)


def test_a_notice_names_an_unknown_variable_in_the_file() -> None:
    notices = with_file("OPEN_MFA_REDIS_URI=redis://localhost\n").notices

    assert any("did you mean OPEN_MFA_REDIS_URL?" in notice for notice in notices)


def test_a_value_in_the_file_may_contain_variables() -> None:
    text = "NAME=file\nOPEN_MFA_ISSUER=${NAME} ${OTHER} ${NONE:-default} ${NONE}|\nHOST='${OTHER}'\n"
    settings = with_file(text, NAME="environment", OTHER="127.0.0.2")

    assert settings.enrolment.issuer == "environment 127.0.0.2 default |"
    assert settings.server.host == "127.0.0.2"


def test_a_file_that_is_not_text_in_utf_8_is_reported() -> None:
    Path(".env").write_bytes("OPEN_MFA_ISSUER=Café\n".encode("latin-1"))

    with pytest.raises(SettingsError, match=r"\.env: Must be text in UTF-8"):
        load({"OPEN_MFA_ENV": "development"})
