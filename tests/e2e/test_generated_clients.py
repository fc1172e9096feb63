"""Client generators read the OpenAPI document without a warning, and their clients drive the running service.

docs/adr/0023 lists the generators, and describes the form of the document.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.service.accounts import API_KEYS, KEYS
from tests.support.service import Service

HERE = Path(__file__).parent / "generated_clients"
NODE_MODULES = Path(__file__).parents[1] / "node_modules"
BIN = Path(sys.executable).parent
LONGEST = 120
"""Seconds that one program may take."""
WARNING = re.compile(
    r"\b(warn(ing)?|error|deprecated|unsupported|omitted|skipping|dropp(ed|ing))\b|⚠|✖|❌", re.IGNORECASE
)
EXPECTED_MESSAGES = (
    # openapi-generator prints this for `python`, even for a document without paths.
    "[main] WARN  o.o.codegen.utils.ModelUtils - Failed to get the schema name: null",
)
TYPESCRIPT = {"strict": True, "target": "es2022", "lib": ["es2022", "dom", "dom.iterable"], "types": [], "rootDir": "."}
JOURNEY = {
    "enrol": {"status": 201, "model": "HotpEnrolment", "state": "pending"},
    "confirm": {"status": 200, "model": "Verified", "state": "confirmed"},
    "challenge": {"status": 200, "model": "ChallengePassed", "factor": "hotp"},
    "replay": {"status": 403, "model": "CodeRejectedProblem", "reason": "replayed"},
    "recovery codes": {"status": 201, "model": "IssuedRecoveryCodes"},
    "recovery code": {"status": 200, "model": "RecoveryCodesVerified", "remaining": 9},
    "picture": {"status": 200, "start": "<?xml"},
    "account": {
        "status": 200,
        "model": "Account",
        "factors": ["Hotp", "RecoveryCodes", "Totp"],
        "replacements": ["null", "null"],
    },
    "account with a replacement": {"status": 200, "model": "Account", "replacements": ["Replacement", "null"]},
    "one-time code": {"status": 201, "model": "IssuedCode"},
    "verify the one-time code": {"status": 200, "model": "Verified", "factor": "otp"},
    "not enrolled": {"status": 404, "model": "NotEnrolledProblem"},
    "session": {"status": 201, "model": "HotpEnrolment"},
    "confirm in the session": {"status": 200, "model": "Verified", "state": "confirmed"},
    "factor of the session": {"status": 200, "model": "Hotp"},
    "list of the session": {"status": 200, "model": "Owner", "factors": ["Hotp"]},
    "locked": {"status": 429, "model": "LockedProblem"},
    "server": {"status": 200, "model": "Server", "state": "up", "century": "20"},
}
"""The results that every generated client must have for the same calls."""


@pytest.fixture(scope="module")
def everything() -> Iterator[Service]:
    """Serve with all optional features."""
    with Service(
        OPEN_MFA_GATE_SECRET="GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        OPEN_MFA_DERIVATION_SECRET="a master secret that nobody could guess",
        OPEN_MFA_RATE_LIMIT="1000 per 1 second",
        OPEN_MFA_WEBHOOK_URL="http://127.0.0.1:9/codes",
        OPEN_MFA_WEBHOOK_SECRET="webhooks are signed with this secret",
        **KEYS,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def document(everything: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("document") / "openapi.json"
    file.write_bytes(requests.get(f"{everything.base}/openapi.json", timeout=5).content)
    return file


def operation_ids(document: Path) -> list[str]:
    paths = json.loads(document.read_text())["paths"].values()
    return [operation["operationId"] for path in paths for operation in path.values()]


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def require(program: str) -> str:
    """Return the path of a program. Without it the test is skipped, and in CI it fails."""
    found = shutil.which(program)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"{program} is missing")
    if found is None:
        pytest.skip(f"{program} is missing")
    return found


def of_npm(name: str) -> str:
    """Return the path of a program of tests/package.json."""
    return require(str(NODE_MODULES / ".bin" / name))


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program, which must succeed, and return its output."""
    # openapi-python-client calls ruff, which must be on the path.
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1", "CI": "true"}
    ended = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=LONGEST, check=False
    )
    output = ended.stdout + ended.stderr
    assert ended.returncode == 0, output
    return output


