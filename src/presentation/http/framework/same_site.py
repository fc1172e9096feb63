"""Protection against requests that a browser sends on behalf of a page of another site."""

from typing import Final

from flask import request

from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import Problem

SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
"""The methods that change nothing (RFC 9110, section 9.2.1)."""
SAME_ORIGIN: Final = frozenset({"same-origin", "none"})
"""The values of Sec-Fetch-Site for requests of this host's own pages, and of a person who types the address."""
_SAME_ORIGIN_IF_ORIGIN_MATCHES: Final = frozenset({None, "same-site"})


def refuse_other_sites() -> None:
    """Raise a problem if a browser sends the request on behalf of a page of another site.

    If the browser sends Fetch Metadata, only that counts. Otherwise, `Origin` (RFC 6454) must name the host of the
    request. Clients other than browsers send neither. A request with `same-site` must have a matching `Origin`, because
    an attacker may control another host of the same site, such as a forgotten subdomain.
    """
    environ = request.environ
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site in SAME_ORIGIN:
        return
    origin = environ.get("HTTP_ORIGIN")
    differs = origin is not None and (not request.host or origin.partition("://")[2] != request.host)
    if differs or site not in _SAME_ORIGIN_IF_ORIGIN_MATCHES:
        raise Problem(Problems.CROSS_SITE_REQUEST)
