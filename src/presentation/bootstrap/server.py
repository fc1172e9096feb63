"""The wiring of gunicorn."""

import gc
import logging
import resource
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from gunicorn.app.base import BaseApplication
from gunicorn.config import Config

import infrastructure.redis.store  # noqa: F401 - the master loads it, so that no worker must
from application.request_context import FIELDS
from infrastructure.network.address import Address
from infrastructure.observability.lines import LINES
from infrastructure.observability.logs import configure_logging
from infrastructure.observability.metrics import Metrics
from infrastructure.observability.shared_counters import SharedCounters, SharedMemory
from infrastructure.settings import Settings
from presentation.bootstrap.logs import selected_format
from presentation.bootstrap.stores import store_name
from presentation.bootstrap.tenants_reload import TenantsReload
from presentation.bootstrap.web import EXTENSION, create_app
from presentation.bootstrap.welcome import welcome
from presentation.http.server.arrival import LARGEST_HEAD, MOST_FIELDS
from presentation.http.server.logger import ServiceLogger
from presentation.http.server.master import Master, free_slot, heartbeat_directory
from presentation.http.server.worker import Worker

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

GRACE: Final = 20
"""Seconds after SIGTERM for current requests to finish. The longest request, which sends a code, takes about 18."""

TIMEOUT: Final = 30
"""Seconds after which the master kills a worker whose event loop hangs."""
MOST_CONNECTIONS: Final = 1000
"""The largest number of connections of a worker. Each holds at most about 100 KiB of received bytes."""
SHARE: Final = 4
"""One client address may have one in `SHARE` of these connections."""
_OTHER_DESCRIPTORS: Final = 64
"""The number of descriptors that a worker needs for other purposes than clients and Redis."""

_log = logging.getLogger("open_mfa.server")


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    configure_logging(settings.log.level, selected_format(settings))
    LINES.take_over_stderr()
    for notice in settings.notices:
        _log.warning(notice)
    Server(settings).run()


class FixedConfig(Config):
    """gunicorn's configuration, which keeps each value that was read once.

    For each request, gunicorn reads 25 values, each time through two functions. That takes a tenth of its own time.
    """

    def __getattr__(self, name: str) -> Any:
        """Return a setting. Python calls this only for a name that is not kept yet."""
        value = super().__getattr__(name)
        self.__dict__[name] = value
        return value

    def set(self, name: str, value: Any) -> None:
        """Change a setting."""
        super().set(name, value)
        self.__dict__.pop(name, None)


class Server(BaseApplication):
    """gunicorn, configured by the settings alone. It reads no file, no command line and no GUNICORN_CMD_ARGS."""

    def __init__(self, settings: Settings, timeout: int = TIMEOUT) -> None:
        self._tenants = TenantsReload(settings)
        self._timeout = timeout
        # More slots than workers, because two generations of workers run at the same time during a reload.
        self._memory = SharedMemory(2 * settings.server.workers + 2)
        self._slot: int | None = None
        super().__init__()

    @property
    def _settings(self) -> Settings:
        """The settings in force. Their tenants may change while the service runs."""
        return self._tenants.settings

    @property
    def connections_per_address(self) -> int:
        """The number of connections to a worker that one address may have. Behind proxies, an address is a proxy's."""
        connections: int = self.cfg.worker_connections
        if self._settings.server.trusted_proxies:
            return connections
        # More than the threads, because the worker never closes connections that a thread serves.
        return max(self._settings.server.threads + 1, connections // SHARE)

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        Master(
            self,
            single=self._settings.standalone,
            before_reload=self._tenants.apply,
            needs_reload=self._tenants.is_due,
        ).run()

    def load_default_config(self) -> None:
        """Begin with gunicorn's defaults."""
        self.cfg = FixedConfig(self.usage, prog=self.prog)

    def load_config(self) -> None:
        """Configure gunicorn."""
        settings = self._settings.server
        for name, value in {
            "bind": str(Address(settings.host, settings.port)),
            "workers": settings.workers,
            "threads": settings.threads,
            "worker_class": Worker,
            "logger_class": ServiceLogger,
            "loglevel": "info" if self._settings.log.level == "DEBUG" else "warning",
            "graceful_timeout": GRACE,
            "timeout": self._timeout,
            "keepalive": 75,
            "forwarded_allow_ips": "",
            # The worker limits the whole head, so the parser needs no limit for a line.
            "limit_request_line": 0,
            "limit_request_field_size": LARGEST_HEAD,
            "limit_request_fields": MOST_FIELDS,
            "worker_connections": _connections(settings.threads),
            "when_ready": self._announce,
            "pre_fork": self._choose_slot,
            "post_worker_init": _started,
            "worker_exit": _ended,
            "worker_tmp_dir": heartbeat_directory(),
            "proc_name": "open-mfa",
            "control_socket_disable": True,
            # The kernel's sendfile would wait for a slow client without a limit.
            "sendfile": False,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> "WSGIApplication":  # type: ignore[override] # the stubs know no StartResponse
        """Return the application, in a worker."""
        configure_logging(self._settings.log.level, selected_format(self._settings))
        return create_app(self._settings, metrics=Metrics(SharedCounters(self._memory, self._slot)))

    def _announce(self, server: Any) -> None:
        """Log the address. In development, also print the first steps. gunicorn calls this once, not on a reload."""
        settings = self._settings
        url = f"http://{self._address(server.LISTENERS[0].getsockname())}{settings.server.path_prefix}"
        welcome(settings, url)
        fields = {
            "url": url,
            "docs": f"{url}/docs",
            "version": version("open-mfa"),
            "workers": settings.server.workers,
            "store": store_name(settings),
        }
        _log.info("serving", extra={FIELDS: fields})

    def _address(self, name: Any) -> str:
        """Return the address of a listening socket as part of a URL.

        systemd can pass a Unix socket to the service. Its URL has the form that nginx uses.
        """
        if isinstance(name, str):
            return f"unix:{name}:"
        # With PORT=0, the kernel chose the port.
        return str(Address(self._settings.server.host, name[1]))

    def _choose_slot(self, server: Any, worker: Any) -> None:
        """Give the worker a free slot. Its counts continue those of the worker that had the slot before."""
        self._slot = worker.metrics_slot = free_slot(server, len(self._memory.slots))


def _connections(threads: int) -> int:
    """Return the number of connections for which a worker has enough descriptors."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Each thread may need two connections to Redis while one replaces the other.
    return max(threads + 1, min(MOST_CONNECTIONS, descriptors - 2 * threads - _OTHER_DESCRIPTORS))


def _started(worker: Any) -> None:
    # A full collection would visit the objects of all imported modules, which live until the end of the process. That
    # takes 20 to 30 ms, in the middle of a request.
    gc.collect()
    gc.freeze()
    worker.wsgi.extensions[EXTENSION].start()


def _ended(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    app = getattr(worker, "wsgi", None)
    if app is not None:
        app.extensions[EXTENSION].stop()
