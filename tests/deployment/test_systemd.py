"""The units in `deploy/systemd`: checked by systemd's tools, and run by a real systemd in its own namespaces."""

import base64
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from infrastructure.settings import FILE_VARIABLES, VARIABLES
from presentation.bootstrap.server import GRACE
from tests.conftest import require_redis_server
from tests.deployment.docker_support import attempt, missing
from tests.deployment.systemd_manager import SOURCE, UNITS, SystemdManager
from tests.support.documents import page
from tests.support.processes import free_port, spawn, stop, wait_until
from tests.support.redis_server import RedisServer

SERVICE = "open-mfa.service"
SOCKET = "/run/open-mfa.sock"
# Sends requests over one connection each until the file exists. Prints the number of responses by their status.
CLIENT = """
import collections, http.client, json, os, socket, time
found = collections.Counter()
while not os.path.exists("/run/enough"):
    connection = http.client.HTTPConnection("service", timeout=30)
    begin = time.monotonic()
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(30)
    try:
        connection.sock.connect("/run/open-mfa.sock")
        connection.request("GET", "/readyz")
        found[connection.getresponse().status] += 1
    except (OSError, http.client.HTTPException) as error:
        found[f"{error!r} after {time.monotonic() - begin:.3f} s at {time.time():.3f}"] += 1
    connection.close()
    if sum(found.values()) == 10:
        open("/run/begun", "w").close()
print(json.dumps(found))
"""


def unit(name: str = SERVICE) -> list[tuple[str, str]]:
    """Return the settings of a unit, in their order."""
    lines = (SOURCE / name).read_text().splitlines()
    return [(line.partition("=")[0], line.partition("=")[2]) for line in lines if re.match(r"\w+=", line)]


def values(key: str, name: str = SERVICE) -> list[str]:
    return [value for other, value in unit(name) if other == key]


def credentials(url: str) -> dict[str, str]:
    """Return the files below /etc/open-mfa."""
    return {
        "credentials/secret-key": base64.b64encode(os.urandom(32)).decode() + "\n",
        "credentials/encryption-keys": f"k1:{base64.b64encode(os.urandom(32)).decode()}\n",
        "credentials/redis-url": f"{url}\n",
        "open-mfa.env": "# Settings that are no secrets\nWEB_CONCURRENCY=2\nOPEN_MFA_ISSUER=Example\n",
    }


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    require_redis_server()
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def manager(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemdManager]:
    """Run systemd. The user of the service must reach the directory."""
    for program in ("unshare", "nsenter", "systemctl"):
        if shutil.which(program) is None:
            missing(f"{program} is not installed, so the units did not run under systemd")
    with SystemdManager(tmp_path_factory.mktemp("systemd"), credentials(redis.url)) as running:
        running.systemctl("start", SERVICE)
        yield running


def status_of(manager: SystemdManager, path: str, *options: str) -> str:
    """Return the status of a response over the socket."""
    command = ["curl", "--silent", "--max-time", "10", "--output", "/dev/null", "--write-out", "%{http_code}"]
    return manager.attempt(*command, "--unix-socket", SOCKET, *options, f"http://service{path}").stdout


# --- Without systemd as a manager ---


