"""The tenants file: every key, every bound, and the place of every problem."""

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.api_key import Scope
from domain.failures import DEFAULT_LOCKS, LockSchedule
from domain.owner import Owner
from domain.parameters import HashAlgorithm, HotpParameters, TotpParameters
from domain.policy import Policy
from domain.usage import UsageLimits
from infrastructure.tenants.changes import changes_between
from infrastructure.tenants.declaration import KEY, LOCK, TENANT, WEBHOOK
from infrastructure.tenants.tenants import tenants_of
from infrastructure.tenants.tenants_file import TenantsFile, TenantsFileError
from tests.infrastructure.tenants.documents import documents

DIGEST = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4
KEY_LINES = f'[[shop.keys]]\nid = "web"\nsha256 = "{DIGEST}"\nscopes = ["verify"]\n'
MAIL = "Subject: $issuer\n\n$code\n"
EVERYTHING = f"""
[shop]
issuer = "Shop"
algorithm = "SHA512"
digits = 7
interval = 60
window = 3
look_ahead = 4
lock = {{after = 4, first = 60, longest = 3600}}
recovery_codes = 12
sends_per_day = 1000
enrolments_per_day = 500
challenges_per_second = 50
recipients = ["+43", "@Example.COM", "@bücher.example"]
mail_from = "Shop <mfa@shop.example>"
languages = {{de = "mail.de.txt", "pt-BR" = "mail.pt.txt"}}
language = "de"
webhook = {{url = "https://hook.example/", secret_file = "hook"}}

[[shop.keys]]
id = "web"
sha256 = "{DIGEST}"
scopes = ["verify", "enrol"]
expires = 2027-06-30

[[shop.keys]]
id = "batch"
sha256 = "{OTHER}"
scopes = ["manage"]
expires = 2027-06-30T12:00:00+02:00
"""


def problems(text: str, **options: Any) -> list[str]:
    with pytest.raises(TenantsFileError) as caught:
        TenantsFile.parse(text, **options)
    return list(caught.value.problems)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name in ("mail.de.txt", "mail.pt.txt"):
        (tmp_path / name).write_text(MAIL)
    (tmp_path / "hook").write_text("the secret of the webhook\n")
    return tmp_path


def test_every_key_has_its_effect(directory: Path) -> None:
    path = directory / "tenants.toml"
    path.write_text(EVERYTHING)

    tenants = tenants_of(TenantsFile.load(str(path)).tables, Policy(issuer="Open-MFA"))

    shop = tenants.by_name["shop"]
    assert tenants.of(Owner.of_account("shop", "ann")) == shop.policy
    assert shop.policy == Policy(
        issuer="Shop",
        hotp=HotpParameters(HashAlgorithm.SHA512, 7, 4),
        totp=TotpParameters(HashAlgorithm.SHA512, 7, 60, 3),
        locks=LockSchedule(4, 60, 3600),
        recovery_codes=12,
        limits=UsageLimits(sends_per_day=1000, enrolments_per_day=500, challenges_per_second=50),
        recipients=("+43", "@Example.COM", "@bücher.example"),
    )
    assert shop.delivery.mail_from == "Shop <mfa@shop.example>"
    assert set(shop.delivery.languages) == {"de", "pt-br"}
    assert shop.delivery.webhook is not None
    assert (shop.delivery.webhook.url, shop.delivery.webhook.secret) == (
        "https://hook.example/",
        "the secret of the webhook",
    )
    web, batch = shop.keys
    assert (web.tenant, web.id, web.digest.hex(), web.scope) == ("shop", "web", DIGEST, Scope.ENROL)
    assert web.expires_at == datetime(2027, 6, 30, tzinfo=UTC).timestamp()
    assert batch.expires_at == datetime(2027, 6, 30, 10, tzinfo=UTC).timestamp()


def test_the_default_fills_in_what_a_tenant_leaves_out() -> None:
    default = Policy(issuer="Default", totp=TotpParameters(HashAlgorithm.SHA256))

    tenants = tenants_of(TenantsFile.parse("[shop]\ninterval = 60\n[forum]").tables, default)

    assert tenants.by_name["forum"].policy == default
    assert tenants.by_name["shop"].policy.totp == TotpParameters(HashAlgorithm.SHA256, interval=60)
    assert tenants.by_name["shop"].policy.locks == DEFAULT_LOCKS
    assert tenants.of(Owner.of_account("bank", "ann")) == default


