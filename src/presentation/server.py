"""The service under gunicorn."""

import logging
import re
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from infrastructure.logs import FIELDS, configure_logging
from infrastructure.metrics import worker_ended
from infrastructure.settings import Settings
from presentation.app import EXTENSION, create_app
from presentation.worker import Worker

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

GRACE: Final = 20
"""Seconds that requests under way have to end after SIGTERM; the longest takes 5."""

_INVALID: Final = re.compile(r"Invalid request from ip=\S+(?=: )")
_FAILED: Final = "Error handling request"
_MEMORY: Final = "/dev/shm"  # noqa: S108 - gunicorn's heartbeat must not wait for a disk

_log = logging.getLogger("open_mfa.server")


class JsonLogger(Logger):
    """gunicorn's own lines go the way of all others."""

    def setup(self, cfg: Any) -> None:  # noqa: ARG002 - gunicorn's signature
        self.error_log.propagate = True
        self.error_log.setLevel(logging.INFO)
        self.access_log.disabled = True

    def warning(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """A request that can't be read is not repeated: what is wrong with it may be a code in the wrong place."""
        invalid = _INVALID.match(str(msg))
        super().warning(invalid[0] if invalid else msg, *args, **kwargs)

    def exception(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """Neither is the URI of a request that failed."""
        if str(msg).startswith(_FAILED):
            super().error(_FAILED, exc_info=True)
        else:
            super().exception(msg, *args, **kwargs)


class Server(BaseApplication):
    """gunicorn, configured by the settings alone: no file, no command line, no GUNICORN_CMD_ARGS."""

    def __init__(self, settings: Settings, metrics_directory: str) -> None:
        self._settings = settings
        self._metrics_directory = metrics_directory
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        for name, value in {
            "bind": _authority(settings),
            "workers": settings.workers,
            "threads": settings.threads,
            "worker_class": Worker,
            "logger_class": JsonLogger,
            "graceful_timeout": GRACE,
            "timeout": 30,
            "keepalive": 75,
            "forwarded_allow_ips": "",
            "limit_request_line": 4094,
            "when_ready": self._announce,
            "post_worker_init": _started,
            "worker_exit": _ended,
            "child_exit": _reaped,
            "on_exit": lambda _: shutil.rmtree(self._metrics_directory, ignore_errors=True),
            "worker_tmp_dir": _MEMORY if Path(_MEMORY).is_dir() else None,
            "proc_name": "open-mfa",
            "control_socket_disable": True,
        }.items():
            self.cfg.set(name, value)

    def _announce(self, server: Any) -> None:  # noqa: ARG002 - gunicorn's signature
        settings = self._settings
        url = f"http://{_authority(settings)}"
        _log.info("serving", extra={FIELDS: {"url": url, "docs": f"{url}/docs", "version": version("open-mfa")}})

    def load(self) -> "WSGIApplication":  # type: ignore[override] # the stubs know no StartResponse
        configure_logging(self._settings.log_level)
        return create_app(self._settings)


def serve(settings: Settings, metrics_directory: str) -> None:
    """Serves until SIGTERM or SIGINT. `metrics_directory` is where the workers put their counts; it is removed then."""
    configure_logging(settings.log_level)
    for notice in settings.notices:
        _log.warning(notice)
    Server(settings, metrics_directory).run()


def _authority(settings: Settings) -> str:
    """host:port, with the brackets that an IPv6 address wants."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{settings.port}"


def _started(worker: Any) -> None:
    worker.wsgi.extensions[EXTENSION].start()


def _ended(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    app = getattr(worker, "wsgi", None)
    if app is not None:
        app.extensions[EXTENSION].stop()


def _reaped(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    worker_ended(worker.pid)
