"""Settings come from the given environment only, and one error lists all that are missing or invalid."""

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.parameters import HashAlgorithm
from infrastructure.settings import GROUPS, VARIABLES, SettingsError, load
from infrastructure.settings.parsers import Choice, WholeNumber, boolean
from tests.infrastructure.settings.variables import KEY, REQUIRED, SMTP, WEBHOOK, loaded, problems
from tests.presentation.api import RFC_SECRET

OTHER_VALUES = {
    "OPEN_MFA_AUDIT_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "OPEN_MFA_AUDIT_PUBLIC_KEY": "eaYx7t4b+cmPEgMs3q3Q56B5OY/HhriMyEbsia+FpRo=",
    "OPEN_MFA_REDIS_URL": "unix:///run/redis.sock",
    "OPEN_MFA_ENCRYPTION_KEYS": f"other:{KEY}",
    "OPEN_MFA_API_KEYS": f"shop:{'k' * 32},tenant:{'t' * 32}",
    "OPEN_MFA_ISSUER": "Example",
    "OPEN_MFA_GATE_SECRET": RFC_SECRET,
    "OPEN_MFA_GATE_COOKIE_DOMAIN": "example.com",
    "OPEN_MFA_SMTP_URL": "smtp://mail.example",
    "OPEN_MFA_MAIL_FROM": "other@example.com",
    "OPEN_MFA_WEBHOOK_URL": "https://other.example/",
    "OPEN_MFA_RATE_LIMIT": "1 per day",
    "OPEN_MFA_PATH_PREFIX": "/mfa",
    "OPEN_MFA_STORE_URL": "dynamodb://open-mfa?region=eu-central-1",
    "OPEN_MFA_TENANTS_TOML": '[shop]\nissuer = "Shop"\n',
}
"""Valid texts for the parsers that do not accept any text."""
FILES = {
    "OPEN_MFA_MAIL_TEMPLATE": "Subject: Code\n\n$code\n",
    "OPEN_MFA_MAIL_LANGUAGES": "Subject: Code\n\n$code\n",
    "OPEN_MFA_TENANTS": OTHER_VALUES["OPEN_MFA_TENANTS_TOML"],
}
"""Valid contents of the files that settings name."""
ADMINISTRATOR = {"OPEN_MFA_ADMIN_USER": "admin", "OPEN_MFA_ADMIN_PASSWORD": "password"}
COMPANIONS = {
    "OPEN_MFA_REDIS_WAIT": {"OPEN_MFA_REDIS_URL": "redis://localhost"},
    "WEB_CONCURRENCY": {"OPEN_MFA_REDIS_URL": "redis://localhost"},
    "OPEN_MFA_GATE_TENANT": {"OPEN_MFA_API_KEYS": OTHER_VALUES["OPEN_MFA_API_KEYS"]},
    **dict.fromkeys(SMTP, SMTP),
    "OPEN_MFA_MAIL_TEMPLATE": SMTP,
    "OPEN_MFA_MAIL_LANGUAGES": SMTP,
    **dict.fromkeys(WEBHOOK, WEBHOOK),
    **dict.fromkeys(ADMINISTRATOR, ADMINISTRATOR),
    "OPEN_MFA_AUDIT_PUBLIC_KEY": {"OPEN_MFA_AUDIT_KEY": OTHER_VALUES["OPEN_MFA_AUDIT_KEY"]},
}
"""Variables without which a setting has no effect or is invalid."""
NAMES = st.sampled_from([*VARIABLES, "OPEN_MFA_NOTHING", "PATH"])
TEXTS = st.text(st.characters(exclude_characters="\0"), max_size=20)
ENVIRONMENTS = st.dictionaries(NAMES, TEXTS | st.sampled_from([*OTHER_VALUES.values(), "1", "true", "development"]))


