"""The requests of a proxy that checks whether another request may pass."""

from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from flask import Response, request

from presentation.http.framework.links import link
from presentation.http.framework.same_site import SAFE_METHODS
from presentation.http.gate.browser import is_page
from presentation.http.gate.paths import LOGIN
from presentation.http.gate.return_to import ReturnTo
from presentation.http.gate.visitors import Visitors

_LONGEST_LOCATION: Final = 2000
"""The number of characters of the longest Location. Proxies have 4 KiB for the head of a response."""


class CheckHandlers:
    """Report to a proxy whether the request that it holds may pass.

    Args:
        visitors: recognizes the people who have passed the gate.
        return_to: the rules for the targets of a log-in.
        shares_log_in: whether the hosts of a domain share a log-in.
    """

    def __init__(self, visitors: Visitors, return_to: ReturnTo, *, shares_log_in: bool) -> None:
        self._visitors = visitors
        self._return_to = return_to
        self._shares_log_in = shares_log_in

    def check(self) -> Response:
        """Return 200 or 401. The method does not matter: a proxy uses the method of the request that it holds."""
        user = self._visitors.user()
        return Response(status=401) if user is None else Response(status=200, headers={"Remote-User": user})

    def forward(self) -> Response:
        """Return 200, 401, or, for a page, a redirect to the log-in page.

        Traefik and Caddy pass this response on to the client. They report the requested page as X-Forwarded-Uri. The
        field need not be trusted, because anybody can request the log-in page with any target.
        """
        response = self.check()
        method = request.headers.get("X-Forwarded-Method", request.method)
        if response.status_code != HTTPStatus.UNAUTHORIZED or method not in SAFE_METHODS or not is_page():
            return response
        return_to = quote(self._return_to.safe(f"{self._site()}{request.headers.get('X-Forwarded-Uri', '')}"), safe="/")
        page = link(LOGIN)
        location = f"{page}?return_to={return_to}"
        return Response(status=303, headers={"Location": location if len(location) <= _LONGEST_LOCATION else page})

    def _site(self) -> str:
        """Return scheme and host of the requested page if hosts share a log-in; else an empty text.

        A trusted proxy reports them. Without one, the scheme is that of the connection to this service, which is http.
        """
        shared = self._shares_log_in and request.scheme == "https" and self._return_to.accepts_host(request.host)
        return f"https://{request.host}" if shared else ""
