"""The files at the root of the repository and for the code host."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HOOKS = [
    hook for repo in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"] for hook in repo["hooks"]
]
PACKAGES = sorted(path.parent for path in ROOT.glob("src/*/__init__.py"))


def test_every_link_to_the_repository_has_the_url_of_the_project() -> None:
    source, site = PROJECT["urls"]["Source"], PROJECT["urls"]["Documentation"]
    _, _, _, owner, name = source.split("/")
    contacts = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/config.yml").read_text())["contact_links"]
    owners = re.findall(r"@([^/\s]+)/", (ROOT / ".github/CODEOWNERS").read_text())

    assert site == f"https://{owner}.github.io/{name}/"
    assert all(url.startswith((source, site)) for url in PROJECT["urls"].values())
    assert all(contact["url"].startswith((source, site)) for contact in contacts)
    assert set(owners) == {owner}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_every_package_is_typed(package: Path) -> None:
    assert (package / "py.typed").is_file()


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_every_hook_is_a_check_of_make_lint(hook: dict[str, str]) -> None:
    program = hook["entry"].split()[0].removeprefix(".venv/bin/")

    assert hook["language"] == "system"
    assert f"$(BIN)/{program}" in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("name", ["CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_every_relative_link_leads_to_a_file(name: str) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", (ROOT / name).read_text())
    local = [link for link in links if not link.startswith(("https://", "../../security/"))]

    assert [link for link in local if not (ROOT / link).exists()] == []