def warnings(output: str) -> list[str]:
    """Return the lines with warnings and errors, without openapi-generator's list of written files."""
    lines = [line for line in output.splitlines() if "writing file" not in line and line not in EXPECTED_MESSAGES]
    return [line for line in lines if WARNING.search(line)]


def text_of(directory: Path, pattern: str) -> str:
    return "\n".join(file.read_text() for file in sorted(directory.rglob(pattern)))


def import_all(package: str, directory: Path) -> None:
    """Import every module, with warnings as errors."""
    program = f"""
import importlib, pkgutil, {package}
for module in pkgutil.walk_packages({package}.__path__, "{package}."):
    importlib.import_module(module.name)
"""
    run(sys.executable, "-W", "error", "-c", program, cwd=directory)


def openapi_generator(generator: str, document: Path, directory: Path) -> None:
    require("java")
    output = run(
        BIN / "openapi-generator-cli", "generate", "-i", document, "-g", generator, "-o", directory, cwd=directory
    )
    assert warnings(output) == []


def compile_typescript(directory: Path, **options: Any) -> None:
    (directory / "tsconfig.json").write_text(json.dumps({"compilerOptions": TYPESCRIPT | options}))
    run(of_npm("tsc"), "--project", "tsconfig.json", cwd=directory)


def missing(names: list[str], text: str) -> list[str]:
    return [name for name in names if not re.search(rf"\b{name}\b", text)]


def test_openapi_python_client_generates_a_working_client(document: Path, everything: Service, tmp_path: Path) -> None:
    output = run(
        *(BIN / "openapi-python-client", "generate", "--fail-on-warning", "--meta", "none"),
        *("--path", document, "--output-path", tmp_path / "client"),
        cwd=tmp_path,
    )

    assert warnings(output) == []
    modules = {file.stem for file in (tmp_path / "client" / "api").rglob("*.py")}
    assert [name for name in operation_ids(document) if name not in modules] == []
    import_all("client", tmp_path)
    assert journey("openapi_python_client_journey.py", tmp_path, everything) == JOURNEY


def test_openapi_generator_generates_a_working_python_client(
    document: Path, everything: Service, tmp_path: Path
) -> None:
    openapi_generator("python", document, tmp_path)

    text = text_of(tmp_path / "openapi_client" / "api", "*.py")
    assert missing([f"def {name}" for name in operation_ids(document)], text) == []
    import_all("openapi_client", tmp_path)
    assert journey("openapi_generator_journey.py", tmp_path, everything) == JOURNEY
    # Without further settings, this is the only one of the clients that refuses members if a schema forbids others.
    account = f"{everything.api}/accounts/later-version"
    headers = {"Authorization": f"Bearer {API_KEYS['shop']}"}
    assert requests.post(f"{account}/hotp", headers=headers, timeout=5).status_code == 201
    answer = requests.get(account, headers=headers, timeout=5).json()
    (factor,) = answer["factors"]
    later = {**answer, "factors": [{**factor, "added": 1}], "added": 1}
    (tmp_path / "account.json").write_text(json.dumps(later))
    program = """
import pathlib, openapi_client
account = openapi_client.Account.from_json(pathlib.Path("account.json").read_text())
print(*(type(factor.actual_instance).__name__ for factor in account.factors))
"""
    assert run(sys.executable, "-W", "error", "-c", program, cwd=tmp_path).split() == ["Hotp"]


