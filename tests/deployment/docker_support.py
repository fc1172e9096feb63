"""Docker for the tests of the deployment: a daemon, images, and whole stacks in a copy of the checkout."""

import contextlib
import http.client
import json
import os
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Self

import pytest

from tests.deployment.stand_ins import build
from tests.support.authenticator import hotp_codes
from tests.support.processes import free_port, spawn, stop, wait_until

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy/docker-compose"
STAND_INS = "DEPLOYMENT_STAND_INS"
"""If this variable is 1, the tests build stand-ins for images that can't be pulled."""
BUILT_FROM = ("deploy", "src", "requirements", "pyproject.toml", "README.md", "LICENSE", ".dockerignore")
APP_IMAGE = "open-mfa-test/app"


def missing(reason: str) -> NoReturn:
    """Fail the test in CI and skip it elsewhere, because the machine lacks a program."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def run(*command: str, patience: float = 120, **options: Any) -> str:
    """Run a command and return its output. If it fails, the error contains everything that it printed."""
    done = attempt(*command, patience=patience, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}\nended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def attempt(*command: str, patience: float = 120, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command that may fail."""
    return subprocess.run(
        command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=patience, **options
    )


class Daemon:
    """A Docker daemon for a machine on which Docker is installed but not running. It ends with the tests."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __enter__(self) -> Self:
        cgroups = Path("/sys/fs/cgroup")
        if not (cgroups / "cgroup.controllers").exists() and not os.path.ismount(cgroups / "memory"):
            run("cgroupfs-mount")
        address = f"unix://{self._directory}/docker.sock"
        os.environ |= {"DOCKER_HOST": address, "DOCKER_SOCKET": f"{self._directory}/docker.sock"}
        options = ["--exec-root", f"{self._directory}/exec", "--pidfile", f"{self._directory}/pid", "--host", address]
        log = self._directory / "log"
        self._process = spawn(["dockerd", *options], log)
        try:
            wait_until(lambda: attempt("docker", "info").returncode == 0, "the start of dockerd", log, patience=60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        stop(self._process, patience=60)
        del os.environ["DOCKER_HOST"], os.environ["DOCKER_SOCKET"]


def defaults() -> dict[str, str]:
    """Return the public images of the stacks, by the variable that can name another image."""
    texts = [path.read_text() for path in COMPOSE.glob("*/compose.yml")] + [
        (COMPOSE / "compose.common.yml").read_text()
    ]
    found = dict(re.findall(r"image: \$\{([A-Z_]+):-([^}]+)\}", "\n".join(texts)))
    del found["IMAGE"]
    base = re.search(r"^FROM (\S+) AS base$", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)
    assert base is not None
    return found | {"BASE_IMAGE": base[1]}


def pullable() -> str | None:
    """Return the error that prevents the use of the public images, or None if they are available."""
    for name in defaults().values():
        if attempt("docker", "image", "inspect", name).returncode:
            pulled = attempt("docker", "pull", "--quiet", name, patience=600)
            if pulled.returncode:
                return pulled.stderr.strip().splitlines()[-1]
    return None


def copy_of_checkout(directory: Path) -> Path:
    """Copy the sources of images and stacks, so that tests can change them. Secrets of the checkout are not copied."""
    directory.mkdir(parents=True, exist_ok=True)
    private = shutil.ignore_patterns("__pycache__", "*.egg-info", ".env", "*.pem")
    for name in BUILT_FROM:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, directory / name, ignore=private)
        else:
            shutil.copy2(source, directory / name)
    return directory


@dataclass
class Client:
    """A client of a stack, over TLS. Each request uses a new connection, and the cookie is kept."""

    port: int
    name: str
    authority: Path
    cookie: str = ""
    context: ssl.SSLContext = field(init=False)

    def __post_init__(self) -> None:
        self.context = ssl.create_default_context(cafile=str(self.authority))

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], Any]:
        """Send a request. Return the status, the headers, and the JSON document or else the text."""
        sent = {"Host": self.name, "Cookie": self.cookie, **(headers or {})}
        content = None if body is None else json.dumps(body)
        if content is not None:
            sent["Content-Type"] = "application/json"
        with contextlib.closing(self.connection()) as connection:
            connection.request(method, path, content, {name: value for name, value in sent.items() if value})
            answer = connection.getresponse()
            received = dict(answer.headers)
            text = answer.read().decode()
        if "Set-Cookie" in received:
            self.cookie = received["Set-Cookie"].partition(";")[0]
        return answer.status, received, json.loads(text) if "json" in received.get("Content-Type", "") else text

    def connection(self) -> http.client.HTTPSConnection:
        """Open a connection to the loopback address, with the host name of the stack."""
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=15)
        connection = http.client.HTTPSConnection(self.name)
        connection.sock = self.context.wrap_socket(raw, server_hostname=self.name)
        return connection

    def burst(self, size: int, method: str, path: str, body: str | None = None) -> Counter[tuple[int, bool]]:
        """Send this many requests on one connection, without pauses. Each forges another client address.

        Returns:
            the number of answers for each status, and for answers of the service (True) and of the proxy (False).
        """
        seen: Counter[tuple[int, bool]] = Counter()
        with contextlib.closing(self.connection()) as connection:
            for number in range(size):
                forged = {"X-Forwarded-For": f"203.0.113.{number % 250}", "Content-Type": "application/json"}
                connection.request(method, path, body, {"Host": self.name, "Cookie": self.cookie} | forged)
                answer = connection.getresponse()
                answer.read()
                seen[answer.status, "X-Request-ID" in answer.headers] += 1
        return seen

    def enrol(self) -> Iterator[str]:
        """Enrol an HOTP secret and return its codes."""
        status, _, document = self.ask("POST", "/api/v1/session/hotp", {})
        assert status == 201, document
        return hotp_codes(document["secret"])

    def verify(self, code: str, **headers: str) -> tuple[int, Any]:
        """Verify a code. Return the status and the document."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        status, _, document = self.ask("POST", "/api/v1/session/hotp/verify", {"code": code}, fields)
        return status, document