def test_systemd_accepts_the_units_without_a_warning(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        missing("systemd is not installed, so its units were not checked")
    program = tmp_path / "open-mfa"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for name in UNITS:
        text = (SOURCE / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/open-mfa/bin/open-mfa", str(program)))

    done = attempt("systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in UNITS))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_exposure_of_the_service_is_as_the_guide_states() -> None:
    if shutil.which("systemd-analyze") is None:
        missing("systemd is not installed, so its units were not checked")
    done = attempt("systemd-analyze", "security", "--offline=true", "--no-pager", str(SOURCE / SERVICE))
    found = re.search(r"Overall exposure level for open-mfa.service: ([\d.]+)", done.stdout)
    stated = re.search(r"exposure level of ([\d.]+)", page("how-to/run-with-systemd"))

    assert found is not None, done.stderr
    assert stated is not None
    assert found[1] == stated[1]


def test_every_variable_of_the_unit_is_a_setting_and_no_secret() -> None:
    variables = dict(value.split("=", 1) for value in values("Environment"))
    loaded = {value.partition(":")[0] for value in values("LoadCredential")}

    assert variables.keys() <= VARIABLES.keys() | set(FILE_VARIABLES.values())
    assert {name for name in variables if name in FILE_VARIABLES} == set()
    assert {value for name, value in variables.items() if name.endswith("_FILE")} == {f"%d/{name}" for name in loaded}


def test_systemd_gives_the_service_time_to_end() -> None:
    assert values("KillMode") == ["mixed"]
    assert int(values("TimeoutStopSec")[0]) >= GRACE + 5


def test_the_command_of_the_unit_starts_with_the_credentials_of_a_directory(redis: RedisServer, tmp_path: Path) -> None:
    (program,) = values("ExecStart")
    for name, content in credentials(redis.url).items():
        (tmp_path / Path(name).name).write_text(content)
    port = free_port()
    variables = [value.replace("%d", str(tmp_path)) for value in values("Environment")]
    own = [f"CREDENTIALS_DIRECTORY={tmp_path}", f"PORT={port}", "WEB_CONCURRENCY=1"]
    command = program.replace("/opt/open-mfa", str(Path(sys.executable).parents[1])).split()
    process = spawn(["env", "-i", *variables, *own, *command], tmp_path / "log")

    def is_ready() -> bool:
        if process.poll() is not None:
            raise ChildProcessError((tmp_path / "log").read_text())
        try:
            return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=10).status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            return False

    try:
        wait_until(is_ready, "the start of the service", tmp_path / "log")
    finally:
        assert stop(process) == 0


# --- With systemd ---


def test_the_service_works_within_its_limits(manager: SystemdManager) -> None:
    """Keys seal the secret, and the picture needs a library in C."""
    status = manager.systemctl("show", "--property=ActiveState,SubState,NRestarts", SERVICE)
    head = [
        "--dump-header",
        "/run/head",
        "--header",
        "X-Forwarded-Proto: https",
        "--header",
        "X-Forwarded-For: 192.0.2.7",
    ]

    assert set(status.splitlines()) == {"ActiveState=active", "SubState=running", "NRestarts=0"}
    assert status_of(manager, "/readyz") == "200"
    assert status_of(manager, "/api/v1/session/totp", "--request", "POST", *head) == "201"
    (cookie,) = re.findall(r"(?i)set-cookie: ([^;]+)", manager.attempt("cat", "/run/head").stdout)
    assert status_of(manager, "/api/v1/session/totp/qr.png", "--header", f"Cookie: {cookie}") == "200"
    lines = [json.loads(line) for line in manager.log().splitlines() if line.startswith("{")]
    assert [line["address"] for line in lines if line["message"] == "enrolled"] == ["192.0.2.7"]
    assert [line["url"] for line in lines if line["message"] == "serving"] == [f"http://unix:{SOCKET}:"]


def test_the_service_has_no_rights(manager: SystemdManager) -> None:
    """The kernel reports them, so systemd has applied the settings."""
    process = manager.systemctl("show", "--property=MainPID", "--value", SERVICE)
    lines = manager.attempt("cat", f"/proc/{process}/status").stdout.splitlines()
    facts = {line.partition(":")[0]: line.partition(":")[2].split() for line in lines}

    assert facts["NoNewPrivs"] == ["1"]
    assert facts["Seccomp"] == ["2"]
    assert {facts[f"Cap{kind}"][0] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert "0" not in facts["Uid"]
    environment = manager.attempt("cat", f"/proc/{process}/environ").stdout
    assert "OPEN_MFA_SECRET_KEY_FILE=/run/credentials/open-mfa.service/secret-key" in environment
    assert not re.search(r"OPEN_MFA_(SECRET_KEY|ENCRYPTION_KEYS|REDIS_URL)=", environment)


def test_only_nginx_can_connect(manager: SystemdManager) -> None:
    def connects(user: str, group: str) -> bool:
        as_user = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]
        return (
            manager.attempt(*as_user, "curl", "--silent", "--unix-socket", SOCKET, "http://x/healthz").returncode == 0
        )

    assert connects("www-data", "www-data")
    assert not connects("nobody", "nogroup")


def test_no_request_fails_during_restarts(manager: SystemdManager) -> None:
    client = [
        "env",
        "LD_LIBRARY_PATH=/opt/python/lib",
        f"/opt/python/bin/python3.{sys.version_info.minor}",
        "-c",
        CLIENT,
    ]
    manager.attempt("rm", "-f", "/run/enough", "/run/begun")
    with manager.started(*client) as process:
        wait_until(lambda: manager.attempt("test", "-e", "/run/begun").returncode == 0, "the first responses")
        for _ in range(3):
            manager.systemctl("restart", SERVICE)
        wait_until(lambda: status_of(manager, "/readyz") == "200", "the last restart")
        manager.attempt("touch", "/run/enough")
        found = json.loads(process.communicate(timeout=60)[0])

    assert found.keys() == {"200"}, manager.log()
    assert found["200"] > 10


def test_systemd_restarts_a_service_that_was_killed(manager: SystemdManager) -> None:
    manager.systemctl("kill", "--signal=KILL", SERVICE)

    wait_until(lambda: manager.systemctl("show", "--property=NRestarts", "--value", SERVICE) == "1", "the restart")
    wait_until(lambda: status_of(manager, "/readyz") == "200", "readiness after the restart")


def test_the_service_does_not_start_without_a_secret(redis: RedisServer, tmp_path: Path) -> None:
    files = credentials(redis.url)
    del files["credentials/secret-key"]
    with SystemdManager(tmp_path, files) as manager:
        assert manager.attempt("systemctl", "start", SERVICE).returncode != 0

        def has_given_up() -> bool:
            return manager.attempt("systemctl", "is-failed", "--quiet", SERVICE).returncode == 0

        wait_until(has_given_up, "the last attempt")
        assert manager.systemctl("show", "--property=NRestarts", "--value", SERVICE) == values("StartLimitBurst")[0]
        assert "serving" not in manager.log()
