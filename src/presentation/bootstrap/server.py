"""The service under gunicorn."""

import logging
import os
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from application.enrolment import EnrolRequest, build
from application.provisioning import Provisioning
from application.request_context import FIELDS
from domain.credential import Lifecycle
from domain.failures import NO_FAILURES
from domain.owner import Owner, OwnerKind
from domain.parameters import TotpParameters
from domain.secret import SharedSecret
from infrastructure.network.address import Address
from infrastructure.observability.lines import LINES
from infrastructure.observability.logs import configure_logging
from infrastructure.observability.metrics import Metrics
from infrastructure.observability.shared_counters import Numbers, SharedMemory
from infrastructure.qr import qr_on_terminal
from infrastructure.settings import Settings
from presentation.bootstrap.logs import selected_format
from presentation.bootstrap.web import EXTENSION, create_app
from presentation.http.server.arrival import LARGEST_HEAD, MOST_FIELDS
from presentation.http.server.worker import Worker

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

GRACE: Final = 20
"""Seconds that requests under way have to end after SIGTERM; the longest, which sends a code, about 18."""

TIMEOUT: Final = 30
"""Seconds after which the master kills a worker whose event loop hangs."""
MOST_CONNECTIONS: Final = 1000
"""Connections that a worker holds. It keeps at most about 100 KiB of received bytes for each."""
SHARE: Final = 4
"""One client address may have one in `SHARE` of these connections."""
_OTHER_DESCRIPTORS: Final = 64
"""Descriptors that a worker needs besides those for clients and Redis."""

_FAILED: Final = "Error handling request"
_MEMORY: Final = "/dev/shm"  # noqa: S108 - gunicorn's heartbeat must not wait for a disk

_log = logging.getLogger("open_mfa.server")


