"""The smallest deployment: one container with one secret and without a database."""

import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
import requests
import yaml

from tests.deployment.docker_support import COMPOSE, attempt, run
from tests.support.processes import free_port, wait_until
from tests.support.terminal import qr_text

FILE = COMPOSE / "minimal/compose.yml"
SECRET = "a secret of sufficient length"
INTERVAL = 30


class Minimal:
    """The deployment, from a directory that contains nothing but its file."""

    def __init__(self, image: str, directory: Path) -> None:
        self.directory = directory
        (directory / "compose.yml").write_text(FILE.read_text())
        self.port = free_port()
        self.environment = os.environ | {
            "COMPOSE_PROJECT_NAME": f"open-mfa-test-minimal-{secrets.token_hex(3)}",
            "IMAGE": image,
            "PORT": str(self.port),
            "OPEN_MFA_GATE_SECRET_TEXT": SECRET,
            "OPEN_MFA_GATE_SHOW_QR": "true",
            "OPEN_MFA_RATE_LIMIT": "1000 per 1 second",
        }

    def compose(self, *arguments: str) -> str:
        return run("docker", "compose", *arguments, env=self.environment, cwd=self.directory)

    def up(self) -> None:
        self.compose("up", "--no-build", "--detach", "--wait", "--wait-timeout", "60")

    def container(self) -> str:
        return self.compose("ps", "--all", "--quiet", "open-mfa").strip()

    def log(self) -> str:
        done = attempt("docker", "logs", self.container())
        return done.stdout + done.stderr

    def verify(self, typed: str) -> tuple[int, dict[str, Any]]:
        url = f"http://127.0.0.1:{self.port}/api/v1/gate/verify"
        answer = requests.post(url, json={"token": typed}, timeout=5)
        return answer.status_code, answer.json()


@pytest.fixture(scope="module")
def minimal(image: str, compose: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minimal]:
    stack = Minimal(image, tmp_path_factory.mktemp("minimal"))
    try:
        stack.up()
        yield stack
    finally:
        attempt("docker", "compose", "down", "--volumes", env=stack.environment, cwd=stack.directory)


def authenticator(log: str) -> pyotp.TOTP:
    """Return an authenticator that has scanned the last picture in the log."""
    lines = [line for line in log.splitlines() if line and set(line) <= set(" ▀▄█")]
    text = qr_text("\n".join(lines), dark=True)
    assert text is not None
    assert text in log
    parsed = pyotp.parse_uri(text)
    assert isinstance(parsed, pyotp.TOTP)
    return parsed


def ahead(authenticator: pyotp.TOTP) -> str:
    """Return the code of an authenticator whose clock is one step ahead, which is the first one after a start."""
    return authenticator.at(int(time.time()) + INTERVAL)


def accepted(minimal: Minimal, authenticator: pyotp.TOTP) -> str:
    """Wait until the gate accepts a code, and return it. A refused code counts as spent and not as wrong."""
    codes: list[str] = []

    def is_accepted() -> bool:
        codes.append(ahead(authenticator))
        status, document = minimal.verify(codes[-1])
        assert (status, document.get("reason")) in {(200, None), (403, "replayed")}
        return status == 200

    wait_until(is_accepted, "the first code that no former process can have accepted", patience=INTERVAL + 5)
    return codes[-1]


def test_the_file_is_short_and_needs_nothing_else() -> None:
    document = yaml.safe_load(FILE.read_text())

    (service,) = document["services"].values()
    assert len(service["environment"]) == 5
    assert service["environment"]["OPEN_MFA_ENV"] == "standalone"
    assert not document.keys() & {"volumes", "secrets", "configs", "networks"}
    assert len(FILE.read_text().splitlines()) <= 30


def test_without_a_secret_compose_names_the_variable(minimal: Minimal) -> None:
    environment = minimal.environment | {"OPEN_MFA_GATE_SECRET_TEXT": ""}
    done = attempt("docker", "compose", "config", env=environment, cwd=minimal.directory)

    assert done.returncode != 0
    assert "OPEN_MFA_GATE_SECRET_TEXT is missing a value: set it in .env, with 16 characters or more" in done.stderr


def test_a_short_secret_ends_the_container_with_a_message(minimal: Minimal) -> None:
    environment = minimal.environment | {"OPEN_MFA_GATE_SECRET_TEXT": "short"}
    command = ["docker", "compose", "run", "--rm", "--no-deps", "open-mfa"]
    done = attempt(*command, env=environment, cwd=minimal.directory)

    assert done.returncode == 1
    assert "OPEN_MFA_GATE_SECRET_TEXT: Must have at least 16 characters" in done.stderr + done.stdout


def test_the_container_is_restricted(minimal: Minimal) -> None:
    template = "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.RestartPolicy.Name}}"

    assert run("docker", "inspect", "--format", template, minimal.container()) == "true [ALL] unless-stopped\n"
    assert run("docker", "diff", minimal.container()) == ""
    published = run("docker", "port", minimal.container()).split()
    assert published == ["8080/tcp", "->", f"127.0.0.1:{minimal.port}"]


def test_the_log_shows_the_qr_code_and_says_what_a_restart_loses(minimal: Minimal) -> None:
    log = minimal.log()

    assert authenticator(log).byte_secret() == SECRET.encode()
    assert "A restart ends all sessions and log-ins, and removes all locks." in log
    assert re.search(r'"first_code_at":"[^"]+"', log)


def test_a_second_container_cannot_start_beside_the_first(minimal: Minimal) -> None:
    command = ["docker", "compose", "up", "--no-build", "--detach", "--no-recreate", "--scale", "open-mfa=2"]
    try:
        done = attempt(*command, env=minimal.environment, cwd=minimal.directory)
    finally:
        minimal.compose("up", "--no-build", "--detach", "--no-recreate", "--scale", "open-mfa=1")

    assert done.returncode != 0
    assert "port is already allocated" in done.stderr


def test_a_code_that_was_accepted_before_a_crash_is_refused_after_it(minimal: Minimal) -> None:
    """This test comes last, because it waits for up to a minute."""
    person = authenticator(minimal.log())
    typed = accepted(minimal, person)
    status, refusal = minimal.verify(typed)
    assert (status, refusal["reason"]) == (403, "replayed")
    before = minimal.container()

    run("docker", "kill", before)
    minimal.up()

    assert minimal.container() == before
    status, refusal = minimal.verify(typed)
    assert (status, refusal["reason"]) == (403, "replayed")
    assert accepted(minimal, person) != typed
