"""Every example runs as its README says, each against a service of its own."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest

from tests.e2e.test_generated_clients import NODE_MODULES, of_npm, require, run
from tests.support import hurl
from tests.support.service import Service

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
API_KEY = "an-api-key-of-at-least-32-characters"
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
HURL_FILES = sorted((EXAMPLES / "hurl").glob("*.hurl"))
VALIDATOR = Path("/usr/share/gocode/src/gopkg.in/validator.v2")
"""The only library that the generated Go client needs, from the package golang-gopkg-validator.v2-dev of Debian."""


@pytest.fixture
def service() -> Iterator[Service]:
    """Serve with the settings of examples/README.md."""
    settings = {"OPEN_MFA_API_KEYS": f"example:{API_KEY}", "OPEN_MFA_GATE_SECRET": SECRET}
    with Service(OPEN_MFA_ENV="development", OPEN_MFA_RATE_LIMIT="", **settings) as running:
        yield running


def gate_code() -> str:
    return pyotp.TOTP(SECRET).at(int(time.time()))


def commands(title: str) -> str:
    """Return the commands below a title of the README, without those that install programs from the network."""
    text = (EXAMPLES / "README.md").read_text().partition(f"\n## {title}")[2]
    block = re.search(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    return re.sub(r"^(pip|npm) install .*\n", "", block[1], flags=re.MULTILINE)


@pytest.fixture
def checkout(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the examples with the OpenAPI document of the service, and set the variables of the README."""
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("open_mfa_client", "openmfa"))
    run("curl", "-fsS", f"{service.base}/openapi.json", "-o", "openapi.json", cwd=tmp_path)
    variables = {"BASE_URL": service.base, "API_KEY": API_KEY, "GATE_SECRET": SECRET}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def run_all(script: str, directory: Path) -> list[str]:
    """Run commands, which must succeed, and return the lines of their output."""
    return run("bash", "-euo", "pipefail", "-c", script, cwd=directory).splitlines()


def printed(lines: list[str], *, refusal: str) -> None:
    """Check what an example prints."""
    (first,) = [number for number, line in enumerate(lines) if line.startswith("Show this as a QR code: otpauth://")]
    expected = ["First code: confirmed", "Challenge: 200 totp", f"The same code: {refusal}", "Gate: 200"]
    assert lines[first + 1 :] == expected


def variables(service: Service) -> dict[str, str]:
    """Return the variables of the Hurl files, with the HOTP codes of RFC 4226, appendix D."""
    codes = {"first_code": "755224", "second_code": "287082", "gate_code": gate_code()}
    return {"base": service.base, "api_key": API_KEY, **codes}


@pytest.mark.parametrize("path", HURL_FILES, ids=lambda path: str(path.name))
def test_a_hurl_file_passes(service: Service, path: Path) -> None:
    """With the program `hurl` if it is installed, and otherwise with the runner of the tests."""
    found = shutil.which("hurl")
    if found is None:
        assert hurl.run(path.read_text(), variables(service)) >= 3
        return
    options = [part for name, value in variables(service).items() for part in ("--variable", f"{name}={value}")]
    run(found, "--test", *options, str(path), cwd=path.parent)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("HTTP 201", "HTTP 200"),
        ('== "pending"', '== "confirmed"'),
        ("== true", '== "true"'),
        ('startsWith "otpauth', 'startsWith "https'),
        ('jsonpath "$.reason"', 'jsonpath "$.reasons"'),
        ('"755224"', '"755225"'),
    ],
)
def test_the_runner_of_hurl_files_notices_a_difference(service: Service, right: str, wrong: str) -> None:
    text = (EXAMPLES / "hurl/session.hurl").read_text()
    assert right in text

    with pytest.raises(AssertionError):
        hurl.run(text.replace(right, wrong, 1), variables(service))


@pytest.mark.parametrize(
    "text",
    [
        "HTTP 200",
        "GET http://127.0.0.1:1/",
        "GET http://127.0.0.1:1/\n[Options]\nretry: 3\nHTTP 200",
        "GET http://127.0.0.1:1/\nHTTP 200\nunknown",
        "GET http://127.0.0.1:1/\nHTTP 200\n[Unknown]",
    ],
)
def test_the_runner_of_hurl_files_refuses_what_it_does_not_understand(text: str) -> None:
    with pytest.raises(ValueError, match=r"not |no "):
        list(hurl.entries(text))


def test_the_python_example_runs(checkout: Path) -> None:
    printed(run_all(commands("Python"), checkout), refusal="replayed")


def test_the_typescript_example_runs(checkout: Path) -> None:
    require("node")
    of_npm("openapi-ts")
    (checkout / "node_modules").symlink_to(NODE_MODULES)

    printed(run_all(commands("TypeScript"), checkout), refusal="replayed")


def test_the_go_example_runs(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require("java")
    require("go")
    if not VALIDATOR.is_dir() and not os.environ.get("CI"):
        pytest.skip("golang-gopkg-validator.v2-dev is not installed")
    # The library comes from Debian, so that the test needs no module proxy.
    library = checkout / "validator"
    # Go would look for the libraries of its tests, too.
    shutil.copytree(VALIDATOR, library, ignore=shutil.ignore_patterns("*_test.go"))
    (library / "go.mod").write_text("module gopkg.in/validator.v2\n")
    for name, value in {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOCACHE": str(checkout / "cache")}.items():
        monkeypatch.setenv(name, value)
    run("go", "mod", "edit", "-replace", f"gopkg.in/validator.v2={library}", cwd=checkout / "examples/go")
    script = commands("Go")
    assert "go mod tidy" in script

    printed(run_all(script, checkout), refusal="403")


def test_the_readme_names_every_example_and_the_settings_of_the_service() -> None:
    text = (EXAMPLES / "README.md").read_text()
    files = [path for path in EXAMPLES.rglob("*") if path.is_file() and path.name not in {"README.md", "go.mod"}]

    assert len(files) == 6
    assert [path.name for path in files if str(path.relative_to(EXAMPLES)) not in text] == []
    assert f"OPEN_MFA_API_KEYS=example:{API_KEY}" in text
    assert set(re.findall(r"--variable (\w+)=", text)) == {
        "base",
        "api_key",
        "first_code",
        "second_code",
        "gate_code",
    }
