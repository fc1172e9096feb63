"""The wheel, from which the image is built: it contains every file that the service reads."""

import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
SOURCES_OF_OTHER_FILES = {".po"}
"""Compiled files are in the wheel instead."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # setuptools writes next to the sources.
    copy = tmp_path_factory.mktemp("sources")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--wheel-dir", copy, copy], check=True, timeout=120)
    (built,) = copy.glob("*.whl")
    return built


def test_the_wheel_contains_every_file_of_the_packages(wheel: Path) -> None:
    source = ROOT / "src"
    files = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    wanted = {
        name
        for name in files
        if "__pycache__" not in name and ".egg-info/" not in name and Path(name).suffix not in SOURCES_OF_OTHER_FILES
    }
    with ZipFile(wheel) as archive:
        assert wanted - set(archive.namelist()) == set()


def test_the_translations_can_be_read_from_a_zip_file(wheel: Path) -> None:
    """A function for AWS Lambda can be such a file."""
    program = (
        "import presentation.http.framework.texts as texts; print(texts.__file__);"
        " print(texts.TEXTS['de'].gettext('Log in'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(wheel)!r}); {program}"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )

    file, translated = done.stdout.split()
    assert file.startswith(str(wheel))
    assert translated == "Anmelden"
