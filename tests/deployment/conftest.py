"""Docker for the proofs: a daemon, the images they are built on, and a word about which these were."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

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

NO_DAEMON = "No Docker daemon answers, so neither the image nor the stacks were run"
NO_COMPOSE = "Docker's Compose plugin is missing, so the stacks were not run"
VERSIONS = "for program in 'python3 --version' 'nginx -v' 'redis-server --version'; do $program 2>&1 || true; done"
spoken: list[str] = []
"""What the end of the run says about the images."""


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A daemon: the one that answers, or else one of our own, where there is one to be started."""
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
    """The stacks' variables that name images: none, for the public ones, or all, for stand-ins."""
    obstacle = pullable()
    if obstacle is None:
        spoken.append("The deployment ran on the public images that it names, but for acme-companion.")
        return {}
    if os.environ.get(STAND_INS) != "1":
        missing(f"Public images can't be pulled ({obstacle}); {STAND_INS}=1 builds stand-ins for them")
    found = stand_ins()
    for target in ("nginx", "redis"):
        told = run("docker", "run", "--rm", "--entrypoint", "sh", f"open-mfa-test/{target}", "-c", VERSIONS)
        lines = ", ".join(line.partition(" sha")[0] for line in told.splitlines() if "not found" not in line)
        spoken.append(f"Stand-in for {target}: {lines}")
    return found


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the image is built from."""
    return copy_of_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def image(images: dict[str, str], tree: Path) -> Iterator[str]:
    """Open-MFA's own, built as its Dockerfile says."""
    name = f"{APP_IMAGE}:proof"
    arguments = {"VERSION": version(), "REVISION": "0123456789abcdef0123456789abcdef01234567"}
    if "BASE_IMAGE" in images:
        arguments["BASE_IMAGE"] = images["BASE_IMAGE"]
    options = [part for key, value in arguments.items() for part in ("--build-arg", f"{key}={value}")]
    command = ["docker", "build", "--quiet", "--file", "deploy/Dockerfile", "--tag", name, *options, "."]
    run(*command, patience=900, cwd=tree, env=os.environ | {"DOCKER_BUILDKIT": "1"})
    size = int(run("docker", "image", "inspect", "--format", "{{.Size}}", name)) / 1e6
    base = arguments.get("BASE_IMAGE")
    own = "" if base is None else int(run("docker", "image", "inspect", "--format", "{{.Size}}", base)) / 1e6
    spoken.append(
        f"The image has {size:.0f} MB" + (f", {size - float(own):.0f} of them over its base." if own else ".")
    )
    yield name
    attempt("docker", "image", "rm", "--force", name)


@pytest.fixture(scope="session")
def compose(docker: None) -> None:
    """The Compose plugin."""
    if attempt("docker", "compose", "version").returncode:
        missing(NO_COMPOSE)


def version() -> str:
    """The package's."""
    line = next(line for line in (ROOT / "pyproject.toml").read_text().splitlines() if line.startswith("version = "))
    return line.split('"')[1]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says on which images the proofs ran."""
    if not spoken:
        return
    terminalreporter.section("images")
    if any(line.startswith("Stand-in") for line in spoken):
        terminalreporter.line(
            "Public images could not be pulled. The stacks ran on stand-ins made of this machine's own programs;"
            " docker-gen, acme-companion and Mailpit were programs of the tests, and Let's Encrypt was not asked.",
            yellow=True,
        )
    for line in spoken:
        terminalreporter.line(line)
