"""The delivery of a tenant's codes in the tenants file: sender, texts and webhook."""

from pathlib import Path

import pytest

from infrastructure.tenants.delivery import TenantDelivery
from infrastructure.tenants.tenants_file import TenantsFile, TenantsFileError

GOOD = "Subject: Code de $issuer\n\n$code\n"


def write(directory: Path, tables: str, **files: str) -> str:
    """Write a tenants file and the files beside it. Return the path of the tenants file."""
    for name, content in files.items():
        (directory / name).write_text(content, "utf-8")
    path = directory / "tenants.toml"
    path.write_text(tables, "utf-8")
    return str(path)


def delivery(path: str, tenant: str = "shop") -> TenantDelivery:
    return TenantsFile.load(path).tables[tenant].delivery


def problems(path: str) -> tuple[str, ...]:
    with pytest.raises(TenantsFileError) as caught:
        TenantsFile.load(path)
    return caught.value.problems


def test_the_files_of_a_tenant_are_beside_the_tenants_file(tmp_path: Path) -> None:
    tables = f"""
[shop]
mail_from = "Bäckerei <mfa@shop.example>"
languages = {{fr = "mail.fr", de-AT = "{tmp_path}/mail.at"}}
language = "FR"
webhook = {{url = "https://sms.example/x", secret_file = "hook"}}
"""
    read = delivery(write(tmp_path, tables, **{"mail.fr": GOOD, "mail.at": GOOD, "hook": "the secret\n"}))

    assert read.mail_from == "Bäckerei <mfa@shop.example>"
    assert sorted(read.languages) == ["de-at", "fr"]
    assert read.languages["fr"].render("1", "Shop", 5).subject == "Code de Shop"
    assert read.language == "fr"
    assert read.webhook is not None
    assert (read.webhook.url, read.webhook.secret) == ("https://sms.example/x", "the secret")
    assert "the secret" not in repr(read)


def test_an_invalid_text_makes_the_whole_file_invalid(tmp_path: Path) -> None:
    tables = '[forum]\nissuer = "Forum"\n[shop]\nlanguages = {fr = "good", it = "bad", es = "none"}\n'
    found = problems(write(tmp_path, tables, good=GOOD, bad="Subject: no code\n\nhunter2\n"))

    assert [problem.partition(": ")[2] for problem in found] == [
        "[shop] languages.it one line must contain only $code",
        "[shop] languages.es the file cannot be read: No such file or directory",
    ]
    assert "hunter2" not in "".join(found)


@pytest.mark.parametrize(
    ("member", "problem"),
    [
        ('language = "fr"', "[shop] language must be a language that has a text: en, de"),
        ('language = "e_n"', "[shop] language must be a language tag, such as de or de-AT"),
        ('languages = {f_r = "x"}', "[shop] languages.f_r is not a language tag, such as de or de-AT"),
        ('mail_from = "nobody"', "[shop] mail_from must be one mail address"),
        (
            'webhook = {url = "https://x.example/", secret_file = "none"}',
            "[shop] webhook.secret_file names a file that cannot be read",
        ),
        (
            'webhook = {url = "ftp://x.example/", secret_file = "none"}',
            "[shop] webhook.url must be a URL that begins with https:// or http://",
        ),
    ],
)
def test_an_unusable_member_is_named(tmp_path: Path, member: str, problem: str) -> None:
    (found,) = problems(write(tmp_path, f"[shop]\n{member}\n"))

    assert found.partition(": ")[2].startswith(problem)


@pytest.mark.parametrize("language", ["en", "de", "DE"])
def test_a_built_in_language_can_be_the_default(tmp_path: Path, language: str) -> None:
    assert delivery(write(tmp_path, f'[shop]\nlanguage = "{language}"\n')).language == language.lower()


def test_without_a_file_the_paths_are_absolute(tmp_path: Path) -> None:
    (tmp_path / "mail.fr").write_text(GOOD)

    with pytest.raises(TenantsFileError, match="must be an absolute path"):
        TenantsFile.parse('[shop]\nlanguages = {fr = "mail.fr"}\n')
    parsed = TenantsFile.parse(f'[shop]\nlanguages = {{fr = "{tmp_path}/mail.fr"}}\n')
    assert set(parsed.tables["shop"].delivery.languages) == {"fr"}