def journey(script: str, directory: Path, service: Service) -> dict[str, Any]:
    """Return the steps of a script that uses the client in a directory."""
    shutil.copy(HERE / script, directory)
    output = run(sys.executable, script, *arguments(service), cwd=directory)
    steps: dict[str, Any] = json.loads(output)
    # Pictures have no model.
    steps["picture"].pop("model", None)
    return steps


def arguments(service: Service) -> list[str]:
    settings = service.settings
    return [service.base, API_KEYS["shop"], settings["OPEN_MFA_ADMIN_USER"], settings["OPEN_MFA_ADMIN_PASSWORD"]]


@pytest.mark.parametrize(
    ("generator", "pattern", "name"),
    [
        ("typescript-fetch", "*.ts", camel),
        ("go", "*.go", lambda name: camel(f"_{name}")),
    ],
)
def test_openapi_generator_generates_every_operation(
    document: Path, tmp_path: Path, generator: str, pattern: str, name: Callable[[str], str]
) -> None:
    openapi_generator(generator, document, tmp_path)

    assert missing([name(operation) for operation in operation_ids(document)], text_of(tmp_path, pattern)) == []
    if generator == "typescript-fetch":
        compile_typescript(tmp_path, noEmit=True, module="esnext", moduleResolution="bundler")


def test_datamodel_code_generator_generates_models_of_the_responses(
    document: Path, everything: Service, tmp_path: Path
) -> None:
    output = run(
        # The formatter is named because the generator announces that it will use another one.
        *(BIN / "datamodel-codegen", "--input", document, "--input-file-type", "openapi", "--formatters", "builtin"),
        *("--output", "models.py", "--output-model-type", "pydantic_v2.BaseModel"),
        cwd=tmp_path,
    )

    assert output == ""
    schemas = [f"class {name}" for name in json.loads(document.read_text())["components"]["schemas"]]
    assert missing(schemas, (tmp_path / "models.py").read_text()) == []
    account = f"{everything.api}/accounts/datamodel-code-generator"
    headers = {"Authorization": f"Bearer {API_KEYS['shop']}"}
    for factor in ("hotp", "totp", "otp", "recovery-codes"):
        assert requests.post(f"{account}/{factor}", headers=headers, timeout=5).status_code == 201
    (tmp_path / "account.json").write_text(requests.get(account, headers=headers, timeout=5).text)
    program = """
import pathlib, models
account = models.Account.model_validate_json(pathlib.Path("account.json").read_text())
print(*sorted(type(factor.root).__name__ for factor in account.factors))
"""
    read = run(sys.executable, "-W", "error", "-c", program, cwd=tmp_path)
    assert read.split() == ["Hotp", "Otp", "RecoveryCodes", "Totp"]


def test_openapi_typescript_generates_every_operation(document: Path, tmp_path: Path) -> None:
    output = run(of_npm("openapi-typescript"), document, "--output", tmp_path / "schema.ts", cwd=tmp_path)

    assert warnings(output) == []
    assert missing(operation_ids(document), (tmp_path / "schema.ts").read_text()) == []
    compile_typescript(tmp_path, noEmit=True, module="esnext", moduleResolution="bundler")


def test_hey_api_generates_a_working_client(document: Path, everything: Service, tmp_path: Path) -> None:
    output = run(of_npm("openapi-ts"), "--input", document, "--output", tmp_path / "client", cwd=tmp_path)

    assert warnings(output) == []
    names = [camel(name) for name in operation_ids(document)]
    assert missing([f"const {name}" for name in names], (tmp_path / "client" / "sdk.gen.ts").read_text()) == []
    shutil.copy(HERE / "hey_api_journey.ts", tmp_path)
    (tmp_path / "node.d.ts").write_text("declare const process: { argv: string[] };\n")
    compile_typescript(tmp_path, outDir="compiled", module="commonjs", moduleResolution="node10")
    printed = run(require("node"), "compiled/hey_api_journey.js", *arguments(everything), cwd=tmp_path)
    assert json.loads(printed) == JOURNEY
