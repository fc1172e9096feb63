"""The image without a stack."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment.conftest import version
from tests.deployment.docker_support import ROOT, attempt, copy_of_checkout, defaults, is_healthy, run
from tests.service.wire import Wire, request
from tests.support.documents import block, page
from tests.support.processes import free_port, spawn, wait_until

HARDENED = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
INSTALLED = """
import json
from importlib.metadata import distributions
print(json.dumps({each.metadata["Name"].lower().replace("_", "-"): each.version for each in distributions()}))
"""
WRITABLE = """
import os
for folder, folders, _ in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys", "/dev")]
    if os.access(folder, os.W_OK): print(folder)
"""


class Container:
    """The service in a container of the image, in development mode and without other settings."""

    def __init__(self, image: str) -> None:
        self.port = free_port()
        options = ["--detach", "--publish", f"127.0.0.1:{self.port}:8080", "--env", "OPEN_MFA_ENV=development"]
        self.id = run("docker", "run", *options, *HARDENED, image).strip()

    def serves(self) -> bool:
        if run("docker", "inspect", "--format", "{{.State.Running}}", self.id).strip() != "true":
            raise ChildProcessError(self.log())
        try:
            with Wire(self.port) as wire:
                return wire.ask(request("GET", "/healthz"), "GET").status == 200
        except (OSError, ValueError):
            return False

    def log(self) -> str:
        done = attempt("docker", "logs", self.id)
        return done.stdout + done.stderr

    def execute(self, *command: str) -> str:
        return run("docker", "exec", self.id, *command)


@pytest.fixture
def container(image: str) -> Iterator[Container]:
    running = Container(image)
    try:
        wait_until(running.serves, "the container", patience=30)
        yield running
    finally:
        run("docker", "rm", "--force", running.id)


def in_image(image: str, *command: str) -> subprocess.CompletedProcess[str]:
    return attempt("docker", "run", "--rm", "--entrypoint", command[0], image, *command[1:])


def test_the_labels_contain_version_revision_and_license(image: str) -> None:
    labels = json.loads(run("docker", "image", "inspect", "--format", "{{json .Config.Labels}}", image))

    assert labels["org.opencontainers.image.version"] == version()
    assert labels["org.opencontainers.image.revision"] == "0123456789abcdef0123456789abcdef01234567"
    assert labels["org.opencontainers.image.licenses"] == "MIT"


def test_the_image_adds_less_than_90_mb_to_its_base(image: str, images: dict[str, str]) -> None:
    base = images.get("BASE_IMAGE", defaults()["BASE_IMAGE"])
    size, least = (int(run("docker", "image", "inspect", "--format", "{{.Size}}", name)) for name in (image, base))

    assert 0 < size - least < 90e6


def test_the_image_contains_only_locked_packages(image: str) -> None:
    lock = (ROOT / "requirements/serve.txt").read_text()
    locked = set(re.findall(r"^([a-z0-9.-]+)==(\S+)", lock, re.MULTILINE))
    installed = json.loads(run("docker", "run", "--rm", "--entrypoint", "python", image, "-c", INSTALLED))

    assert installed.pop("open-mfa") == version()
    assert set(installed.items()) <= locked
    assert {"flask", "redis", "cryptography", "gunicorn"} <= installed.keys()


def test_the_image_for_dynamodb_is_built_as_its_guide_says(images: dict[str, str], tree: Path) -> None:
    base = f"--build-arg BASE_IMAGE={images['BASE_IMAGE']}" if "BASE_IMAGE" in images else ""
    command = block(page("how-to/use-dynamodb"), "docker build").replace("docker build", f"docker build --quiet {base}")
    try:
        run("bash", "-euc", command, patience=900, cwd=tree, env=os.environ | {"DOCKER_BUILDKIT": "1"})
        client = in_image("open-mfa:dynamodb", "python", "-c", "import botocore")
    finally:
        attempt("docker", "image", "rm", "--force", "open-mfa:dynamodb")

    assert (client.returncode, client.stderr) == (0, "")


@pytest.mark.parametrize("module", ["pip", "setuptools", "ensurepip", "wheel"])
def test_the_image_contains_no_installer(image: str, module: str) -> None:
    for python in ("python", "/usr/local/bin/python3"):
        assert "No module named" in in_image(image, python, "-c", f"import {module}").stderr


def test_the_image_contains_no_compiler(image: str) -> None:
    done = in_image(image, "sh", "-c", "command -v cc gcc make; command -v python")

    assert done.stdout.split() == ["/opt/open-mfa/bin/python"]


def test_the_image_contains_current_bytecode(image: str) -> None:
    """Otherwise every start would compile it again, because the service can't write it."""
    check = (
        "import importlib._bootstrap_external as b, presentation.bootstrap.web as m, pathlib, struct;"
        "c = pathlib.Path(m.__cached__).read_bytes();"
        "print(struct.unpack('<I', c[8:12])[0] == int(pathlib.Path(m.__file__).stat().st_mtime))"
    )

    assert in_image(image, "python", "-c", check).stdout.strip() == "True"


