"""The real service, run by `open-mfa serve` under gunicorn."""

import base64
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import requests

from tests.support.processes import free_port, spawn, stop, wait_until, wait_until_started

SETTINGS = {
    "OPEN_MFA_ENV": "production",
    "OPEN_MFA_SECRET_KEY": "tests sign their cookies with this key",
    "OPEN_MFA_ENCRYPTION_KEYS": "test:" + base64.b64encode(bytes(range(32))).decode(),
    "OPEN_MFA_COOKIE_SECURE": "false",
    "OPEN_MFA_RATE_LIMIT": "off",
    "OPEN_MFA_ADMIN_USER": "admin",
    "OPEN_MFA_ADMIN_PASSWORD": "correct horse battery staple",
}


class Service:
    """The service on a free port. `with` starts and ends it. Every setting can be overridden."""

    def __init__(self, **settings: str) -> None:
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="open-mfa-service-"))
        self.log = self.directory / "service.log"
        self.settings = SETTINGS | {"HOST": "127.0.0.1", "PORT": str(self.port)} | settings
        self.base = f"http://127.0.0.1:{self.port}"
        self.api = f"{self.base}/api/v1"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        stop(self.process, kill=self.process.poll() is None and not self._ends())
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self) -> None:
        self.process = spawn([str(Path(sys.executable).with_name("open-mfa")), "serve"], self.log, self.settings)
        wait_until_started(self.process, self.answers, "the start of the service", self.log)

    def answers(self) -> bool:
        """Return whether the process serves. Raise `ChildProcessError` if it has ended."""
        if self.process.poll() is not None:
            raise ChildProcessError(self.log.read_text())
        try:
            return requests.get(f"{self.base}/healthz", timeout=2).status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            return False

    def workers(self) -> set[int]:
        """Return the process ids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {int(pid) for pid in children.split()}

    def lines(self) -> list[dict[str, Any]]:
        """Return the log lines."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def awaited_lines(self, belongs: Callable[[dict[str, Any]], bool], number: int) -> list[dict[str, Any]]:
        """Wait until there are this many matching lines, because a line may follow its answer. Return them."""
        found: list[dict[str, Any]] = []

        def are_there() -> bool:
            found[:] = [line for line in self.lines() if belongs(line)]
            return len(found) >= number

        wait_until(are_there, f"{number} lines", self.log)
        return found

    def browser(self) -> requests.Session:
        """Return a client with its own cookies."""
        client = requests.Session()
        client.cookies = requests.cookies.RequestsCookieJar()
        return client

    def _ends(self) -> bool:
        try:
            stop(self.process)
        except subprocess.TimeoutExpired:
            return False
        return True
