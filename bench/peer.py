"""A peer: another service, or another version of this one, started from its checkout and measured with wrong codes."""

import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import ClassVar, Final, Self

import redis
from tests.support.processes import free_port, listens, spawn, stop, wait_until_started
from tests.support.redis_server import RedisServer

from bench.cases import GUESSES, PEER, Case, wrong_case
from bench.connections import Connections
from bench.credentials import Snapshot, cookie_of, deal, enrol
from bench.http import Channel, ConnectionClosed, Expected, get, post
from bench.measure import ATTEMPTS
from bench.processes import descendants_of
from bench.servers import THREADS, service

CONFIGURATIONS: Final = ("gunicorn.conf.py", "gunicorn_conf.py", "src/gunicorn.conf.py", "src/gunicorn/conf.py")
"""The usual paths of gunicorn's configuration."""
MODULES: Final = ("wsgi", "run", "src.wsgi", "src.run", "app", "main")
"""The usual modules of the application."""
_APPLICATION: Final = re.compile(r"^(?:(application|app)\b.*=|def (create_app)\(\))", re.MULTILINE)
_OURS: Final = "src/presentation/bootstrap/command_line.py"
_SERVE: Final = "import sys; from presentation.bootstrap.command_line import main; sys.exit(main(['serve']))"
_PASSWORD: Final = "bench"  # noqa: S105 - only the benchmarks use it
_USUAL_PORT: Final = 6379
# Settings of services with the API of `_get_case`. Other peers ignore them.
_SETTINGS: Final = {
    "_REDIS_HOST": "127.0.0.1",
    "_REDIS_PASS": _PASSWORD,
    "_SECRET_KEY": "benchmarks sign their cookies with it",
    "_B64_AES_KEY": "QUJDREVGR0gxMjM0NTY3OA==",
    "_ADMIN_USER": "admin",
    "_ADMIN_PASS": _PASSWORD,
}


class UnknownPeer(Exception):
    """The checkout has no usual entry point, or its service has no known API or cannot be measured."""


class Peer:
    """The service of a checkout. `with` starts and ends it.

    Its gunicorn may replace workers after a number of requests, so `renew` finds the processes and connects again.
    """

    replaces_workers: ClassVar[bool] = True

    def __init__(self, checkout: Path, command: str | None, redis_url: str) -> None:
        self._checkout = checkout.resolve()
        self.port = free_port()
        self._command = shlex.split(command) if command else command_of(self._checkout, self.port)
        self._settings = settings_of(self._checkout, self.port, redis_url)
        self._directory = Path(tempfile.mkdtemp(prefix="open-mfa-peer-"))
        self._connections: Connections | None = None

    def __enter__(self) -> Self:
        log = self._directory / "peer.log"
        # The shell changes the directory. `exec` makes the server itself the child.
        command = f"cd {shlex.quote(str(self._checkout))} && exec {shlex.join(self._command)}"
        self.process = spawn(["/bin/sh", "-c", command], log, self._settings)
        wait_until_started(self.process, lambda: self._serves(log), "the start of the peer", log)
        return self

    def __exit__(self, *_: object) -> None:
        if self._connections is not None:
            self._connections.close()
        # Another process can get the ID of one that has ended, but never its descriptor.
        remaining = (
            [os.pidfd_open(pid) for pid in descendants_of(self.process.pid)] if self.process.poll() is None else []
        )
        stop(self.process)
        for descriptor in remaining:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, signal.SIGTERM)
            os.close(descriptor)
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def pids(self) -> tuple[int, ...]:
        """Return the process IDs."""
        return (self.process.pid, *descendants_of(self.process.pid))

    @property
    def connections(self) -> Connections:
        """Return the connections of the last call of `renew`."""
        return self._connections or self.renew()

    def renew(self) -> Connections:
        """Connect to the current workers."""
        if self._connections is not None:
            self._connections.close()
        for _ in range(ATTEMPTS):
            # A worker may end between the two steps.
            with suppress(ConnectionClosed):
                self._connections = Connections(self.port, self._workers(), THREADS, get("/healthz"))
                return self._connections
        raise UnknownPeer("The workers of the peer end too often to be measured.")

    def _workers(self) -> list[int]:
        """Return the processes without children, which are the workers of a gunicorn, or the only process."""
        parents = {self.process.pid: descendants_of(self.process.pid)}
        parents |= {pid: descendants_of(pid) for pid in parents[self.process.pid]}
        return [pid for pid, children in parents.items() if not children]

    def ask(self, request: bytes) -> bytes:
        """Return the answer to a request on a connection of its own."""
        channel = Channel(self.port)
        try:
            return channel.ask(request)
        finally:
            channel.close()

    def _serves(self, log: Path) -> bool:
        if self.process.poll() is not None:
            raise ChildProcessError(log.read_text(errors="replace")[-2000:])
        return listens(self.port)


