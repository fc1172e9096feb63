"""Conclusions from the header fields of browsers about the use of the response and the origin of the request."""

from flask import request

from presentation.http.framework.problems import Problem
from presentation.http.framework.same_site import SAME_ORIGIN, refuse_other_sites


def is_page() -> bool:
    """Return whether a browser shows the response as a page, by Fetch Metadata or else by the Accept header."""
    mode = request.headers.get("Sec-Fetch-Mode")
    return mode == "navigate" if mode else "text/html" in request.headers.get("Accept", "")


def is_followed_link() -> bool:
    """Return whether the request may be a link that a person follows. Fetch Metadata can exclude this."""
    mode, purpose = (request.headers.get(name) for name in ("Sec-Fetch-Mode", "Sec-Purpose"))
    return request.method == "GET" and mode in {None, "navigate"} and purpose is None


def is_certainly_of_this_site() -> bool:
    """Return whether the request to log out certainly comes from this site.

    A form has an Origin. A link has none, so Fetch Metadata must show that it comes from this site. Old browsers send
    no Fetch Metadata, and no browser sends it over plain HTTP. Then a Referer of this host is required. Another site
    can suppress the Referer of its links and pictures, so its absence proves nothing. Programs send neither, but every
    browser sends Accept-Language with each request.
    """
    try:
        refuse_other_sites()
    except Problem:
        return False
    if request.method == "POST":
        return True
    site, mode = (request.headers.get(name) for name in ("Sec-Fetch-Site", "Sec-Fetch-Mode"))
    if site is not None:
        return site in SAME_ORIGIN and mode == "navigate"
    referer = request.headers.get("Referer")
    if referer is None:
        return mode is None and "Accept-Language" not in request.headers
    return referer.partition("://")[2].partition("/")[0] == request.host