def other_text(name: str, tmp_path: Path) -> str:
    """Return a valid text of a variable that differs from its default."""
    if name in FILES:
        path = tmp_path / "file"
        path.write_text(FILES[name])
        return f"fr={path}" if name == "OPEN_MFA_MAIL_LANGUAGES" else str(path)
    if name in OTHER_VALUES:
        return OTHER_VALUES[name]
    match VARIABLES[name].parse:
        case WholeNumber(high=high):
            return str(high)
        case Choice(options=options):
            return str(next(option for option in options if option != VARIABLES[name].default))
        case parse if parse is boolean:
            return "false" if VARIABLES[name].default_text({}) == "true" else "true"
    return "tenant-or-a-text-of-many-characters"[: 6 if name == "OPEN_MFA_GATE_TENANT" else None]


@pytest.mark.parametrize("name", VARIABLES)
def test_every_setting_reaches_its_field(name: str, tmp_path: Path) -> None:
    ((group, field),) = [
        (group, field) for group in GROUPS for field, variable in group.variables.items() if variable.name == name
    ]
    text = other_text(name, tmp_path)
    environ = {**REQUIRED, **COMPANIONS.get(name, {})}
    before, settings = load(environ), load({**environ, name: text}, tmp_path / "no file")
    value = getattr(getattr(settings, group.attribute), field)

    assert settings != before
    # Templates are compared by their identity.
    assert name in {"OPEN_MFA_MAIL_TEMPLATE", "OPEN_MFA_MAIL_LANGUAGES"} or value == VARIABLES[name].parse(text)


@pytest.mark.parametrize("name", [name for name, variable in VARIABLES.items() if variable.default is not None])
def test_a_variable_with_its_default_changes_nothing(name: str) -> None:
    assert load({**REQUIRED, name: VARIABLES[name].default_text(REQUIRED) or ""}) == load(REQUIRED)


@given(ENVIRONMENTS)
def test_loading_changes_neither_the_process_nor_its_argument(environ: dict[str, str]) -> None:
    process, argument = dict(os.environ), dict(environ)
    with contextlib.suppress(SettingsError):
        load(environ, Path("no such file"))

    assert (dict(os.environ), environ) == (process, argument)


@given(ENVIRONMENTS)
def test_the_same_variables_make_the_same_settings(environ: dict[str, str]) -> None:
    def outcome() -> object:
        try:
            return load({**environ, "OPEN_MFA_ENV": "production", **REQUIRED})
        except SettingsError as error:
            return error.problems

    assert outcome() == outcome()


def test_the_environment_of_the_process_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    before = loaded()
    for name in VARIABLES:
        monkeypatch.setenv(name, "invalid\udcff")
    monkeypatch.setenv("OPEN_MFA_NOTHING", "1")

    assert loaded() == before


def test_production_requires_its_keys() -> None:
    assert set(problems({})) == {"OPEN_MFA_SECRET_KEY", "OPEN_MFA_ENCRYPTION_KEYS"}


def test_the_required_settings_suffice() -> None:
    settings = loaded()
    server = settings.server

    assert (server.host, server.port, server.workers, server.threads) == ("127.0.0.1", 8080, 1, 8)
    assert settings.mode.environment == "production"
    assert settings.session.cookie_secure
    assert settings.session.lifetime == 3600
    assert [str(limit) for limit in settings.limits.rate_limit] == ["25 per 30 second"]
    assert settings.enrolment.algorithm is HashAlgorithm.SHA1
    assert (settings.administrator, settings.mail, settings.webhook) == (None, None, None)
    assert (settings.keys.derivation_secret, settings.gate.shared_secret) == (None, None)
    assert (settings.server.path_prefix, settings.gate.cookie_domain) == ("", None)
    assert [key.id for key in settings.keys.encryption_keys] == ["k1"]
    assert settings.generated == frozenset()


