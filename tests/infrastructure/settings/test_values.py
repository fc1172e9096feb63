"""Each setting accepts valid values and refuses others, without repeating them."""

import base64
from pathlib import Path

import pytest

from domain.api_key_format import api_key_of
from domain.secret import SharedSecret
from infrastructure.delivery.channel import DeliveryProfile
from infrastructure.delivery.mail_texts import MailTexts
from infrastructure.settings import VARIABLES, Administrator
from infrastructure.settings.parsers import Choice, WholeNumber, boolean
from tests.domain.test_parameters import NAMES
from tests.infrastructure.settings.variables import FORUM, KEY, REQUIRED, SHOP, SMTP, WEBHOOK, loaded, problems
from tests.presentation.api import PASTED, RFC_SECRET

NUMBERS = {name: each.parse for name, each in VARIABLES.items() if isinstance(each.parse, WholeNumber)}
CHOICES = {name: each.parse for name, each in VARIABLES.items() if isinstance(each.parse, Choice)}
BOOLEANS = [name for name, each in VARIABLES.items() if each.parse is boolean]
WITH_REDIS = {**REQUIRED, "OPEN_MFA_REDIS_URL": "redis://localhost"}


@pytest.mark.parametrize("name", NUMBERS)
def test_both_bounds_of_a_number_are_allowed(name: str) -> None:
    for bound in (NUMBERS[name].low, NUMBERS[name].high):
        loaded(**WITH_REDIS, **{name: str(bound)})


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_outside_its_bounds_is_refused(name: str) -> None:
    low, high = NUMBERS[name].low, NUMBERS[name].high
    for text in (str(low - 1), str(high + 1), "1h", "1.0", "none"):
        expected = {name: [f"Must be a whole number from {low} to {high}."]}
        assert problems({**WITH_REDIS, name: text}) == expected


@pytest.mark.parametrize("name", CHOICES)
def test_a_word_that_is_not_a_choice_is_refused(name: str) -> None:
    expected = {name: [f"Must be one of {', '.join(CHOICES[name].options)}."]}

    assert problems({**REQUIRED, name: "something else"}) == expected


@pytest.mark.parametrize("name", BOOLEANS)
def test_a_word_that_is_not_boolean_is_refused(name: str) -> None:
    assert problems({**REQUIRED, name: "tRuE"}) == {name: ["Must be true or false."]}


@pytest.mark.parametrize(
    "text", ["true", "True", "TRUE", "t", "T", "yes", "Yes", "YES", "y", "Y", "on", "On", "ON", "1"]
)
def test_several_words_mean_true(text: str) -> None:
    assert loaded(OPEN_MFA_GATE_SHOW_QR=text).gate.show_qr


@pytest.mark.parametrize(
    "text", ["false", "False", "FALSE", "f", "F", "no", "No", "NO", "n", "N", "off", "Off", "OFF", "0"]
)
def test_several_words_mean_false(text: str) -> None:
    assert not loaded(OPEN_MFA_COOKIE_SECURE=text).session.cookie_secure


@pytest.mark.parametrize(("value", "expected"), [("", None), ("json", "json"), ("text", "text")])
def test_the_log_format_is_automatic_unless_it_is_set(value: str, expected: str | None) -> None:
    assert loaded(OPEN_MFA_LOG_FORMAT=value).log.format == expected


def test_the_rate_limit_can_be_disabled() -> None:
    assert loaded(OPEN_MFA_RATE_LIMIT="Off").limits.rate_limit == ()


def test_encryption_keys_keep_their_order() -> None:
    other = base64.b64encode(bytes(32)).decode()
    keys = loaded(OPEN_MFA_ENCRYPTION_KEYS=f"new:{KEY}, old:{other}").keys.encryption_keys

    assert [key.id for key in keys] == ["new", "old"]


def test_two_encryption_keys_of_one_id_are_refused() -> None:
    keys = {"OPEN_MFA_ENCRYPTION_KEYS": f"k1:{KEY},k1:{KEY}"}

    assert list(problems({**REQUIRED, **keys})) == ["OPEN_MFA_ENCRYPTION_KEYS"]


def test_an_administrator_has_a_name_and_a_password() -> None:
    assert loaded(OPEN_MFA_ADMIN_USER="root", OPEN_MFA_ADMIN_PASSWORD="toor").administrator == Administrator(
        "root", "toor"
    )