class JsonLogger(Logger):
    """gunicorn's own lines go the way of all others."""

    def setup(self, cfg: Any) -> None:  # noqa: ARG002 - gunicorn's signature
        self.error_log.propagate = True
        self.error_log.setLevel(logging.INFO)
        self.access_log.disabled = True

    def exception(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """The URI of a request that failed is not repeated: it may hold a code, unasked."""
        if str(msg).startswith(_FAILED):
            super().error(_FAILED, exc_info=True)
        else:
            super().exception(msg, *args, **kwargs)


class Server(BaseApplication):
    """gunicorn, configured by the settings alone: no file, no command line, no GUNICORN_CMD_ARGS."""

    def __init__(self, settings: Settings, timeout: int = TIMEOUT) -> None:
        self._settings = settings
        self._timeout = timeout
        # More slots than workers, because two generations of workers run at the same time during a reload.
        self._memory = SharedMemory(2 * settings.server.workers + 2)
        self._slot: int | None = None
        super().__init__()

    @property
    def connections_per_address(self) -> int:
        """The number of connections to a worker that one address may have. Behind proxies, an address is a proxy's."""
        connections: int = self.cfg.worker_connections
        if self._settings.server.trusted_proxies:
            return connections
        # More than the threads, because the worker never closes connections that a thread serves.
        return max(self._settings.server.threads + 1, connections // SHARE)

    def run(self) -> None:
        """Serves until SIGTERM or SIGINT."""
        Master(self).run()

    def load_config(self) -> None:
        settings = self._settings
        for name, value in {
            "bind": str(Address(settings.server.host, settings.server.port)),
            "workers": settings.server.workers,
            "threads": settings.server.threads,
            "worker_class": Worker,
            "logger_class": JsonLogger,
            "graceful_timeout": GRACE,
            "timeout": self._timeout,
            "keepalive": 75,
            "forwarded_allow_ips": "",
            # The worker limits the whole head, so the parser needs no limit for a line.
            "limit_request_line": 0,
            "limit_request_field_size": LARGEST_HEAD,
            "limit_request_fields": MOST_FIELDS,
            "worker_connections": _connections(settings.server.threads),
            "when_ready": self._announce,
            "pre_fork": self._choose_slot,
            "post_worker_init": _started,
            "worker_exit": _ended,
            "worker_tmp_dir": _memory(),
            "proc_name": "open-mfa",
            "control_socket_disable": True,
            # The kernel's sendfile waits for a slow client as long as he likes.
            "sendfile": False,
        }.items():
            self.cfg.set(name, value)

    def _announce(self, server: Any) -> None:
        # With PORT=0 the kernel chose the port.
        authority = Address(self._settings.server.host, server.LISTENERS[0].getsockname()[1])
        url = f"http://{authority}{self._settings.server.path_prefix}"
        _log.info("serving", extra={FIELDS: {"url": url, "docs": f"{url}/docs", "version": version("open-mfa")}})

    def _choose_slot(self, server: Any, worker: Any) -> None:
        """Give the worker a slot that no living worker has. It continues the numbers of the slot's former owner."""
        taken = {each.metrics_slot for each in server.WORKERS.values()}
        self._slot = next((slot for slot in range(len(self._memory.slots)) if slot not in taken), None)
        worker.metrics_slot = self._slot

    def load(self) -> "WSGIApplication":  # type: ignore[override] # the stubs know no StartResponse
        configure_logging(self._settings.log.level, selected_format(self._settings))
        return create_app(self._settings, metrics=Metrics(Numbers(self._memory, self._slot)))


class Master(Arbiter):
    """gunicorn's master process, which notices pauses of the machine and continues if a worker can't be started."""

    def __init__(self, app: Server) -> None:
        super().__init__(app)
        self._looked = time.monotonic()
        self._umask = os.umask(0)
        os.umask(self._umask)

    def spawn_worker(self) -> int:
        """Start a worker. If the machine lacks what it needs, such as an inode, log that; the master tries again soon.

        The next attempt makes the file of the heartbeat in another directory.
        """
        try:
            return super().spawn_worker()
        except OSError as error:
            if os.getpid() != self.pid:
                raise
            # gunicorn leaves the umask at 0 if it can't make the file.
            os.umask(self._umask)
            self.cfg.set("worker_tmp_dir", None if self.cfg.worker_tmp_dir else _memory())
            _log.error("no worker could be started", extra={FIELDS: {"problem": error.strerror}})
            return 0

    def murder_workers(self) -> None:
        """Kill the workers that have given no sign of life for the whole timeout.

        The master checks this every second. If its last check is more than half the timeout ago, the machine was
        paused, and the workers could give no sign of life either. Every worker then gets the whole timeout again.
        """
        now = time.monotonic()
        if now - self._looked > self.timeout / 2:
            for worker in self.WORKERS.values():
                worker.tmp.notify()
        self._looked = now
        super().murder_workers()


def serve(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT."""
    configure_logging(settings.log.level, selected_format(settings))
    LINES.take_over_stderr()
    for notice in settings.notices:
        _log.warning(notice)
    if settings.gate.show_qr and settings.gate.shared_secret is not None:
        _show_gate(settings, settings.gate.shared_secret)
    Server(settings).run()


def _show_gate(settings: Settings, secret: SharedSecret) -> None:
    """The gate's secret, for a phone that looks at the terminal; plain, because nobody scans JSON."""
    request = EnrolRequest(Owner(OwnerKind.GATE, "gate"), None, TotpParameters(), secret=secret)
    uri = Provisioning(settings.enrolment.issuer).uri(build(request, secret, Lifecycle.starting(0, None), NO_FAILURES))
    picture = qr_on_terminal(uri, colours=sys.stderr.isatty())
    print(f"The gate's codes, for your authenticator:\n{picture}\n{uri}", file=sys.stderr)  # noqa: T201 - see above


def _memory() -> str | None:
    return _MEMORY if Path(_MEMORY).is_dir() else None


def _connections(threads: int) -> int:
    """Return how many connections a worker can hold with the descriptors that it may open."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Each thread may need two connections to Redis while one replaces the other.
    return max(threads + 1, min(MOST_CONNECTIONS, descriptors - 2 * threads - _OTHER_DESCRIPTORS))


def _started(worker: Any) -> None:
    worker.wsgi.extensions[EXTENSION].start()


def _ended(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    app = getattr(worker, "wsgi", None)
    if app is not None:
        app.extensions[EXTENSION].stop()