def test_one_error_lists_all_problems() -> None:
    wrong = {
        "OPEN_MFA_ENV": "staging",
        "OPEN_MFA_REDIS_URL": "mysql://host",
        "OPEN_MFA_REDIS_WAIT": "-1",
        "OPEN_MFA_ENCRYPTION_KEYS": "k1:c2hvcnQ=",
        "OPEN_MFA_ISSUER": "a:b",
        "OPEN_MFA_ALGORITHM": "MD5",
        "OPEN_MFA_SESSION_LIFETIME": "0",
        "OPEN_MFA_COOKIE_SECURE": "perhaps",
        "OPEN_MFA_RATE_LIMIT": "often",
        "OPEN_MFA_TRUSTED_PROXIES": "one",
        "OPEN_MFA_SENDS_PER_HOUR": "0",
        "OPEN_MFA_LOG_LEVEL": "LOUD",
        "OPEN_MFA_LOG_FORMAT": "xml",
        "OPEN_MFA_ADMIN_USER": "admin",
        "OPEN_MFA_GATE_TENANT": "nobody",
        "PORT": "http",
        "WEB_CONCURRENCY": "0",
        "THREADS": "none",
    }
    expected = wrong.keys() - {"OPEN_MFA_ADMIN_USER"} | {"OPEN_MFA_SECRET_KEY", "OPEN_MFA_ADMIN_PASSWORD"}

    with pytest.raises(SettingsError) as raised:
        load(wrong)

    assert raised.value.problems.keys() == expected
    assert [line.split(":")[0].strip() for line in str(raised.value).splitlines()[1:]] == sorted(expected)


@pytest.mark.parametrize("name", [name for name in VARIABLES if name not in REQUIRED])
def test_an_empty_variable_counts_as_not_set(name: str) -> None:
    assert loaded(**{name: ""}) == loaded()


@pytest.mark.parametrize("name", REQUIRED)
def test_an_empty_variable_does_not_satisfy_a_requirement(name: str) -> None:
    assert list(problems({**REQUIRED, name: ""})) == [name]


@pytest.mark.parametrize(
    ("name", "similar"),
    [
        ("OPEN_MFA_SESION_LIFETIME", "OPEN_MFA_SESSION_LIFETIME"),
        ("OPEN_MFA_API_KEY", "OPEN_MFA_API_KEYS"),
        ("OPEN_MFA_SMTP_URI", "OPEN_MFA_SMTP_URL"),
        ("OPEN_MFA_MAIL_FORM", "OPEN_MFA_MAIL_FROM"),
        ("OPEN_MFA_WEBHOOK_URLS", "OPEN_MFA_WEBHOOK_URL"),
        ("OPEN_MFA_DERIVATION_SECRETS", "OPEN_MFA_DERIVATION_SECRET"),
        *((f"OPEN_MFA_{name}", name) for name in ("HOST", "PORT", "WEB_CONCURRENCY", "THREADS")),
    ],
)
def test_a_notice_suggests_a_setting_for_an_unknown_name(name: str, similar: str) -> None:
    assert f"{name} is not a setting of this version; did you mean {similar}?" in loaded(**{name: "1"}).notices


def test_a_notice_names_a_variable_that_resembles_no_setting() -> None:
    name = "OPEN_MFA_QQQQQQQQQQQQQQQQ"

    assert f"{name} is not a setting of this version." in loaded(**{name: "1"}).notices


def test_a_notice_says_that_the_state_is_in_memory() -> None:
    assert any("OPEN_MFA_REDIS_URL is not set" in notice for notice in loaded().notices)
    assert not any("OPEN_MFA_REDIS_URL" in each for each in loaded(OPEN_MFA_REDIS_URL="redis://localhost").notices)


@pytest.mark.parametrize(("length", "noticed"), [(31, True), (32, False)])
@pytest.mark.parametrize("name", ["OPEN_MFA_SECRET_KEY", "OPEN_MFA_DERIVATION_SECRET"])
def test_a_notice_names_a_short_secret_and_does_not_repeat_it(name: str, length: int, noticed: bool) -> None:
    secret = "s" * length
    notices = loaded(**{"OPEN_MFA_SECRET_KEY": "k" * 32, name: secret}).notices

    assert any(name in notice for notice in notices) is noticed
    assert secret not in "".join(notices)