@pytest.mark.parametrize("name", NAMES)
def test_names_that_people_have_are_issuers(name: str) -> None:
    assert loaded(**SMTP, OPEN_MFA_ISSUER=name).enrolment.issuer == name


@pytest.mark.parametrize("name", ["a:b", "a\nb", "a\u202eb", "a\u2028b", " ", "\ufe0f", "\u3164", "a\udcff"])
def test_an_unreadable_issuer_is_refused(name: str) -> None:
    assert list(problems({**REQUIRED, "OPEN_MFA_ISSUER": name})) == ["OPEN_MFA_ISSUER"]


@pytest.mark.parametrize("pasted", PASTED)
def test_the_secret_of_the_gate_may_be_pasted(pasted: str) -> None:
    assert loaded(
        OPEN_MFA_GATE_SECRET=pasted.format(RFC_SECRET[:9], RFC_SECRET[9:])
    ).gate.shared_secret == SharedSecret.from_base32(RFC_SECRET)


def test_a_problem_explains_an_impossible_length_of_the_secret_of_the_gate() -> None:
    told = problems({**REQUIRED, "OPEN_MFA_GATE_SECRET": f"{RFC_SECRET}A"})

    assert "33 characters, which base32 never has" in told["OPEN_MFA_GATE_SECRET"][0]


@pytest.mark.parametrize(
    "text", ["a secret of text", "0123456789abcdef", "sixteen charactér", " spaces at the end ", "x" * 128]
)
def test_the_secret_of_the_gate_may_be_text(text: str) -> None:
    assert loaded(OPEN_MFA_GATE_SECRET_TEXT=text).gate.shared_secret == SharedSecret(text.encode())


@pytest.mark.parametrize("text", ["fifteen letters", "é" * 15, "x" * 129, "é" * 65])
def test_a_short_or_long_text_is_no_secret_of_the_gate(text: str) -> None:
    assert problems({**REQUIRED, "OPEN_MFA_GATE_SECRET_TEXT": text}) == {
        "OPEN_MFA_GATE_SECRET_TEXT": ["Must have at least 16 characters and at most 128 bytes."]
    }


@pytest.mark.parametrize("letters", ["A" * 16, "A" * 24])
def test_a_weak_secret_of_the_gate_is_refused_unless_a_setting_accepts_it(letters: str) -> None:
    told = problems({**REQUIRED, "OPEN_MFA_GATE_SECRET": letters})

    assert set(told) == {"OPEN_MFA_GATE_SECRET"}
    assert "set OPEN_MFA_GATE_WEAK_SECRET to accept" in told["OPEN_MFA_GATE_SECRET"][0]
    secret = loaded(OPEN_MFA_GATE_SECRET=letters, OPEN_MFA_GATE_WEAK_SECRET="accept").gate.shared_secret
    assert secret == SharedSecret.from_base32(letters, accept_weak=True)


@pytest.mark.parametrize("word", ["true", "Accept", "accept "])
def test_only_one_word_accepts_a_weak_secret_of_the_gate(word: str) -> None:
    told = problems({**REQUIRED, "OPEN_MFA_GATE_SECRET": "A" * 16, "OPEN_MFA_GATE_WEAK_SECRET": word})

    assert set(told) == {"OPEN_MFA_GATE_SECRET", "OPEN_MFA_GATE_WEAK_SECRET"}


@pytest.mark.parametrize("letters", ["A" * 13, "A" * 15])
def test_a_secret_of_the_gate_of_less_than_80_bits_is_always_refused(letters: str) -> None:
    told = problems({**REQUIRED, "OPEN_MFA_GATE_SECRET": letters, "OPEN_MFA_GATE_WEAK_SECRET": "accept"})

    assert set(told) == {"OPEN_MFA_GATE_SECRET"}


@pytest.mark.parametrize("mode", ["production", "development"])
def test_the_gate_has_one_secret(mode: str) -> None:
    both = {
        "OPEN_MFA_GATE_SECRET": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        "OPEN_MFA_GATE_SECRET_TEXT": "12345678901234567890",
    }

    assert set(problems({**REQUIRED, "OPEN_MFA_ENV": mode, **both})) == {"OPEN_MFA_GATE_SECRET_TEXT"}


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
def test_a_value_that_cannot_work_is_refused(name: str, value: str) -> None:
    others = {"OPEN_MFA_ADMIN_USER": "admin", "OPEN_MFA_ADMIN_PASSWORD": "password"}

    assert set(problems(REQUIRED | others | {name: value})) == {name}


