"""The path below which the service runs. `presentation.http.framework.links` adds it to links."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from application.request_context import current_request
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import MEDIA_TYPE, document
from presentation.http.framework.responses import CompleteResponse

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATH_PREFIX: Final = "PATH_PREFIX"
"""The key of the prefix in the Flask application's configuration."""
PROBES: Final = frozenset({"/healthz", "/health", "/readyz"})
"""Paths that are also served without the prefix, because orchestrators request them from an instance directly."""


class PathPrefix:
    """A WSGI layer that moves the prefix from `PATH_INFO` to `SCRIPT_NAME`. Routes, metrics and logs do not see it.

    A request outside of the prefix gets a 404. A proxy in front must leave the prefix in the path.

    Args:
        application: the application that serves the requests.
        prefix: the prefix, such as `/mfa`.
    """

    def __init__(self, application: "WSGIApplication", prefix: str) -> None:
        self._application = application
        self._prefix = prefix

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        path: str = environ["PATH_INFO"]
        inside = path.removeprefix(self._prefix)
        if path.startswith(self._prefix) and (not inside or inside.startswith("/")):
            environ["PATH_INFO"] = inside or "/"
        elif path not in PROBES:
            context = current_request.get()
            body = document(Problems.NOT_FOUND, None, {}, context.request_id if context else None, self._prefix)
            return CompleteResponse(body, Problems.NOT_FOUND.value.status, MEDIA_TYPE)(environ, start_response)
        environ["SCRIPT_NAME"] = self._prefix
        return self._application(environ, start_response)