@pytest.mark.parametrize(
    ("line", "key", "allowed"),
    [
        ('isuer = "Shop"', "isuer", "did you mean issuer?"),
        ("issuer = 3", "issuer", "must be a string"),
        ('issuer = ""', "issuer", "1 to 128 bytes"),
        ('issuer = "a:b"', "issuer", "no colon"),
        ('algorithm = "MD5"', "algorithm", "SHA1, SHA256, SHA512"),
        ("digits = 5", "digits", "6 to 8"),
        ("digits = 9", "digits", "6 to 8"),
        ('digits = "6"', "digits", "6 to 8"),
        ("digits = true", "digits", "6 to 8"),
        ("digits = 6.0", "digits", "6 to 8"),
        ("interval = 14", "interval", "15 to 300"),
        ("window = 11", "window", "0 to 10"),
        ("look_ahead = 51", "look_ahead", "0 to 50"),
        ("lock = {after = 2}", "lock.after", "3 to 10"),
        ("lock = {after = 11}", "lock.after", "3 to 10"),
        ("lock = {first = 29}", "lock.first", "30 to 86400"),
        ("lock = {longest = 86401}", "lock.longest", "30 to 86400"),
        ("lock = {first = 901}", "lock", "longest must not be less than first"),
        ("lock = {begin = 30}", "lock.begin", "after, first, longest"),
        ("lock = 5", "lock", "must be a table"),
        ("lock.first = 29", "lock.first", "30 to 86400"),
        ("recovery_codes = 0", "recovery_codes", "1 to 20"),
        ("recovery_codes = 21", "recovery_codes", "1 to 20"),
        ("sends_per_day = 0", "sends_per_day", "1 to 1000000000"),
        ("enrolments_per_day = -1", "enrolments_per_day", "1 to"),
        ("challenges_per_second = 0.5", "challenges_per_second", "1 to"),
        ('recipients = "+43"', "recipients", "array"),
        ("recipients = []", "recipients", "array"),
        ('recipients = ["+43", "@"]', "recipients[1]", "@example.com"),
        ('recipients = ["@exa mple.com"]', "recipients[0]", "@example.com"),
        ('mail_from = "Shop"', "mail_from", "one mail address"),
        ('languages = {german = "a", "d e" = "b"}', "languages.(a key of 3 characters)", "language tag"),
        ('languages = {de = "a.txt"}', "languages.de", "be read"),
        ("languages = {de = 1}", "languages.de", "must be a string"),
        ('webhook = {url = "ftp://hook.example"}', "webhook.url", "https://"),
        ('webhook = {url = "https://hook.example"}', "webhook", "must have secret_file"),
        ('webhook = {url = "https://hook.example", secret_file = "/no"}', "webhook.secret_file", "No such file"),
        ("keys = []", "keys", "[[TENANT.keys]]"),
        ("keys = [1]", "keys[0]", "[[TENANT.keys]]"),
    ],
)
def test_a_problem_names_line_table_and_key_and_what_is_allowed(line: str, key: str, allowed: str) -> None:
    found = problems(f"# a comment\n[shop]\n\n{line}\n", path="/etc/open-mfa/tenants.toml")

    assert any(each.startswith("line 4, ") and f": [shop] {key} " in each and allowed in each for each in found), found


@pytest.mark.parametrize(
    ("former", "new", "place"),
    [
        ('id = "web"', "id = 1", "line 3, column 1: [shop] keys[0].id must be a string"),
        ('id = "web"', 'id = "a b"', "line 3, column 1: [shop] keys[0].id must have 1 to 32"),
        ('id = "web"\n', "", "line 2, column 1: [shop] keys[0] must have id"),
        (DIGEST, DIGEST.upper(), "line 4, column 1: [shop] keys[0].sha256 must be the SHA-256"),
        (DIGEST, DIGEST[1:], "line 4, column 1: [shop] keys[0].sha256 must be the SHA-256"),
        ('["verify"]', '["verify", "all"]', "line 5, column 21: [shop] keys[0].scopes[1] must be one of verify"),
        ('["verify"]', "[]", "line 5, column 1: [shop] keys[0].scopes must be an array"),
        ('["verify"]', '["verify"]\nexpires = "2027-06-30"', "line 6, column 1: [shop] keys[0].expires must be a date"),
        ('["verify"]', '["verify"]\nexpires = 2027-06-30T12:00:00', "keys[0].expires must be a date"),
        ('["verify"]', '["verify"]\nexpires = 1969-12-31', "line 6, column 1: [shop] keys[0].expires must be a date"),
        ('["verify"]', '["verify"]\nexpires = 0001-01-01T00:00:00+23:59', "keys[0].expires must be a date"),
        ('["verify"]', '["verify"]\nexpires = 9999-12-31T23:59:59-23:59', "keys[0].expires must be a date"),
    ],
)
def test_a_problem_of_a_key_names_its_line_too(former: str, new: str, place: str) -> None:
    found = problems(("[shop]\n" + KEY_LINES).replace(former, new))

    assert any(place in each for each in found), found