@pytest.mark.parametrize("prefix", ["/mfa", "/a/b", "/A-b_c.d~e/0"])
def test_a_path_prefix_is_accepted(prefix: str) -> None:
    assert loaded(OPEN_MFA_PATH_PREFIX=prefix).server.path_prefix == prefix


@pytest.mark.parametrize("domain", ["example.com", "a-b.c1.example", "xn--bcher-kva.example", f"{'a' * 63}.example"])
def test_a_domain_whose_hosts_share_a_log_in_is_accepted(domain: str) -> None:
    assert loaded(OPEN_MFA_GATE_COOKIE_DOMAIN=domain).gate.cookie_domain == domain


def test_each_tenant_has_a_name_and_a_key() -> None:
    assert loaded(OPEN_MFA_API_KEYS=f"shop:{SHOP}, forum:{FORUM}").accounts.api_keys == (
        ("shop", SHOP),
        ("forum", FORUM),
    )


def test_an_api_key_may_contain_colons() -> None:
    assert loaded(OPEN_MFA_API_KEYS=f"shop:{SHOP}:{FORUM}").accounts.api_keys == (("shop", f"{SHOP}:{FORUM}"),)


def test_a_tenant_may_have_two_keys() -> None:
    assert loaded(OPEN_MFA_API_KEYS=f"shop:{SHOP},shop:{FORUM}").accounts.api_keys == (("shop", SHOP), ("shop", FORUM))


def test_a_key_in_the_format_of_the_service_is_accepted_and_refused_if_it_is_mistyped() -> None:
    key = api_key_of(bytes(32))
    mistyped = {**REQUIRED, "OPEN_MFA_API_KEYS": f"shop:{SHOP},forum:{key[:-1]}x"}

    assert loaded(OPEN_MFA_API_KEYS=f"shop:{key}").accounts.api_keys == (("shop", key),)
    assert problems(mistyped)["OPEN_MFA_API_KEYS"] == [
        "Key number 2 begins with omfa_, but is mistyped: its checksum is wrong."
    ]


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
def test_api_keys_that_cannot_work_are_refused_and_not_repeated(keys: str) -> None:
    found = problems({**REQUIRED, "OPEN_MFA_API_KEYS": keys})

    assert list(found) == ["OPEN_MFA_API_KEYS"]
    assert [secret for secret in (SHOP, SHOP[:31], FORUM) if secret in str(found)] == []


def test_a_problem_names_the_number_of_an_invalid_api_key() -> None:
    (message,) = problems({**REQUIRED, "OPEN_MFA_API_KEYS": f"shop:{SHOP},forum:short"})["OPEN_MFA_API_KEYS"]

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
def test_settings_that_belong_together_are_set_together(one: str, other: str) -> None:
    found = problems({**REQUIRED, one: (SMTP | WEBHOOK)[one]})

    assert list(found) == [other]
    assert one in str(found)


def test_mail_and_webhook_can_be_configured() -> None:
    settings = loaded(**SMTP, **WEBHOOK)

    assert settings.mail is not None
    assert (settings.mail.server.address.host, settings.mail.server.address.port) == ("localhost", 25)
    assert settings.mail.sender == "mfa@example.com"
    assert settings.webhook is not None
    assert settings.webhook.url == WEBHOOK["OPEN_MFA_WEBHOOK_URL"]


def texts_of(**settings: str) -> MailTexts:
    read = loaded(**SMTP, **settings)
    assert read.mail is not None
    return read.mail.texts(DeliveryProfile(issuer="Shop", language=read.texts.language))


def subject_of(texts: MailTexts, language: str | None) -> str:
    return texts.of(language).render("492039", "Shop", 5).subject


@pytest.fixture
def template(tmp_path: Path) -> str:
    path = tmp_path / "template"
    path.write_text("Subject: $issuer\n\n$code\n")
    return str(path)


def test_a_mail_template_replaces_the_text_of_the_default_language(template: str) -> None:
    built_in, own = texts_of(), texts_of(OPEN_MFA_MAIL_TEMPLATE=template)
    german = texts_of(OPEN_MFA_MAIL_TEMPLATE=template, OPEN_MFA_LANGUAGE="de")

    languages = (None, "en-GB", "fr", "de-AT")
    assert [subject_of(built_in, each) for each in languages] == [*["Your Shop code"] * 3, "Ihr Code für Shop"]
    assert [subject_of(own, each) for each in languages] == ["Shop", "Shop", "Shop", "Ihr Code für Shop"]
    assert [subject_of(german, each) for each in languages] == ["Shop", "Your Shop code", "Shop", "Shop"]


