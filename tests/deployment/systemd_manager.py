"""A real systemd in its own namespaces, with the service installed at the paths of `deploy/systemd`.

It sees the machine's file system. /opt, /run and the changes of /etc are its own.
"""

import os
import shutil
import site
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from tests.deployment.docker_support import ROOT, attempt, missing, run
from tests.support.processes import spawn, stop, wait_until, wait_until_started

UNITS: Final = ("open-mfa.service", "open-mfa.socket")
SOURCE: Final = ROOT / "deploy/systemd"
_AS_ROOT: Final = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
_PREPARE: Final = """
mount --make-rprivate /
mount -t proc proc /proc
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir "$WORK/changed" "$WORK/overlay"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$WORK/changed,workdir=$WORK/overlay" /etc
cp -r "$WORK/etc/." /etc
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
cp -r "$WORK/units/." /run/systemd/system
mount -t tmpfs tmpfs /opt
mkdir -p /opt/open-mfa/bin /opt/python /opt/packages /opt/src
cp "$WORK/open-mfa" /opt/open-mfa/bin
mount --bind "$PYTHON" /opt/python
mount --bind "$PACKAGES" /opt/packages
mount --bind "$SRC" /opt/src
mount --make-rshared /
export container=other
exec /lib/systemd/systemd --system --unit=test.target
"""
# The interpreter and the packages of the checkout may be in directories that the unit hides.
_PROGRAM: Final = f"""#!/bin/sh
export LD_LIBRARY_PATH=/opt/python/lib PYTHONPATH=/opt/src:/opt/packages PYTHONDONTWRITEBYTECODE=1
exec /opt/python/bin/python3.{sys.version_info.minor} -c '
import sys
from presentation.bootstrap.command_line import main
sys.argv[0] = "open-mfa"
sys.exit(main())' "$@"
"""
_TARGET: Final = "[Unit]\nDefaultDependencies=no\n"
# Nothing else of the machine starts, and there is no journal.
_ALONE: Final = "[Unit]\nDefaultDependencies=no\nWants=\nAfter=\n"
_LOG: Final = "[Service]\nStandardOutput=append:/run/service.log\nStandardError=append:/run/service.log\n"


class SystemdManager:
    """systemd as the first process of a PID namespace. `with` starts and ends it.

    Args:
        directory: an empty directory.
        files: the files below /etc/open-mfa, with their contents.
        drop_in: further lines for the unit of the service.
    """

    def __init__(self, directory: Path, files: dict[str, str], drop_in: str = "") -> None:
        self._directory = directory
        self._group = _cgroups() / f"open-mfa-test-{uuid.uuid4().hex}"
        units, program = directory / "units", directory / "open-mfa"
        for name in UNITS:
            (units / f"{name}.d").mkdir(parents=True)
            shutil.copy(SOURCE / name, units)
            (units / f"{name}.d/alone.conf").write_text(_ALONE)
        (units / "open-mfa.service.d/log.conf").write_text(_LOG)
        (units / "open-mfa.service.d/own.conf").write_text(drop_in)
        (units / "test.target").write_text(_TARGET)
        program.write_text(_PROGRAM)
        program.chmod(0o755)
        for name, content in files.items():
            path = directory / "etc/open-mfa" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            path.chmod(0o600)

    def __enter__(self) -> Self:
        (packages,) = site.getsitepackages()
        variables = {"WORK": self._directory, "PYTHON": sys.base_prefix, "PACKAGES": packages, "SRC": ROOT / "src"}
        inside = [f"{name}={value}" for name, value in variables.items()]
        namespaces = ["unshare", "--fork", "--pid", "--mount", "--cgroup", "--uts", "--ipc", "--kill-child"]
        enter = f'mkdir "{self._group}" && echo $$ >"{self._group}/cgroup.procs" && exec "$@"'
        command = ["sh", "-ceu", enter, "sh", "env", *inside, *namespaces, "sh", "-ceu", _PREPARE]
        self._process = spawn([*_AS_ROOT, *command], self._directory / "log")
        wait_until_started(self._process, self._serves, "the start of systemd", self._directory / "log")
        return self

    def __exit__(self, *_: object) -> None:
        first = self._first()
        if first is not None:
            run(*_AS_ROOT, "kill", "-KILL", str(first))
        stop(self._process, kill=True)
        remove = ["find", str(self._group), "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"]
        # The processes leave the group a moment after they were killed.
        wait_until(lambda: attempt(*_AS_ROOT, *remove).returncode == 0, "the end of the processes")

    def systemctl(self, *arguments: str) -> str:
        """Return the output of `systemctl`. Its log, that of the service, is in the error."""
        done = self.attempt("systemctl", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr + self.log()
        return done.stdout.strip()

    def log(self) -> str:
        return self.attempt("cat", "/run/service.log").stdout

    def attempt(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the namespaces."""
        return attempt(*self._inside(), *command, patience=60)

    @contextmanager
    def started(self, *command: str) -> Iterator[subprocess.Popen[str]]:
        """Start a command in the namespaces. Yield its process, whose output can be read."""
        with subprocess.Popen([*self._inside(), *command], stdout=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    def _inside(self) -> list[str]:
        return [*_AS_ROOT, "nsenter", "--target", str(self._first()), "--all", "--"]

    def _first(self) -> int | None:
        """Return the ID of systemd outside of its namespace."""
        found = attempt("pgrep", "--full", f"^{_COMMAND}$", "--parent", str(self._unshare()))
        return int(found.stdout) if found.stdout else None

    def _unshare(self) -> int:
        """Return the ID of the process that made the namespaces. sudo is its parent."""
        if not _AS_ROOT:
            return self._process.pid
        return int(run("pgrep", "--parent", str(self._process.pid)).split()[0])

    def _serves(self) -> bool:
        if self._process.poll() is not None:
            raise ChildProcessError((self._directory / "log").read_text())
        return self._first() is not None and self.attempt("systemctl", "is-active", "test.target").returncode == 0


_COMMAND: Final = "/lib/systemd/systemd --system --unit=test.target"


def _cgroups() -> Path:
    """Return where the second version of control groups is mounted."""
    mounts = (line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines())
    found = next((Path(fields[4]) for fields in mounts if fields[fields.index("-") + 1] == "cgroup2"), None)
    return found or missing("There are no control groups of version 2, so the units did not run under systemd")