class Stack:
    """One of the two Compose stacks. Its scripts run it from a copy of the checkout, on free ports."""

    def __init__(self, kind: str, directory: Path, host: str, images: dict[str, str]) -> None:
        self.kind = kind
        self.host = host
        self.tree = copy_of_checkout(directory)
        self.home = self.tree / "deploy/docker-compose" / kind
        self.project = f"open-mfa-test-{kind}-{secrets.token_hex(3)}"
        self.http_port, self.https_port = free_port(), free_port()
        self.environment = os.environ | {
            "COMPOSE_PROJECT_NAME": self.project,
            "BIND_ADDRESS": "127.0.0.1",
            "HTTP_PORT": str(self.http_port),
            "HTTPS_PORT": str(self.https_port),
            "IMAGE": f"{APP_IMAGE}:{self.project}",
            "DOCKER_BUILDKIT": "1",
            "PATIENCE": "120",
            "WEB_CONCURRENCY": "2",
            **images,
        }
        self.authority = directory / "authority.pem"

    def script(self, name: str, *arguments: str, patience: float = 400) -> str:
        """Run one of the scripts that `make` calls."""
        return run(str(self.home.parent / name), *arguments, patience=patience, env=self.environment)

    def attempt(self, name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a script that may fail."""
        return attempt(
            str(self.home.parent / name), *arguments, patience=400, env=self.environment | environment, cwd=self.tree
        )

    def compose(self, *arguments: str, patience: float = 120) -> str:
        return run("docker", "compose", *arguments, patience=patience, env=self.environment, cwd=self.home)

    def remove(self) -> None:
        """Remove everything, including volumes and the image."""
        attempt(
            "docker", "compose", "down", "--volumes", "--remove-orphans", env=self.environment, cwd=self.home,
            patience=120,
        )  # fmt: skip
        attempt("docker", "image", "rm", "--force", self.environment["IMAGE"])

    def setting(self, **values: str) -> None:
        """Set variables in the .env of the stack."""
        path = self.home / ".env"
        lines = path.read_text().splitlines()
        for name, value in values.items():
            lines = [line for line in lines if not re.match(rf"(# )?{name}=", line)] + [f"{name}={value}"]
        path.write_text("\n".join(lines) + "\n")

    def settings(self) -> dict[str, str]:
        lines = (self.home / ".env").read_text().splitlines()
        return dict(line.partition("=")[::2] for line in lines if line and not line.startswith("#"))

    def containers(self, service: str) -> list[str]:
        return self.compose("ps", "--quiet", service).split()

    def inspect(self, service: str) -> dict[str, Any]:
        (container,) = self.containers(service)
        (inspected,) = json.loads(run("docker", "inspect", container))
        return dict(inspected)

    def kill(self, container: str) -> None:
        """Crash a container. Docker would not restart a container that `docker kill` has ended."""
        pid = run("docker", "inspect", "--format", "{{.State.Pid}}", container).strip()
        host = ["--rm", "--user", "0", "--pid", "host", "--network", "none"]
        run("docker", "run", *host, "--entrypoint", "sh", self.environment["IMAGE"], "-c", f"kill -9 {pid}")

    def client(self) -> Client:
        return Client(self.https_port, self.host, self.authority)

    def serves(self) -> bool:
        try:
            return self.client().ask("GET", "/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def wait_until_it_serves(self) -> None:
        wait_until(self.serves, f"the {self.kind} stack", patience=60)


def is_healthy(container: str) -> bool:
    status = attempt("docker", "inspect", "--format", "{{.State.Health.Status}}", container)
    return status.stdout.strip() == "healthy"


class Load:
    """Clients that verify codes until the end of the block: each code twice, each time on a new connection.

    A client that fails, for another reason than a lost connection, ends the block with its error.
    """

    def __init__(self, stack: Stack, size: int) -> None:
        self.answers: Counter[int] = Counter()
        self.lost: list[str] = []
        self.accepted: Counter[tuple[int, str]] = Counter()
        self.sent: set[tuple[int, str]] = set()
        self.calls = 0
        self._counting = threading.Lock()
        self._stack = stack
        self._done = threading.Event()
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="load")
        self._clients = [self._pool.submit(self._verify_codes, number) for number in range(size)]

    def __enter__(self) -> Self:
        try:
            self.wait_until(lambda: self.calls >= 2 * len(self._clients), "the load", patience=60)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stop()
        if kind is None:
            self._raise_failures()

    def wait_until(self, ready: Callable[[], bool], what: str, patience: float = 60) -> None:
        """Wait for a condition that depends on the clients. Raise the error of a client that has failed."""

        def ready_or_failed() -> bool:
            self._raise_failures()
            return ready()

        wait_until(ready_or_failed, what, patience=patience)

    def _stop(self) -> None:
        self._done.set()
        self._pool.shutdown()

    def _raise_failures(self) -> None:
        for client in self._clients:
            if client.done():
                client.result()

    def _verify_codes(self, number: int) -> None:
        client = self._stack.client()
        codes = client.enrol()
        while not self._done.is_set():
            code = next(codes)
            answers = [self._send(client, number, code) for _ in range(2)]
            # After a failure of Redis, the same code is still valid. Skipping many codes would exceed the look-ahead.
            while not {200, 403}.intersection(answers) and not self._done.is_set():
                answers = [self._send(client, number, code)]

    def _send(self, client: Client, number: int, code: str) -> int:
        error = None
        try:
            status, _ = client.verify(code)
        except (OSError, http.client.HTTPException) as failure:
            status, error = 0, repr(failure)
        with self._counting:
            self.calls += 1
            self.sent.add((number, code))
            if error is not None:
                self.lost.append(error)
            else:
                self.answers[status] += 1
            if status == 200:
                self.accepted[number, code] += 1
        return status


def stand_ins() -> dict[str, str]:
    """Build the stand-ins. The test is skipped, or fails in CI, if the machine lacks a program for them."""
    try:
        return build.build()
    except build.MissingProgram as error:
        missing(str(error))
        raise