def test_texts_in_further_languages_can_be_set(template: str) -> None:
    texts = texts_of(OPEN_MFA_MAIL_LANGUAGES=f"fr-CA = {template}, DE={template}")

    assert [subject_of(texts, each) for each in ("fr-CA", "fr", "de", "en")] == [
        "Shop",
        "Your Shop code",
        "Shop",
        "Your Shop code",
    ]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("fr", "must be languages and paths"),
        ("fr=", "must be languages and paths"),
        ("=/x", "must be languages and paths"),
        ("f_r=/x", "must be languages and paths"),
        ("fr={template},", "must be languages and paths"),
        ("fr={template},FR={template}", "two files"),
        ("fr=/nowhere/hunter2", "language fr: the file cannot be read"),
    ],
)
def test_unusable_languages_are_refused_without_their_paths(template: str, value: str, reason: str) -> None:
    environ = {**REQUIRED, **SMTP, "OPEN_MFA_MAIL_LANGUAGES": value.format(template=template)}
    (found,) = problems(environ)["OPEN_MFA_MAIL_LANGUAGES"]

    assert reason in f"{found[:1].lower()}{found[1:]}"
    assert "hunter2" not in found


def test_a_tenant_whose_issuer_no_mail_can_contain_is_refused() -> None:
    tenants = {"OPEN_MFA_TENANTS_TOML": '[good]\nissuer = "Good"\n[bad]\nissuer = "=?utf-8?q?Shop?="\n'}

    assert loaded(**tenants).tenants.by_name["bad"].policy.issuer == "=?utf-8?q?Shop?="
    found = problems({**REQUIRED, **SMTP, **tenants})
    assert list(found) == ["OPEN_MFA_TENANTS_TOML"]
    assert found["OPEN_MFA_TENANTS_TOML"][0].startswith("[bad] issuer cannot be part of a mail")


def test_an_issuer_that_no_mail_can_contain_is_refused() -> None:
    issuer = {"OPEN_MFA_ISSUER": "=?utf-8?q?Shop?="}

    assert loaded(**issuer).enrolment.issuer == "=?utf-8?q?Shop?="
    assert list(problems({**REQUIRED, **SMTP, **issuer})) == ["OPEN_MFA_ISSUER"]


def test_the_tenant_of_the_gate_must_have_an_api_key() -> None:
    tenant = {"OPEN_MFA_GATE_TENANT": "shop"}

    assert loaded(**tenant, OPEN_MFA_API_KEYS=f"shop:{SHOP}").gate.tenant == "shop"
    for keys in ({}, {"OPEN_MFA_API_KEYS": f"forum:{FORUM}"}):
        assert list(problems({**REQUIRED, **tenant, **keys})) == ["OPEN_MFA_GATE_TENANT"]


def test_the_sender_and_the_mail_server_may_have_internationalized_domains() -> None:
    sender = '"Bücher, Inc." <mfa@bücher.example>'

    mail = loaded(OPEN_MFA_SMTP_URL="smtps://post.bücher.example", OPEN_MFA_MAIL_FROM=sender).mail

    assert mail is not None
    assert (mail.server.address.host, mail.sender) == ("post.xn--bcher-kva.example", sender)


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
def test_a_channel_that_cannot_work_is_refused_and_not_repeated(name: str, value: str) -> None:
    found = problems(REQUIRED | SMTP | WEBHOOK | {name: value})

    assert list(found) == [name]
    assert "hunter2" not in str(found)


def test_there_is_one_process_without_redis() -> None:
    assert set(problems({**REQUIRED, "WEB_CONCURRENCY": "2"})) == {"WEB_CONCURRENCY"}


def test_waiting_for_replicas_requires_redis() -> None:
    assert set(problems({**REQUIRED, "OPEN_MFA_REDIS_WAIT": "1"})) == {"OPEN_MFA_REDIS_WAIT"}


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
def test_a_problem_never_repeats_a_secret(name: str, value: str, secret: str) -> None:
    found = problems(REQUIRED | {name: value})

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
