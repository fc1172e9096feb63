"""Flask without the features that the service does not use."""

from collections.abc import Callable
from typing import Any, Final

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SessionInterface
from flask.templating import Environment
from werkzeug.routing import MapAdapter

from presentation.http.framework.texts import install_texts

_NO_SERVER_NAME: Final = ""
"""The routes do not depend on the host, and no URL is built from it."""


class _NoSession(SessionInterface):
    """Disables Flask's sessions. Opening and saving one would take a tenth of the time of a verification."""

    _nothing = SecureCookieSession()

    def open_session(self, app: Flask, request: Any) -> SecureCookieSession:  # noqa: ARG002 - Flask's signature
        return self._nothing

    def is_null_session(self, obj: object) -> bool:  # noqa: ARG002 - Flask's signature
        return True


class Application(Flask):
    """Flask without sessions, asynchronous views and URLs that contain the host.

    For each request, these features take as long as the dispatch itself.
    """

    session_interface = _NoSession()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function: no view is asynchronous."""
        return func

    def create_jinja_environment(self) -> Environment:
        """Return the environment of the templates, which can translate."""
        environment = super().create_jinja_environment()
        install_texts(environment)
        return environment

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return the adapter that finds the route of a request. Flask would first parse the host."""
        if request is None:
            return None
        return self.url_map.bind(
            _NO_SERVER_NAME,
            script_name=request.root_path,
            url_scheme=request.scheme,
            default_method=request.method,
            path_info=request.path,
            query_args=request.query_string.decode("latin-1"),
        )