def test_only_temporary_directories_are_writable(image: str) -> None:
    found = set(in_image(image, "python", "-c", WRITABLE).stdout.split())

    assert {"/tmp"} <= found <= {"/tmp", "/var/tmp", "/run/lock", "/run", "/var/lock"}


def test_the_service_runs_unprivileged_with_a_read_only_root_file_system(container: Container) -> None:
    status = container.execute("cat", "/proc/1/status")

    assert re.search(r"^Uid:\s+10001\s+10001\s+10001", status, re.MULTILINE)
    assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    assert run("docker", "diff", container.id) == ""


def test_the_image_contains_one_swagger_ui_and_serves_it(container: Container) -> None:
    for path in ("/docs", "/openapi.json", "/assets/swagger-ui-bundle.js", "/assets/docs.js"):
        with Wire(container.port) as wire:
            assert wire.ask(request("GET", path), "GET").status == 200, path

    search = "import pathlib; print(*pathlib.Path('/opt').rglob('swagger-ui-bundle.js'))"
    scripts = container.execute("python", "-c", search).split()
    assert [path.partition("site-packages/")[2] for path in scripts] == ["flask_swagger_ui/dist/swagger-ui-bundle.js"]


def test_the_image_contains_the_translations(container: Container) -> None:
    with Wire(container.port) as wire:
        page = wire.ask(request("GET", "/problems/locked", headers={"Accept-Language": "de"}), "GET")

    assert "Dieser Faktor ist gesperrt" in page.body.decode()


def test_docker_checks_the_health_of_the_container(container: Container) -> None:
    wait_until(lambda: is_healthy(container.id), "the first health check", patience=30)


def test_the_health_check_fails_if_nothing_listens(image: str) -> None:
    """Run the health check in a container without the service."""
    (test,) = json.loads(run("docker", "image", "inspect", "--format", "[{{json .Config.Healthcheck.Test}}]", image))

    assert test[0] == "CMD"
    assert in_image(image, *test[1:]).returncode != 0


def test_all_processes_are_gunicorn_and_its_workers(container: Container) -> None:
    lines = run("docker", "top", container.id, "-eo", "pid,ppid,args").splitlines()[1:]
    processes = {int(pid): (int(parent), args) for pid, parent, args in (line.split(None, 2) for line in lines)}
    (first,) = [pid for pid, (parent, _) in processes.items() if parent not in processes]

    assert "open-mfa serve" in processes[first][1]
    assert {parent for pid, (parent, _) in processes.items() if pid != first} == {first}


def test_on_sigterm_the_service_answers_open_requests_and_exits_with_0(container: Container, tmp_path: Path) -> None:
    body = request("POST", "/api/v1/session/hotp", {})
    with Wire(container.port) as wire:
        wire.send(body[:-1])
        ending = spawn(["docker", "stop", "--time", "25", container.id], tmp_path / "stop")
        wait_until(lambda: '"stopping"' in container.log(), "SIGTERM")
        wire.send(body[-1:])

        assert wire.receive().status == 201
    assert ending.wait(25) == 0
    assert run("docker", "inspect", "--format", "{{.State.ExitCode}}", container.id).strip() == "0"


def test_without_settings_the_service_lists_the_missing_ones_and_exits(image: str) -> None:
    done = attempt("docker", "run", "--rm", image)

    assert done.returncode == 1
    assert {"OPEN_MFA_SECRET_KEY:", "OPEN_MFA_ENCRYPTION_KEYS:"} <= set(done.stderr.split())


def test_the_image_runs_commands(image: str) -> None:
    assert re.fullmatch(r"\S+:[A-Za-z0-9+/]{43}=\n", run("docker", "run", "--rm", image, "key"))


def test_only_the_sources_of_the_image_are_sent_to_the_daemon(docker: None, tmp_path: Path) -> None:
    context, seen = copy_of_checkout(tmp_path / "context"), tmp_path / "seen"
    for name in (".env", "src/.env", "src/domain/.env", "deploy/docker-compose/dev/.env", ".git/config", "notes.txt"):
        path = context / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("SECRET=1")
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    command = ["docker", "build", "--quiet", "--file", str(tmp_path / "Dockerfile"), "--output", str(seen), "."]
    run(*command, cwd=context, env=os.environ | {"DOCKER_BUILDKIT": "1"})

    files = {str(path.relative_to(seen)) for path in seen.rglob("*") if path.is_file()}

    assert {name for name in files if not name.startswith("src/")} == {
        "LICENSE", "README.md", "pyproject.toml",
        "requirements/dynamodb.txt", "requirements/lambda.txt", "requirements/serve.txt",
    }  # fmt: skip
    assert "src/domain/totp.py" in files
    assert not [name for name in files if ".env" in name]


def test_the_release_gets_the_openapi_document_with_all_features_from_the_image(image: str) -> None:
    document = json.loads(run(str(ROOT / ".github/scripts/openapi"), image))

    assert document["info"]["version"] == version()
    for path in ("/api/v1/session", "/api/v1/accounts/{account_id}", "/api/v1/admin/logging", "/api/v1/gate/verify"):
        assert path in document["paths"], path
