"""The versions of Python: the package, the workflows, the image and the documents name the same ones."""

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.\d+)")
SUPPORTED = [match[1] for text in PYPROJECT["project"]["classifiers"] if (match := CLASSIFIER.fullmatch(text))]
OLDEST, NEWEST = SUPPORTED[0], SUPPORTED[-1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Makefile", *(ROOT / "docs").rglob("*.md")]


def minor(version: str) -> int:
    return int(version.removeprefix("3."))


def jobs() -> list[tuple[str, dict[str, Any]]]:
    workflows = sorted((ROOT / ".github/workflows").glob("*.yml"))
    return [
        (f"{path.name}: {name}", job)
        for path in workflows
        for name, job in yaml.safe_load(path.read_text())["jobs"].items()
    ]


def version_of_the_image() -> str:
    (version,) = re.findall(r"^FROM python:(3\.\d+)-", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)
    return str(version)


def test_the_classifiers_list_every_version_from_the_oldest_to_the_newest() -> None:
    assert [minor(version) for version in SUPPORTED] == list(range(minor(OLDEST), minor(NEWEST) + 1))


def test_the_oldest_version_is_the_same_for_installers_tools_and_lock_files() -> None:
    locked = re.findall(r"--python-version (\S+)", (ROOT / "Makefile").read_text())

    assert PYPROJECT["project"]["requires-python"] == f">={OLDEST}"
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{OLDEST.replace('.', '')}"
    assert set(locked) == {OLDEST}
    assert f"sys.version_info < (3, {minor(OLDEST)})" in (ROOT / "Makefile").read_text()


def test_the_workflows_run_the_tests_on_every_version() -> None:
    assert dict(jobs())["ci.yml: test"]["strategy"]["matrix"]["python"] == SUPPORTED


def test_all_other_jobs_use_the_version_of_the_image() -> None:
    steps = [
        (where, step["with"]["python-version"])
        for where, job in jobs()
        for step in job.get("steps", [])
        if step.get("uses", "").startswith("actions/setup-python@") and where != "ci.yml: test"
    ]

    assert version_of_the_image() in SUPPORTED
    assert len(steps) >= 5
    assert [step for step in steps if step[1] != version_of_the_image()] == []


def test_every_document_names_the_oldest_version() -> None:
    named = [(path.name, version) for path in DOCUMENTS for version in found(r"Python (3\.\d+) or newer", path)]

    assert len(named) >= 5
    assert [name for name in named if name[1] != OLDEST] == []


def test_the_contributing_guide_names_the_tested_versions_and_the_version_of_the_image() -> None:
    (named,) = found(r"on Python (3\.\d+ to 3\.\d+), and the image contains Python 3\.\d+", ROOT / "CONTRIBUTING.md")
    (image,) = found(r"and the image contains Python (3\.\d+)", ROOT / "CONTRIBUTING.md")

    assert (named, image) == (f"{OLDEST} to {NEWEST}", version_of_the_image())


def found(pattern: str, path: Path) -> list[str]:
    """Return the matches of a pattern in a document, whose lines may break anywhere."""
    return re.findall(pattern, " ".join(path.read_text().split()))
