"""The file in the guide to tenants is valid, and the problem that it shows is the one that the command prints."""

import re
from pathlib import Path

import pytest

from infrastructure.tenants.tenants_file import TenantsFile
from presentation.bootstrap.command_line import main
from tests.support.documents import page

GUIDE = page("how-to/configure-tenants")
FILE = re.search(r"```toml\n(.*?)```", GUIDE, re.DOTALL)


def test_the_file_of_the_guide_is_valid() -> None:
    assert FILE is not None
    assert set(TenantsFile.parse(FILE[1]).tables) == {"shop", "forum"}


def test_the_command_prints_the_problem_of_the_guide(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert FILE is not None
    path = tmp_path / "tenants.toml"
    path.write_text(FILE[1].replace("after = 4", "after = 2"))

    assert main(["tenants", "check", str(path)]) == 1
    assert f"```\n{capsys.readouterr().err}```" in GUIDE
