"""The service in the conditions of a container in Kubernetes: its variables only, and a read-only file system."""

import os
import sys
import time
from pathlib import Path
from typing import Final, Self

import requests

from tests.deployment.docker_support import ROOT
from tests.support.processes import free_port, spawn, stop, wait_until_started

# The checkout may be in /tmp, which becomes a new file system.
_READ_ONLY: Final = """
mount --make-rprivate /
mount --bind "$1" /mnt
mount -t tmpfs tmpfs /tmp
mkdir -p "$1"
mount --move /mnt "$1"
mount -o remount,bind,ro "$1"
mount -t tmpfs tmpfs /dev/shm
mount -o remount,bind,ro /
if touch "$1/written" /etc/written 2>/dev/null; then
  echo "The file system can be written" >&2
  exit 1
fi
shift
cd /
exec env -i "$@"
"""


class Pod:
    """The service on a free port of the loopback interface. `with` starts and ends it."""

    def __init__(self, directory: Path, variables: dict[str, str], *command: str) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.log = directory / "pod.log"
        # The image sets PATH. In a pod, HOST is 0.0.0.0.
        own = {"PATH": os.environ["PATH"], "HOST": "127.0.0.1", "PORT": str(self.port)}
        self._variables = [f"{name}={value}" for name, value in (variables | own).items()]
        self._command = command or (str(Path(sys.executable).with_name("open-mfa")), "serve")

    def __enter__(self) -> Self:
        command = ["env", "-i", *self._variables, *self._command]
        # Only root may mount.
        if os.geteuid() == 0:
            isolated = ["unshare", "--mount", "sh", "-ceu", _READ_ONLY, "sh", str(ROOT)]
            command = [*isolated, *self._variables, *self._command]
        self.process = spawn(command, self.log)
        wait_until_started(self.process, lambda: self.responds("/healthz"), "the start of the pod", self.log)
        return self

    def __exit__(self, *_: object) -> None:
        stop(self.process, kill=self.process.poll() is None)

    def responds(self, path: str, timeout: float = 2) -> bool:
        """Return whether a probe of this path succeeds, by the kubelet's rule."""
        if self.process.poll() is not None:
            raise ChildProcessError(self.log.read_text())
        try:
            return 200 <= requests.get(f"{self.base}{path}", timeout=timeout).status_code < 400
        except (requests.ConnectionError, requests.Timeout):
            return False

    def terminate(self, patience: float) -> tuple[int, float]:
        """Send SIGTERM. Return the exit status and the seconds until the end."""
        begin = time.monotonic()
        return stop(self.process, patience=patience), time.monotonic() - begin
