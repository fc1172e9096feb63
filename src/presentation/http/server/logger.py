"""gunicorn's log lines, in the form of the service's own."""

from typing import Any, Final

from gunicorn.glogging import Logger

_FAILED: Final = "Error handling request"


class ServiceLogger(Logger):
    """A logger that passes gunicorn's lines to the handlers of the service.

    gunicorn reports each step of its start and its end at INFO. The service logs one line for each, so these lines
    appear only at the level DEBUG.
    """

    def setup(self, cfg: Any) -> None:
        """Leave the handlers to the service."""
        self.error_log.propagate = True
        self.error_log.setLevel(cfg.loglevel.upper())
        self.access_log.disabled = True

    def exception(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """Log a failure, without the URI of a request, because it may contain a code."""
        if str(msg).startswith(_FAILED):
            super().error(_FAILED, exc_info=True)
        else:
            super().exception(msg, *args, **kwargs)