def test_all_problems_are_reported_in_the_order_of_their_lines() -> None:
    found = problems('[shop]\ndigits = 1\nissuer = 2\n[forum]\ncolour = "red"\n[[forum.keys]]\n[a.b]\nc = 1\n')

    assert [re.match(r"line (\d+)", each)[1] for each in found] == ["2", "3", "5", "6", "6", "6", "7"]  # type: ignore[index]


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "\ufeff"])
def test_a_file_without_a_tenant_is_refused_because_it_would_remove_all(text: str) -> None:
    assert "no tenant" in problems(text)[0]


def test_the_name_of_a_tenant_must_be_usable() -> None:
    assert "it names a tenant" in problems('["a:b"]')[0]


def test_a_value_outside_of_a_table_is_refused() -> None:
    assert problems('issuer = "Shop"') == ["line 1, column 1: [issuer] must be a table: [TENANT]"]


@pytest.mark.parametrize("text", ["[shop", "[shop]\nissuer =", '[shop]\nissuer = "a\nb"', "[a]\n[a]", "a = 2027-02-30"])
def test_a_syntax_error_has_its_line(text: str) -> None:
    assert re.search(r"not valid TOML: .*\(at (line \d+, column \d+|end of document)\)", problems(text)[0])


def test_deep_nesting_is_refused() -> None:
    assert "nested" in problems("a = " + "[" * 100_000)[0]


def test_a_digest_belongs_to_one_key_only() -> None:
    found = problems("[shop]\n" + KEY_LINES + KEY_LINES.replace("shop", "forum"))

    first, second = "line 4, column 1: [shop] keys[0].sha256", "line 8, column 1: [forum] keys[0].sha256"
    assert found == [f"{second} is the digest of the same key as {first}"]


def test_the_ids_of_a_tenant_differ() -> None:
    found = problems("[shop]\n" + KEY_LINES + KEY_LINES.replace(DIGEST, OTHER))

    assert found == ["line 7, column 1: [shop] keys[1].id must differ from the ids of the tenant's other keys"]


def test_a_text_that_is_in_no_file_names_files_by_absolute_paths() -> None:
    assert "must be an absolute path" in problems('[shop]\nlanguages = {de = "mail.de.txt"}')[0]


def test_a_check_can_leave_out_the_files_that_tenants_name() -> None:
    text = '[shop]\nwebhook = {url = "https://hook.example", secret_file = "/no/such/file"}'

    assert "shop" in TenantsFile.parse(text, read_files=False).tables


@pytest.mark.parametrize("change", [lambda text: text.replace("\n", "\r\n"), lambda text: "\ufeff" + text])
def test_line_breaks_of_windows_and_a_byte_order_mark_change_nothing(change: Any, directory: Path) -> None:
    plain = TenantsFile.parse(EVERYTHING, str(directory / "tenants.toml"))

    changed = TenantsFile.parse(change(EVERYTHING), plain.path)

    assert changes_between(plain.tables, changed.tables) == {}


@pytest.mark.parametrize("key", [key for key in TENANT.members if key != "keys"])
def test_a_change_of_each_key_of_a_tenant_is_found(key: str, directory: Path) -> None:
    former = TenantsFile.parse(EVERYTHING, str(directory / "tenants.toml"))
    text, removed = re.subn(rf"^{key} = .*\n", "", EVERYTHING, flags=re.MULTILINE)

    assert removed == 1
    assert changes_between(former.tables, TenantsFile.parse(text, former.path).tables) == {"changed": [f"shop.{key}"]}


@given(documents())
def test_no_document_ends_in_another_error(document: tuple[str, object]) -> None:
    with suppress(TenantsFileError):
        TenantsFile.parse(document[0])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*TENANT.members, *KEY.members, *LOCK.members, *WEBHOOK.members]), inner)
    ),
    max_leaves=12,
)


def toml(value: Any) -> str:
    """A value in the notation of TOML."""
    match value:
        case dict():
            return "{" + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "")
        case None:
            return "2027-06-30"
        case float():
            return f"{value:e}"
        case _:
            return json.dumps(value)


@given(st.dictionaries(st.sampled_from([*TENANT.members]), JSON, min_size=1))
def test_values_of_any_type_are_accepted_or_refused_at_their_line(members: dict[str, Any]) -> None:
    text = "[shop]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in members.items())

    try:
        assert set(TenantsFile.parse(text).tables) == {"shop"}
    except TenantsFileError as error:
        lines = text.split("\n")
        for problem in error.problems:
            line, key = re.match(r"line (\d+), column \d+: \[shop\] (\w+)", problem).groups()  # type: ignore[union-attr]
            assert lines[int(line) - 1].startswith(f"{key} = ")


@given(st.text("ghijklmnop", min_size=20, max_size=64), st.sampled_from([*TENANT.members, "other"]))
def test_no_problem_repeats_a_value(secret: str, key: str) -> None:
    lines = f'[shop]\n{key} = "{secret}"\n"{secret} {secret}" = 1\n[[forum.keys]]\n'
    lines += f'id = "{secret}{secret}"\nsha256 = "{secret}"\n'

    assert secret not in "".join(problems(lines))