def start(stack: ExitStack, checkout: Path, command: str | None, requests: int) -> Case:
    """Start the peer with a Redis of its own. Return the case of wrong codes.

    Raises:
        UnknownPeer: the checkout has no usual entry point, or its service no known API.
    """
    store = stack.enter_context(_redis())
    url = f"redis://:{_PASSWORD}@127.0.0.1:{store.port}/0"
    peer = stack.enter_context(Peer(checkout, command, url))
    if peer.ask(post("/api/v1/session/totp"))[9:12] == b"201":
        sessions = enrol(peer.renew(), requests)
        case = wrong_case(PEER, peer, sessions, Snapshot(redis.Redis.from_url(url)), requests)
        return Case(PEER, peer, _renewing(peer, case.prepare), case.expected)
    return _get_case(peer, requests)


def _get_case(peer: Peer, requests: int) -> Case:
    """Return the case for an API in which GET enrols and verifies."""
    answers = [peer.ask(get("/api/totp")) for _ in range(-(-requests // GUESSES))]
    if answers[0][9:12] != b"200" or b"otpauth:" not in answers[0]:
        raise UnknownPeer(
            f"The peer enrols neither by POST /api/v1/session/totp nor by GET /api/totp: {answers[0][:200]!r}"
        )
    guesses = [get("/api/totp?otp=000000", cookie_of(answer)) for answer in answers]
    lanes = deal((guesses * GUESSES)[:requests], len(peer.renew()))
    return Case(PEER, peer, _renewing(peer, lambda: lanes), Expected(200, b"false"))


def _renewing(peer: Peer, prepare: Callable[[], list[list[bytes]]]) -> Callable[[], list[list[bytes]]]:
    def renew_and_prepare() -> list[list[bytes]]:
        peer.renew()
        return prepare()

    return renew_and_prepare


def command_of(checkout: Path, port: int) -> Sequence[str]:
    """Return the command that starts the service of a checkout. Raise `UnknownPeer` if no usual file exists."""
    own = checkout / ".venv/bin/python"
    python = str(own) if own.exists() else sys.executable
    if (checkout / _OURS).exists():
        return [python, "-c", _SERVE]
    configuration = next((path for path in CONFIGURATIONS if (checkout / path).exists()), None)
    for module in MODULES:
        file = checkout / f"{module.replace('.', '/')}.py"
        found = _APPLICATION.search(file.read_text()) if file.exists() else None
        if found:
            options = ["-c", configuration] if configuration else []
            application = found[1] or f"{found[2]}()"
            return [python, "-m", "gunicorn", *options, "--bind", f"127.0.0.1:{port}", f"{module}:{application}"]
    raise UnknownPeer(f"{checkout} has none of the usual modules ({', '.join(MODULES)}). Give the command yourself.")


def settings_of(checkout: Path, port: int, redis_url: str) -> dict[str, str]:
    """Return the environment of the peer. This project gets the settings with which it is measured itself."""
    paths = {"PYTHONPATH": f"{checkout / 'src'}:{checkout}", "HOST": "127.0.0.1", "PORT": str(port)}
    if (checkout / _OURS).exists():
        return service(redis_url).settings | paths
    return _SETTINGS | paths | {"REDIS_URL": redis_url}


def _redis() -> RedisServer:
    """Return a Redis with a password, on the usual port if it is free, because some peers cannot use another one."""
    port = free_port() if listens(_USUAL_PORT) else _USUAL_PORT
    options = ["--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0", "--requirepass", _PASSWORD]
    return RedisServer(*options, port=port)
