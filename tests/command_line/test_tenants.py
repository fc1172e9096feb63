"""`open-mfa tenants check`."""

from hashlib import sha256
from pathlib import Path

import pytest

from infrastructure.tenants.declaration import TENANT
from presentation.bootstrap.command_line import main

DIGEST = sha256(b"a key").hexdigest()
FILE = f"""[shop]
issuer = "Shop"
lock = {{after = 4}}
[[shop.keys]]
id = "web"
sha256 = "{DIGEST}"
scopes = ["verify"]
expires = 2020-01-01
[forum]
"""


def test_a_valid_file_is_summarized(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tenants.toml"
    path.write_text(FILE)

    assert main(["tenants", "check", str(path)]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "shop: issuer Shop, lock after 4 wrong codes for 30 to 900 s",
        "  key web: verify, EXPIRED at 2020-01-01T00:00:00Z",
        "forum: the settings of the service",
        "  no key, unless OPEN_MFA_API_KEYS has one",
    ]


@pytest.mark.parametrize("key", sorted(TENANT.members.keys() - {"keys", "languages", "webhook"}))
def test_the_summary_names_each_key_that_a_tenant_has(
    key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tenants.toml"
    path.write_text(f"[shop]\n{key} = {TENANT.members[key].example}\n")

    assert main(["tenants", "check", "--skip-files", str(path)]) == 0

    assert capsys.readouterr().out.startswith(f"shop: {key} ")


def test_all_problems_of_an_invalid_file_are_on_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tenants.toml"
    path.write_text(FILE.replace("4", "1", 1).replace('"Shop"', "1"))

    assert main(["tenants", "check", str(path)]) == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert [line.partition(",")[0] for line in err.splitlines()] == ["line 2", "line 3", "open-mfa: 2 problems"]


def test_a_missing_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tenants", "check", str(tmp_path / "none.toml")]) == 1
    assert "cannot be read: No such file" in capsys.readouterr().err


def test_files_that_tenants_name_can_be_skipped(tmp_path: Path) -> None:
    path = tmp_path / "tenants.toml"
    path.write_text('[shop]\nlanguages = {de = "missing.txt"}\n')

    assert main(["tenants", "check", str(path)]) == 1
    assert main(["tenants", "check", "--skip-files", str(path)]) == 0


def test_a_default_language_without_a_text_is_a_problem_even_if_files_are_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tenants.toml"
    path.write_text('[shop]\nlanguage = "fr"\n')

    assert main(["tenants", "check", "--skip-files", str(path)]) == 1
    assert "line 2, column 1: [shop] language must be" in capsys.readouterr().err
