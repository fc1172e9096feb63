"""Settings: everything is checked before anything starts, and every fault is named at once."""

import base64
import os
import socket
from pathlib import Path

import pytest

from domain.parameters import HashAlgorithm
from domain.secret import SharedSecret
from infrastructure.settings import Administrator, SettingsError, checked_address, load_settings
from tests.domain.test_parameters import NAMES
from tests.presentation.api import PASTED, RFC_SECRET

KEY = base64.b64encode(bytes(range(32))).decode()
REQUIRED = {"OPEN_MFA_SECRET_KEY": "a signing key for the tests", "OPEN_MFA_ENCRYPTION_KEYS": f"k1:{KEY}"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment in which nothing is set, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    # What a .env file sets must not last beyond its test.
    monkeypatch.setattr(os, "environ", os.environ.copy())
    for name in ("HOST", "PORT", "WEB_CONCURRENCY", "THREADS", "OPEN_MFA_ENV"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def set_all(environment: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        environment.setenv(name, value)


def problems(environment: pytest.MonkeyPatch, **values: str) -> dict[str, list[str]]:
    set_all(environment, **values)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    return raised.value.problems


def test_production_demands_its_keys(environment: pytest.MonkeyPatch) -> None:
    assert set(problems(environment)) == {"OPEN_MFA_SECRET_KEY", "OPEN_MFA_ENCRYPTION_KEYS"}


def test_the_required_settings_are_enough(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, **REQUIRED)

    settings = load_settings()

    assert (settings.host, settings.port, settings.workers, settings.threads) == ("127.0.0.1", 8080, 1, 8)
    assert settings.environment == "production"
    assert settings.cookie_secure
    assert settings.session_lifetime == 3600
    assert [str(limit) for limit in settings.rate_limit] == ["25 per 30 second"]
    assert settings.algorithm is HashAlgorithm.SHA1
    assert settings.administrator is None
    assert [key.id for key in settings.encryption_keys] == ["k1"]


def test_development_makes_up_keys_and_says_so(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OPEN_MFA_ENV", "development")

    first, second = load_settings(), load_settings()

    assert first.secret_key != second.secret_key
    assert first.encryption_keys[0].material != second.encryption_keys[0].material
    assert not first.cookie_secure
    assert any("OPEN_MFA_ENCRYPTION_KEYS" in notice for notice in first.notices)


def test_development_generates_an_api_key_and_marks_it(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OPEN_MFA_ENV", "development")

    first, second = load_settings(), load_settings()

    assert first.generated_api_key is not None
    assert first.api_keys == (("development", first.generated_api_key),)
    assert first.generated_api_key != second.generated_api_key
    assert len(first.generated_api_key) >= 32
    assert any(notice.startswith("OPEN_MFA_API_KEYS is not set") for notice in first.notices)
    assert first.generated_api_key not in repr(first) + "".join(first.notices)


@pytest.mark.parametrize("mode", ["production", "development"])
def test_api_keys_that_are_set_are_the_only_ones(environment: pytest.MonkeyPatch, mode: str) -> None:
    set_all(environment, **REQUIRED, OPEN_MFA_ENV=mode, OPEN_MFA_API_KEYS=f"shop:{SHOP}")

    settings = load_settings()

    assert (settings.api_keys, settings.generated_api_key) == ((("shop", SHOP),), None)


@pytest.mark.parametrize(("value", "expected"), [("", None), ("json", "json"), ("text", "text")])
def test_the_log_format_is_automatic_unless_it_is_set(
    environment: pytest.MonkeyPatch, value: str, expected: str | None
) -> None:
    set_all(environment, **REQUIRED, OPEN_MFA_LOG_FORMAT=value)

    assert load_settings().log_format == expected


def test_the_embedded_store_is_announced(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, **REQUIRED)

    assert any("OPEN_MFA_REDIS_URL is not set" in notice for notice in load_settings().notices)


def test_one_message_names_every_fault(environment: pytest.MonkeyPatch) -> None:
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
        "PORT": "http",
        "WEB_CONCURRENCY": "0",
        "THREADS": "none",
    }
    expected = set(wrong) - {"OPEN_MFA_ADMIN_USER"} | {"OPEN_MFA_SECRET_KEY", "OPEN_MFA_ADMIN_PASSWORD"}

    found = problems(environment, **wrong)

    assert set(found) == expected
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert all(name in str(raised.value) for name in expected)


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("OPEN_MFA_ENCRYPTION_KEYS", "k1:hunter2hunter2", "hunter2"),
        ("OPEN_MFA_ENCRYPTION_KEYS", "hunter2hunter2", "hunter2"),
        ("OPEN_MFA_REDIS_URL", "mysql://user:hunter2@host", "hunter2"),
        ("OPEN_MFA_REDIS_URL", "redis://user:hunter2@host:port", "hunter2"),
        ("OPEN_MFA_REDIS_URL", "redis+sentinel://user:hunter2@host", "hunter2"),
    ],
)
def test_a_fault_never_repeats_a_secret(environment: pytest.MonkeyPatch, name: str, value: str, secret: str) -> None:
    set_all(environment, **REQUIRED)
    found = problems(environment, **{name: value})

    assert list(found) == [name]
    assert secret not in str(found)


def test_settings_hide_their_secrets(environment: pytest.MonkeyPatch) -> None:
    set_all(
        environment,
        **REQUIRED,
        OPEN_MFA_ADMIN_USER="root",
        OPEN_MFA_ADMIN_PASSWORD="hunter2",
        OPEN_MFA_REDIS_URL="redis://:hunter2@localhost",
    )
    shown = repr(load_settings())

    assert "hunter2" not in shown
    assert KEY not in shown
    assert REQUIRED["OPEN_MFA_SECRET_KEY"] not in shown


def test_an_empty_variable_counts_as_not_set(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, **REQUIRED, OPEN_MFA_REDIS_URL="", OPEN_MFA_ADMIN_USER="", OPEN_MFA_LOG_LEVEL="")

    settings = load_settings()

    assert settings.redis_url is None
    assert settings.administrator is None
    assert settings.log_level == "INFO"


def test_several_keys_are_read_in_their_order(environment: pytest.MonkeyPatch) -> None:
    other = base64.b64encode(bytes(32)).decode()
    set_all(environment, **REQUIRED | {"OPEN_MFA_ENCRYPTION_KEYS": f"new:{KEY}, old:{other}"})

    assert [key.id for key in load_settings().encryption_keys] == ["new", "old"]


def test_two_keys_of_one_name_are_refused(environment: pytest.MonkeyPatch) -> None:
    keys = {"OPEN_MFA_ENCRYPTION_KEYS": f"k1:{KEY},k1:{KEY}"}

    assert set(problems(environment, **REQUIRED | keys)) == {"OPEN_MFA_ENCRYPTION_KEYS"}


def test_the_embedded_store_takes_one_process(environment: pytest.MonkeyPatch) -> None:
    assert set(problems(environment, **REQUIRED, WEB_CONCURRENCY="2")) == {"WEB_CONCURRENCY"}


def test_waiting_for_replicas_needs_a_redis(environment: pytest.MonkeyPatch) -> None:
    assert set(problems(environment, **REQUIRED, OPEN_MFA_REDIS_WAIT="1")) == {"OPEN_MFA_REDIS_WAIT"}


def test_a_misspelt_setting_is_pointed_out(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, **REQUIRED, OPEN_MFA_SESION_LIFETIME="60")

    assert any("did you mean OPEN_MFA_SESSION_LIFETIME?" in notice for notice in load_settings().notices)


def test_the_rate_limit_can_be_switched_off(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, **REQUIRED, OPEN_MFA_RATE_LIMIT="Off")

    assert load_settings().rate_limit == ()


def test_an_administrator_has_a_name_and_a_password(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, **REQUIRED, OPEN_MFA_ADMIN_USER="root", OPEN_MFA_ADMIN_PASSWORD="toor")

    assert load_settings().administrator == Administrator("root", "toor")


def test_a_dotenv_file_is_read_in_development(environment: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("OPEN_MFA_ISSUER=From the file\nOPEN_MFA_REDIS_URL=redis://localhost\n")
    environment.setenv("OPEN_MFA_ENV", "development")

    settings = load_settings()

    assert settings.issuer == "From the file"
    assert settings.redis_url == "redis://localhost"


def test_the_environment_goes_before_the_dotenv_file(environment: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("OPEN_MFA_ISSUER=From the file\n")
    set_all(environment, OPEN_MFA_ENV="development", OPEN_MFA_ISSUER="From the environment")

    assert load_settings().issuer == "From the environment"


def test_a_dotenv_file_is_not_read_in_production(environment: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("OPEN_MFA_ISSUER=From the file\n")
    set_all(environment, **REQUIRED)

    assert load_settings().issuer == "Open-MFA"


@pytest.mark.parametrize("name", NAMES)
def test_the_issuer_is_a_name_that_people_have(environment: pytest.MonkeyPatch, name: str) -> None:
    set_all(environment, **REQUIRED | SMTP, OPEN_MFA_ISSUER=name)

    assert load_settings().issuer == name


@pytest.mark.parametrize("pasted", PASTED)
def test_the_secret_of_the_gate_is_read_as_it_is_pasted(environment: pytest.MonkeyPatch, pasted: str) -> None:
    set_all(environment, **REQUIRED, OPEN_MFA_GATE_SECRET=pasted.format(RFC_SECRET[:9], RFC_SECRET[9:]))

    assert load_settings().gate_secret == SharedSecret.from_base32(RFC_SECRET)


def test_a_secret_of_the_gate_of_an_impossible_length_is_told_so(environment: pytest.MonkeyPatch) -> None:
    told = problems(environment, **REQUIRED, OPEN_MFA_GATE_SECRET=f"{RFC_SECRET}A")

    assert "33 characters, which base32 never has" in told["OPEN_MFA_GATE_SECRET"][0]


def test_mail_comes_from_and_goes_over_names_beyond_ascii(environment: pytest.MonkeyPatch) -> None:
    sender = '"Bücher, Inc." <mfa@bücher.example>'
    set_all(environment, **REQUIRED, OPEN_MFA_SMTP_URL="smtps://post.bücher.example", OPEN_MFA_MAIL_FROM=sender)

    mail = load_settings().mail

    assert mail is not None
    assert (mail.server.host, mail.sender) == ("post.xn--bcher-kva.example", sender)


@pytest.mark.parametrize("name", ["a:b", "a\nb", "a\u202eb", "a\u2028b", " ", "\ufe0f", "\u3164", "a\udcff"])
def test_an_unreadable_issuer_is_refused(environment: pytest.MonkeyPatch, name: str) -> None:
    assert list(problems(environment, **REQUIRED, OPEN_MFA_ISSUER=name)) == ["OPEN_MFA_ISSUER"]


def test_an_empty_variable_counts_as_none(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, **REQUIRED, HOST="", PORT="", THREADS="", OPEN_MFA_ISSUER="", OPEN_MFA_ADMIN_USER="")

    settings = load_settings()

    assert (settings.host, settings.port, settings.threads, settings.issuer) == ("127.0.0.1", 8080, 8, "Open-MFA")
    assert settings.administrator is None


def test_an_empty_variable_in_a_dotenv_file_counts_as_none(environment: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("OPEN_MFA_ADMIN_USER=\nOPEN_MFA_ADMIN_PASSWORD=\nHOST=\n")
    environment.setenv("OPEN_MFA_ENV", "development")

    settings = load_settings()

    assert (settings.administrator, settings.host) == (None, "127.0.0.1")


def test_a_misspelt_name_in_a_dotenv_file_is_noticed(environment: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("OPEN_MFA_REDIS_URI=redis://localhost\n")
    environment.setenv("OPEN_MFA_ENV", "development")

    assert any("did you mean OPEN_MFA_REDIS_URL?" in notice for notice in load_settings().notices)


@pytest.mark.parametrize("name", ["HOST", "PORT", "WEB_CONCURRENCY", "THREADS"])
def test_a_name_that_needs_no_prefix_is_told(environment: pytest.MonkeyPatch, name: str) -> None:
    set_all(environment, **REQUIRED, **{f"OPEN_MFA_{name}": "1"})

    assert any(f"did you mean {name}?" in notice for notice in load_settings().notices)


@pytest.mark.parametrize(("key", "noticed"), [("k" * 31, True), ("k" * 32, False)])
def test_a_short_signing_key_is_noticed(environment: pytest.MonkeyPatch, key: str, noticed: bool) -> None:
    set_all(environment, **REQUIRED | {"OPEN_MFA_SECRET_KEY": key})

    assert any("OPEN_MFA_SECRET_KEY" in notice for notice in load_settings().notices) is noticed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPEN_MFA_ADMIN_USER", "ad:min"),
        ("OPEN_MFA_ADMIN_USER", "adm\udcffin"),
        ("OPEN_MFA_ADMIN_PASSWORD", "pass\udcffword"),
        ("OPEN_MFA_SECRET_KEY", "key\udcff"),
        ("OPEN_MFA_RATE_LIMIT", "0 per second"),
        ("OPEN_MFA_RATE_LIMIT", "nothing"),
        ("OPEN_MFA_PATH_PREFIX", "mfa"),
        ("OPEN_MFA_PATH_PREFIX", "/"),
        ("OPEN_MFA_PATH_PREFIX", "/mfa/"),
        ("OPEN_MFA_PATH_PREFIX", "//mfa"),
        ("OPEN_MFA_PATH_PREFIX", "/a//b"),
        ("OPEN_MFA_PATH_PREFIX", "/a/../b"),
        ("OPEN_MFA_PATH_PREFIX", "/."),
        ("OPEN_MFA_PATH_PREFIX", "/m%66a"),
        ("OPEN_MFA_PATH_PREFIX", "/m fa"),
        ("OPEN_MFA_PATH_PREFIX", "/mfa\n"),
        ("OPEN_MFA_PATH_PREFIX", "/mfa;x"),
        ("OPEN_MFA_PATH_PREFIX", "/é"),
        ("OPEN_MFA_PATH_PREFIX", "https://example.com/mfa"),
        ("OPEN_MFA_GATE_COOKIE_DOMAIN", "com"),
        ("OPEN_MFA_GATE_COOKIE_DOMAIN", "localhost"),
        ("OPEN_MFA_GATE_COOKIE_DOMAIN", ".example.com"),
        ("OPEN_MFA_GATE_COOKIE_DOMAIN", "example.com."),
        ("OPEN_MFA_GATE_COOKIE_DOMAIN", "*.example.com"),
        ("OPEN_MFA_GATE_COOKIE_DOMAIN", "Example.com"),
        ("OPEN_MFA_GATE_COOKIE_DOMAIN", "https://example.com"),
        ("OPEN_MFA_GATE_COOKIE_DOMAIN", "example.com:8443"),
        ("OPEN_MFA_GATE_COOKIE_DOMAIN", "example..com"),
        ("OPEN_MFA_GATE_COOKIE_DOMAIN", "example.com; Path=/x"),
        ("OPEN_MFA_GATE_COOKIE_DOMAIN", "example.com\n"),
        ("OPEN_MFA_GATE_COOKIE_DOMAIN", "192.0.2.1"),
        ("OPEN_MFA_GATE_COOKIE_DOMAIN", "127.0x1"),
        ("OPEN_MFA_GATE_COOKIE_DOMAIN", "[::1]"),
        ("OPEN_MFA_GATE_COOKIE_DOMAIN", "bücher.example"),
        ("OPEN_MFA_GATE_COOKIE_DOMAIN", "-a.example"),
        ("OPEN_MFA_GATE_COOKIE_DOMAIN", f"{'a' * 64}.example"),
        ("OPEN_MFA_GATE_COOKIE_DOMAIN", f"{'a.' * 130}example"),
    ],
)
def test_a_value_that_could_not_work_is_refused(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    others = {"OPEN_MFA_ADMIN_USER": "admin", "OPEN_MFA_ADMIN_PASSWORD": "password"}

    assert set(problems(environment, **REQUIRED | others | {name: value})) == {name}


def test_a_number_that_is_none_is_told_what_it_must_be(environment: pytest.MonkeyPatch) -> None:
    assert problems(environment, **REQUIRED, OPEN_MFA_SESSION_LIFETIME="1h") == {
        "OPEN_MFA_SESSION_LIFETIME": ["Must be a whole number from 1 to 604800."]
    }


@pytest.mark.parametrize(
    "text", ["a secret of text", "0123456789abcdef", "sixteen charactér", " spaces at the end ", "x" * 128]
)
def test_the_gates_secret_may_be_text(environment: pytest.MonkeyPatch, text: str) -> None:
    set_all(environment, **REQUIRED, OPEN_MFA_GATE_SECRET_TEXT=text)

    assert load_settings().gate_secret == SharedSecret(text.encode())


@pytest.mark.parametrize("text", ["fifteen letters", "é" * 15, "x" * 129, "é" * 65])
def test_the_text_has_16_characters_or_more(environment: pytest.MonkeyPatch, text: str) -> None:
    assert problems(environment, **REQUIRED, OPEN_MFA_GATE_SECRET_TEXT=text) == {
        "OPEN_MFA_GATE_SECRET_TEXT": ["Must have 16 characters or more, and at most 128 bytes."]
    }


@pytest.mark.parametrize("mode", ["production", "development"])
def test_the_gate_has_one_secret(environment: pytest.MonkeyPatch, mode: str) -> None:
    both = {
        "OPEN_MFA_GATE_SECRET": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        "OPEN_MFA_GATE_SECRET_TEXT": "12345678901234567890",
    }

    assert set(problems(environment, **REQUIRED, OPEN_MFA_ENV=mode, **both)) == {"OPEN_MFA_GATE_SECRET_TEXT"}


def test_a_port_that_is_taken_is_named(environment: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        set_all(environment, **REQUIRED, PORT=str(taken.getsockname()[1]))

        with pytest.raises(SettingsError, match=r"PORT: .*Address already in use"):
            checked_address(load_settings())


def test_a_host_that_is_not_this_machine_is_named(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, **REQUIRED, HOST="192.0.2.1")

    with pytest.raises(SettingsError, match="HOST"):
        checked_address(load_settings())


TRIPLETS = ["x86_64-conda-linux-gnu", "arm64-apple-darwin20.0.0", "nowhere.invalid", "a" * 70]
"""Values that conda and other tools set for HOST, and names that do not resolve."""


@pytest.mark.parametrize("host", TRIPLETS)
def test_in_production_a_host_that_another_tool_set_is_told(environment: pytest.MonkeyPatch, host: str) -> None:
    set_all(environment, **REQUIRED, HOST=host, PORT="0")

    with pytest.raises(SettingsError, match=r"HOST: .*conda.*unset it"):
        checked_address(load_settings())


@pytest.mark.parametrize("host", TRIPLETS)
def test_in_development_a_host_that_another_tool_set_is_replaced(environment: pytest.MonkeyPatch, host: str) -> None:
    set_all(environment, OPEN_MFA_ENV="development", HOST=host, PORT="0")

    settings = checked_address(load_settings())

    assert settings.host == "127.0.0.1"
    assert [
        notice for notice in settings.notices if notice.startswith("HOST leads to no address") and "conda" in notice
    ]


def test_in_development_an_address_of_another_machine_is_named(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, OPEN_MFA_ENV="development", HOST="192.0.2.1")

    with pytest.raises(SettingsError, match="HOST"):
        checked_address(load_settings())


def test_where_nobody_listens_is_listened(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, **REQUIRED, PORT="0")

    assert checked_address(load_settings()) == load_settings()


SHOP, FORUM = "a-key-of-the-shop-" + "s" * 14, "a-key-of-the-forum" + "f" * 14
SMTP = {"OPEN_MFA_SMTP_URL": "smtp://localhost", "OPEN_MFA_MAIL_FROM": "mfa@example.com"}
WEBHOOK = {"OPEN_MFA_WEBHOOK_URL": "https://hooks.example/codes", "OPEN_MFA_WEBHOOK_SECRET": "w" * 32}


def test_every_tenant_has_a_name_and_a_key(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, **REQUIRED, OPEN_MFA_API_KEYS=f"shop:{SHOP}, forum:{FORUM}")

    assert load_settings().api_keys == (("shop", SHOP), ("forum", FORUM))


def test_a_key_may_have_colons(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, **REQUIRED, OPEN_MFA_API_KEYS=f"shop:{SHOP}:{FORUM}")

    assert load_settings().api_keys == (("shop", f"{SHOP}:{FORUM}"),)


def test_a_tenant_may_have_two_keys_while_one_takes_the_others_place(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, **REQUIRED, OPEN_MFA_API_KEYS=f"shop:{SHOP},shop:{FORUM}")

    assert load_settings().api_keys == (("shop", SHOP), ("shop", FORUM))


def test_without_api_keys_there_are_no_tenants(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, **REQUIRED, OPEN_MFA_API_KEYS="")

    settings = load_settings()

    assert (settings.api_keys, settings.generated_api_key) == ((), None)


@pytest.mark.parametrize(
    "keys",
    [
        SHOP,
        f":{SHOP}",
        f"the shop:{SHOP}",
        f"sh/op:{SHOP}",
        f"Zoë:{SHOP}",
        f"{'x' * 33}:{SHOP}",
        "shop",
        "shop:",
        f"shop:{SHOP[:31]}",
        f"shop:{SHOP} {FORUM}",
        f"shop: {SHOP}",
        f"shop:{SHOP}é",
        f"shop:{SHOP}\t{FORUM}",
        f"shop:{SHOP},shop:{SHOP}",
        f"shop:{SHOP},forum:{SHOP}",
        f"shop:{SHOP},",
        f",shop:{SHOP}",
        ",",
    ],
)
def test_api_keys_that_could_not_work_are_refused_and_not_repeated(environment: pytest.MonkeyPatch, keys: str) -> None:
    found = problems(environment, **REQUIRED, OPEN_MFA_API_KEYS=keys)

    assert list(found) == ["OPEN_MFA_API_KEYS"]
    assert [secret for secret in (SHOP, SHOP[:31], FORUM) if secret in str(found)] == []


def test_a_bad_api_key_is_told_by_its_number(environment: pytest.MonkeyPatch) -> None:
    (message,) = problems(environment, **REQUIRED, OPEN_MFA_API_KEYS=f"shop:{SHOP},forum:short")["OPEN_MFA_API_KEYS"]

    assert "number 2" in message


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("OPEN_MFA_SMTP_URL", "OPEN_MFA_MAIL_FROM"),
        ("OPEN_MFA_MAIL_FROM", "OPEN_MFA_SMTP_URL"),
        ("OPEN_MFA_WEBHOOK_URL", "OPEN_MFA_WEBHOOK_SECRET"),
        ("OPEN_MFA_WEBHOOK_SECRET", "OPEN_MFA_WEBHOOK_URL"),
    ],
)
def test_what_goes_together_is_set_together(environment: pytest.MonkeyPatch, one: str, other: str) -> None:
    found = problems(environment, **REQUIRED, **{one: (SMTP | WEBHOOK)[one]})

    assert list(found) == [other]
    assert one in str(found)


def test_mail_and_webhook_are_off_until_they_are_set_up(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, **REQUIRED)

    settings = load_settings()

    assert (settings.mail, settings.webhook, settings.derivation_secret) == (None, None, None)


def test_mail_and_webhook_can_be_set_up(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, **REQUIRED, **SMTP, **WEBHOOK)

    settings = load_settings()

    assert settings.mail is not None
    assert (settings.mail.server.host, settings.mail.server.port) == ("localhost", 25)
    assert settings.mail.sender == "mfa@example.com"
    assert settings.webhook is not None
    assert settings.webhook.url == WEBHOOK["OPEN_MFA_WEBHOOK_URL"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPEN_MFA_SMTP_URL", "hunter2"),
        ("OPEN_MFA_SMTP_URL", "http://user:hunter2@mail.example"),
        ("OPEN_MFA_SMTP_URL", "smtp://user:hunter2@"),
        ("OPEN_MFA_SMTP_URL", "smtps://user:hunter2@mail.example:port"),
        ("OPEN_MFA_SMTP_URL", "smtp+starttls://user:hunter2@mail.example:99999"),
        ("OPEN_MFA_SMTP_URL", "smtps://mail.example?hunter2"),
        ("OPEN_MFA_SMTP_URL", "smtps://mail.example?ssl_ca_certs=/nowhere/hunter2"),
        ("OPEN_MFA_MAIL_FROM", "hunter2"),
        ("OPEN_MFA_MAIL_FROM", "hunter2@example.com\r\nBcc: mallory@example.com"),
        ("OPEN_MFA_MAIL_FROM", "a@example.com, hunter2@example.com"),
        ("OPEN_MFA_WEBHOOK_URL", "hunter2"),
        ("OPEN_MFA_WEBHOOK_URL", "ftp://hooks.example/hunter2"),
        ("OPEN_MFA_WEBHOOK_URL", "https:///hunter2"),
        ("OPEN_MFA_WEBHOOK_URL", "https://user:hunter2@hooks.example/"),
        ("OPEN_MFA_WEBHOOK_URL", "https://hooks.example:port/hunter2"),
        ("OPEN_MFA_WEBHOOK_URL", "https://hooks.example/hunter2#fragment"),
        ("OPEN_MFA_WEBHOOK_URL", "https://hooks.example/hunter2 x"),
        ("OPEN_MFA_WEBHOOK_SECRET", "hunter2\udcff"),
        ("OPEN_MFA_DERIVATION_SECRET", "hunter2\udcff"),
    ],
)
def test_a_channel_that_could_not_work_is_named_and_not_repeated(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    found = problems(environment, **REQUIRED | SMTP | WEBHOOK | {name: value})

    assert list(found) == [name]
    assert "hunter2" not in str(found)


def test_settings_hide_the_secrets_of_accounts_and_channels(environment: pytest.MonkeyPatch) -> None:
    set_all(
        environment,
        **REQUIRED,
        OPEN_MFA_API_KEYS=f"shop:{SHOP}",
        OPEN_MFA_DERIVATION_SECRET="hunter2" * 5,
        OPEN_MFA_SMTP_URL="smtps://user:hunter2@mail.example",
        OPEN_MFA_MAIL_FROM="mfa@example.com",
        OPEN_MFA_WEBHOOK_URL="https://hooks.example/hunter2",
        OPEN_MFA_WEBHOOK_SECRET="hunter2" * 5,
    )
    shown = repr(load_settings())

    assert [secret for secret in ("hunter2", SHOP) if secret in shown] == []


@pytest.mark.parametrize(("secret", "noticed"), [("d" * 31, True), ("d" * 32, False)])
def test_a_short_derivation_secret_is_noticed(environment: pytest.MonkeyPatch, secret: str, noticed: bool) -> None:
    set_all(environment, **REQUIRED | {"OPEN_MFA_SECRET_KEY": "k" * 32, "OPEN_MFA_DERIVATION_SECRET": secret})

    notices = [notice for notice in load_settings().notices if "OPEN_MFA_DERIVATION_SECRET" in notice]

    assert bool(notices) is noticed
    assert secret not in "".join(notices)


@pytest.mark.parametrize("name", ["API_KEY", "SMTP_URI", "MAIL_FORM", "WEBHOOK_URLS", "DERIVATION_SECRETS"])
def test_a_misspelt_name_of_theirs_is_pointed_out(environment: pytest.MonkeyPatch, name: str) -> None:
    set_all(environment, **REQUIRED, **{f"OPEN_MFA_{name}": "x"})

    assert any(f"OPEN_MFA_{name} " in notice and "did you mean" in notice for notice in load_settings().notices)


@pytest.mark.parametrize("prefix", ["/mfa", "/a/b", "/A-b_c.d~e/0"])
def test_a_path_to_run_below_is_taken(environment: pytest.MonkeyPatch, prefix: str) -> None:
    set_all(environment, **REQUIRED, OPEN_MFA_PATH_PREFIX=prefix)

    assert load_settings().path_prefix == prefix


@pytest.mark.parametrize("domain", ["example.com", "a-b.c1.example", "xn--bcher-kva.example", f"{'a' * 63}.example"])
def test_a_domain_whose_hosts_share_a_log_in_is_taken(environment: pytest.MonkeyPatch, domain: str) -> None:
    set_all(environment, **REQUIRED, OPEN_MFA_GATE_COOKIE_DOMAIN=domain)

    assert load_settings().gate_cookie_domain == domain


def test_neither_is_set_by_default(environment: pytest.MonkeyPatch) -> None:
    set_all(environment, **REQUIRED, OPEN_MFA_PATH_PREFIX="", OPEN_MFA_GATE_COOKIE_DOMAIN="")
    settings = load_settings()

    assert (settings.path_prefix, settings.gate_cookie_domain) == ("", None)
