"""Settings: everything is checked before anything starts, and every fault is named at once."""

import base64
import socket
from pathlib import Path

import pytest

from domain.parameters import HashAlgorithm
from domain.secret import SharedSecret
from infrastructure.settings import Administrator, Settings, SettingsError, checked_address, load
from tests.domain.test_parameters import NAMES
from tests.presentation.api import PASTED, RFC_SECRET

DEVELOPMENT = {"OPEN_MFA_ENV": "development"}
KEY = base64.b64encode(bytes(range(32))).decode()
REQUIRED = {"OPEN_MFA_SECRET_KEY": "a signing key for the tests", "OPEN_MFA_ENCRYPTION_KEYS": f"k1:{KEY}"}


@pytest.fixture(autouse=True)
def _empty_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Development mode reads a `.env` file in the working directory."""
    monkeypatch.chdir(tmp_path)


def loaded(**variables: str) -> Settings:
    """Return the settings of the required variables and others."""
    return load(REQUIRED | variables)


def problems(**environ: str) -> dict[str, list[str]]:
    with pytest.raises(SettingsError) as raised:
        load(environ)
    return raised.value.problems


def test_production_demands_its_keys() -> None:
    assert set(problems()) == {"OPEN_MFA_SECRET_KEY", "OPEN_MFA_ENCRYPTION_KEYS"}


def test_the_required_settings_are_enough() -> None:
    settings = loaded()

    assert (settings.server.host, settings.server.port, settings.server.workers, settings.server.threads) == (
        "127.0.0.1",
        8080,
        1,
        8,
    )
    assert settings.mode.environment == "production"
    assert settings.session.cookie_secure
    assert settings.session.lifetime == 3600
    assert [str(limit) for limit in settings.limits.rate_limit] == ["25 per 30 second"]
    assert settings.enrolment.algorithm is HashAlgorithm.SHA1
    assert settings.administrator is None
    assert [key.id for key in settings.keys.encryption_keys] == ["k1"]


def test_development_makes_up_keys_and_says_so() -> None:
    first, second = load(DEVELOPMENT), load(DEVELOPMENT)

    assert first.keys.secret_key != second.keys.secret_key
    assert first.keys.encryption_keys[0].material != second.keys.encryption_keys[0].material
    assert not first.session.cookie_secure
    assert any("OPEN_MFA_ENCRYPTION_KEYS" in notice for notice in first.notices)


def test_development_generates_an_api_key_and_marks_it() -> None:
    first, second = load(DEVELOPMENT), load(DEVELOPMENT)

    assert first.generated_api_key is not None
    assert first.accounts.api_keys == (("development", first.generated_api_key),)
    assert first.generated_api_key != second.generated_api_key
    assert len(first.generated_api_key) >= 32
    assert any("OPEN_MFA_API_KEYS" in notice for notice in first.notices)
    assert first.generated_api_key not in repr(first) + "".join(first.notices)


@pytest.mark.parametrize("mode", ["production", "development"])
def test_api_keys_that_are_set_are_the_only_ones(mode: str) -> None:
    settings = loaded(OPEN_MFA_ENV=mode, OPEN_MFA_API_KEYS=f"shop:{SHOP}")

    assert (settings.accounts.api_keys, settings.generated_api_key) == ((("shop", SHOP),), None)


@pytest.mark.parametrize(("value", "expected"), [("", None), ("json", "json"), ("text", "text")])
def test_the_log_format_is_automatic_unless_it_is_set(value: str, expected: str | None) -> None:
    assert loaded(OPEN_MFA_LOG_FORMAT=value).log.format == expected


def test_the_embedded_store_is_announced() -> None:
    assert any("OPEN_MFA_REDIS_URL is not set" in notice for notice in loaded().notices)


def test_one_message_names_every_fault() -> None:
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

    with pytest.raises(SettingsError) as raised:
        load(wrong)

    assert set(raised.value.problems) == expected
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
def test_a_fault_never_repeats_a_secret(name: str, value: str, secret: str) -> None:
    found = problems(**REQUIRED | {name: value})

    assert list(found) == [name]
    assert secret not in str(found)


def test_settings_hide_their_secrets() -> None:
    shown = repr(
        loaded(
            OPEN_MFA_ADMIN_USER="root",
            OPEN_MFA_ADMIN_PASSWORD="hunter2",
            OPEN_MFA_REDIS_URL="redis://:hunter2@localhost",
        )
    )

    assert "hunter2" not in shown
    assert KEY not in shown
    assert REQUIRED["OPEN_MFA_SECRET_KEY"] not in shown


def test_an_empty_variable_counts_as_not_set() -> None:
    settings = loaded(OPEN_MFA_REDIS_URL="", OPEN_MFA_ADMIN_USER="", OPEN_MFA_LOG_LEVEL="")

    assert settings.redis.url is None
    assert settings.administrator is None
    assert settings.log.level == "INFO"


def test_several_keys_are_read_in_their_order() -> None:
    other = base64.b64encode(bytes(32)).decode()

    assert [key.id for key in loaded(OPEN_MFA_ENCRYPTION_KEYS=f"new:{KEY}, old:{other}").keys.encryption_keys] == [
        "new",
        "old",
    ]


def test_two_keys_of_one_name_are_refused() -> None:
    keys = {"OPEN_MFA_ENCRYPTION_KEYS": f"k1:{KEY},k1:{KEY}"}

    assert set(problems(**REQUIRED | keys)) == {"OPEN_MFA_ENCRYPTION_KEYS"}


def test_the_embedded_store_takes_one_process() -> None:
    assert set(problems(**REQUIRED, WEB_CONCURRENCY="2")) == {"WEB_CONCURRENCY"}


def test_waiting_for_replicas_needs_a_redis() -> None:
    assert set(problems(**REQUIRED, OPEN_MFA_REDIS_WAIT="1")) == {"OPEN_MFA_REDIS_WAIT"}


def test_a_misspelt_setting_is_pointed_out() -> None:
    assert any(
        "did you mean OPEN_MFA_SESSION_LIFETIME?" in notice for notice in loaded(OPEN_MFA_SESION_LIFETIME="60").notices
    )


def test_the_rate_limit_can_be_switched_off() -> None:
    assert loaded(OPEN_MFA_RATE_LIMIT="Off").limits.rate_limit == ()


def test_an_administrator_has_a_name_and_a_password() -> None:
    assert loaded(OPEN_MFA_ADMIN_USER="root", OPEN_MFA_ADMIN_PASSWORD="toor").administrator == Administrator(
        "root", "toor"
    )


def test_a_dotenv_file_is_read_in_development() -> None:
    Path(".env").write_text("OPEN_MFA_ISSUER=From the file\nOPEN_MFA_REDIS_URL=redis://localhost\n")
    settings = load(DEVELOPMENT)

    assert settings.enrolment.issuer == "From the file"
    assert settings.redis.url == "redis://localhost"


def test_the_environment_goes_before_the_dotenv_file() -> None:
    Path(".env").write_text("OPEN_MFA_ISSUER=From the file\n")

    assert (
        loaded(OPEN_MFA_ENV="development", OPEN_MFA_ISSUER="From the environment").enrolment.issuer
        == "From the environment"
    )


def test_a_dotenv_file_is_not_read_in_production() -> None:
    Path(".env").write_text("OPEN_MFA_ISSUER=From the file\n")

    assert loaded().enrolment.issuer == "Open-MFA"


@pytest.mark.parametrize("name", NAMES)
def test_the_issuer_is_a_name_that_people_have(name: str) -> None:
    assert loaded(**SMTP, OPEN_MFA_ISSUER=name).enrolment.issuer == name


@pytest.mark.parametrize("pasted", PASTED)
def test_the_secret_of_the_gate_is_read_as_it_is_pasted(pasted: str) -> None:
    assert loaded(
        OPEN_MFA_GATE_SECRET=pasted.format(RFC_SECRET[:9], RFC_SECRET[9:])
    ).gate.shared_secret == SharedSecret.from_base32(RFC_SECRET)


def test_a_secret_of_the_gate_of_an_impossible_length_is_told_so() -> None:
    told = problems(**REQUIRED, OPEN_MFA_GATE_SECRET=f"{RFC_SECRET}A")

    assert "33 characters, which base32 never has" in told["OPEN_MFA_GATE_SECRET"][0]


def test_mail_comes_from_and_goes_over_names_beyond_ascii() -> None:
    sender = '"Bücher, Inc." <mfa@bücher.example>'

    mail = loaded(OPEN_MFA_SMTP_URL="smtps://post.bücher.example", OPEN_MFA_MAIL_FROM=sender).mail

    assert mail is not None
    assert (mail.server.address.host, mail.sender) == ("post.xn--bcher-kva.example", sender)


@pytest.mark.parametrize("name", ["a:b", "a\nb", "a\u202eb", "a\u2028b", " ", "\ufe0f", "\u3164", "a\udcff"])
def test_an_unreadable_issuer_is_refused(name: str) -> None:
    assert list(problems(**REQUIRED, OPEN_MFA_ISSUER=name)) == ["OPEN_MFA_ISSUER"]


def test_an_empty_variable_counts_as_none() -> None:
    settings = loaded(HOST="", PORT="", THREADS="", OPEN_MFA_ISSUER="", OPEN_MFA_ADMIN_USER="")

    assert (settings.server.host, settings.server.port, settings.server.threads, settings.enrolment.issuer) == (
        "127.0.0.1",
        8080,
        8,
        "Open-MFA",
    )
    assert settings.administrator is None


def test_an_empty_variable_in_a_dotenv_file_counts_as_none() -> None:
    Path(".env").write_text("OPEN_MFA_ADMIN_USER=\nOPEN_MFA_ADMIN_PASSWORD=\nHOST=\n")
    settings = load(DEVELOPMENT)

    assert (settings.administrator, settings.server.host) == (None, "127.0.0.1")


def test_a_misspelt_name_in_a_dotenv_file_is_noticed() -> None:
    Path(".env").write_text("OPEN_MFA_REDIS_URI=redis://localhost\n")
    assert any("did you mean OPEN_MFA_REDIS_URL?" in notice for notice in load(DEVELOPMENT).notices)


@pytest.mark.parametrize("name", ["HOST", "PORT", "WEB_CONCURRENCY", "THREADS"])
def test_a_name_that_needs_no_prefix_is_told(name: str) -> None:
    assert any(f"did you mean {name}?" in notice for notice in loaded(**{f"OPEN_MFA_{name}": "1"}).notices)


@pytest.mark.parametrize(("key", "noticed"), [("k" * 31, True), ("k" * 32, False)])
def test_a_short_signing_key_is_noticed(key: str, noticed: bool) -> None:
    assert any("OPEN_MFA_SECRET_KEY" in notice for notice in loaded(OPEN_MFA_SECRET_KEY=key).notices) is noticed


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
def test_a_value_that_could_not_work_is_refused(name: str, value: str) -> None:
    others = {"OPEN_MFA_ADMIN_USER": "admin", "OPEN_MFA_ADMIN_PASSWORD": "password"}

    assert set(problems(**REQUIRED | others | {name: value})) == {name}


def test_a_number_that_is_none_is_told_what_it_must_be() -> None:
    assert problems(**REQUIRED, OPEN_MFA_SESSION_LIFETIME="1h") == {
        "OPEN_MFA_SESSION_LIFETIME": ["Must be a whole number from 1 to 604800."]
    }


@pytest.mark.parametrize(
    "text", ["a secret of text", "0123456789abcdef", "sixteen charactér", " spaces at the end ", "x" * 128]
)
def test_the_gates_secret_may_be_text(text: str) -> None:
    assert loaded(OPEN_MFA_GATE_SECRET_TEXT=text).gate.shared_secret == SharedSecret(text.encode())


@pytest.mark.parametrize("text", ["fifteen letters", "é" * 15, "x" * 129, "é" * 65])
def test_the_text_has_16_characters_or_more(text: str) -> None:
    assert problems(**REQUIRED, OPEN_MFA_GATE_SECRET_TEXT=text) == {
        "OPEN_MFA_GATE_SECRET_TEXT": ["Must have at least 16 characters and at most 128 bytes."]
    }


@pytest.mark.parametrize("mode", ["production", "development"])
def test_the_gate_has_one_secret(mode: str) -> None:
    both = {
        "OPEN_MFA_GATE_SECRET": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        "OPEN_MFA_GATE_SECRET_TEXT": "12345678901234567890",
    }

    assert set(problems(**REQUIRED, OPEN_MFA_ENV=mode, **both)) == {"OPEN_MFA_GATE_SECRET_TEXT"}


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        with pytest.raises(SettingsError, match=r"PORT: .*Address already in use"):
            checked_address(loaded(PORT=str(taken.getsockname()[1])))


def test_a_host_that_is_not_this_machine_is_named() -> None:
    with pytest.raises(SettingsError, match="HOST"):
        checked_address(loaded(HOST="192.0.2.1"))


TRIPLETS = ["x86_64-conda-linux-gnu", "arm64-apple-darwin20.0.0", "nowhere.invalid", "a" * 70]
"""Values that conda and other tools set for HOST, and names that do not resolve."""


@pytest.mark.parametrize("host", TRIPLETS)
def test_in_production_a_host_that_another_tool_set_is_told(host: str) -> None:
    with pytest.raises(SettingsError, match=r"HOST: .*conda.*unset it"):
        checked_address(loaded(HOST=host, PORT="0"))


@pytest.mark.parametrize("host", TRIPLETS)
def test_in_development_a_host_that_another_tool_set_is_replaced(host: str) -> None:
    settings = checked_address(loaded(OPEN_MFA_ENV="development", HOST=host, PORT="0"))

    assert settings.server.host == "127.0.0.1"
    assert [
        notice for notice in settings.notices if notice.startswith("HOST leads to no address") and "conda" in notice
    ]


def test_in_development_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(SettingsError, match="HOST"):
        checked_address(loaded(OPEN_MFA_ENV="development", HOST="192.0.2.1"))


def test_where_nobody_listens_is_listened() -> None:
    assert checked_address(loaded(PORT="0")) == loaded(PORT="0")


SHOP, FORUM = "a-key-of-the-shop-" + "s" * 14, "a-key-of-the-forum" + "f" * 14
SMTP = {"OPEN_MFA_SMTP_URL": "smtp://localhost", "OPEN_MFA_MAIL_FROM": "mfa@example.com"}
WEBHOOK = {"OPEN_MFA_WEBHOOK_URL": "https://hooks.example/codes", "OPEN_MFA_WEBHOOK_SECRET": "w" * 32}


def test_every_tenant_has_a_name_and_a_key() -> None:
    assert loaded(OPEN_MFA_API_KEYS=f"shop:{SHOP}, forum:{FORUM}").accounts.api_keys == (
        ("shop", SHOP),
        ("forum", FORUM),
    )


def test_a_key_may_have_colons() -> None:
    assert loaded(OPEN_MFA_API_KEYS=f"shop:{SHOP}:{FORUM}").accounts.api_keys == (("shop", f"{SHOP}:{FORUM}"),)


def test_a_tenant_may_have_two_keys_while_one_takes_the_others_place() -> None:
    assert loaded(OPEN_MFA_API_KEYS=f"shop:{SHOP},shop:{FORUM}").accounts.api_keys == (("shop", SHOP), ("shop", FORUM))


def test_without_api_keys_there_are_no_tenants() -> None:
    settings = loaded(OPEN_MFA_API_KEYS="")

    assert (settings.accounts.api_keys, settings.generated_api_key) == ((), None)


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
def test_api_keys_that_could_not_work_are_refused_and_not_repeated(keys: str) -> None:
    found = problems(**REQUIRED, OPEN_MFA_API_KEYS=keys)

    assert list(found) == ["OPEN_MFA_API_KEYS"]
    assert [secret for secret in (SHOP, SHOP[:31], FORUM) if secret in str(found)] == []


def test_a_bad_api_key_is_told_by_its_number() -> None:
    (message,) = problems(**REQUIRED, OPEN_MFA_API_KEYS=f"shop:{SHOP},forum:short")["OPEN_MFA_API_KEYS"]

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
def test_what_goes_together_is_set_together(one: str, other: str) -> None:
    found = problems(**REQUIRED, **{one: (SMTP | WEBHOOK)[one]})

    assert list(found) == [other]
    assert one in str(found)


def test_mail_and_webhook_are_off_until_they_are_set_up() -> None:
    settings = loaded()

    assert (settings.mail, settings.webhook, settings.keys.derivation_secret) == (None, None, None)


def test_mail_and_webhook_can_be_set_up() -> None:
    settings = loaded(**SMTP, **WEBHOOK)

    assert settings.mail is not None
    assert (settings.mail.server.address.host, settings.mail.server.address.port) == ("localhost", 25)
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
def test_a_channel_that_could_not_work_is_named_and_not_repeated(name: str, value: str) -> None:
    found = problems(**REQUIRED | SMTP | WEBHOOK | {name: value})

    assert list(found) == [name]
    assert "hunter2" not in str(found)


def test_settings_hide_the_secrets_of_accounts_and_channels() -> None:
    shown = repr(
        loaded(
            OPEN_MFA_API_KEYS=f"shop:{SHOP}",
            OPEN_MFA_DERIVATION_SECRET="hunter2" * 5,
            OPEN_MFA_SMTP_URL="smtps://user:hunter2@mail.example",
            OPEN_MFA_MAIL_FROM="mfa@example.com",
            OPEN_MFA_WEBHOOK_URL="https://hooks.example/hunter2",
            OPEN_MFA_WEBHOOK_SECRET="hunter2" * 5,
        )
    )

    assert [secret for secret in ("hunter2", SHOP) if secret in shown] == []


@pytest.mark.parametrize(("secret", "noticed"), [("d" * 31, True), ("d" * 32, False)])
def test_a_short_derivation_secret_is_noticed(secret: str, noticed: bool) -> None:
    notices = [
        notice
        for notice in loaded(OPEN_MFA_SECRET_KEY="k" * 32, OPEN_MFA_DERIVATION_SECRET=secret).notices
        if "OPEN_MFA_DERIVATION_SECRET" in notice
    ]

    assert bool(notices) is noticed
    assert secret not in "".join(notices)


@pytest.mark.parametrize("name", ["API_KEY", "SMTP_URI", "MAIL_FORM", "WEBHOOK_URLS", "DERIVATION_SECRETS"])
def test_a_misspelt_name_of_theirs_is_pointed_out(name: str) -> None:
    assert any(
        f"OPEN_MFA_{name} " in notice and "did you mean" in notice
        for notice in loaded(**{f"OPEN_MFA_{name}": "x"}).notices
    )


@pytest.mark.parametrize("prefix", ["/mfa", "/a/b", "/A-b_c.d~e/0"])
def test_a_path_to_run_below_is_taken(prefix: str) -> None:
    assert loaded(OPEN_MFA_PATH_PREFIX=prefix).server.path_prefix == prefix


@pytest.mark.parametrize("domain", ["example.com", "a-b.c1.example", "xn--bcher-kva.example", f"{'a' * 63}.example"])
def test_a_domain_whose_hosts_share_a_log_in_is_taken(domain: str) -> None:
    assert loaded(OPEN_MFA_GATE_COOKIE_DOMAIN=domain).gate.cookie_domain == domain


def test_neither_is_set_by_default() -> None:
    settings = loaded(OPEN_MFA_PATH_PREFIX="", OPEN_MFA_GATE_COOKIE_DOMAIN="")

    assert (settings.server.path_prefix, settings.gate.cookie_domain) == ("", None)
