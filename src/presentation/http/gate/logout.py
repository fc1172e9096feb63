"""The log-out of the gate."""

from flask import Response, after_this_request, request

from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import MEDIA_TYPE, Problem
from presentation.http.gate.browser import is_certainly_of_this_site, is_followed_link, is_page
from presentation.http.gate.pages import GatePages
from presentation.http.gate.return_to import HOME
from presentation.http.gate.visitors import Visitors


class LogoutHandler:
    """Log a person out."""

    def __init__(self, visitors: Visitors, pages: GatePages) -> None:
        self._visitors = visitors
        self._pages = pages

    def log_out(self) -> Response:
        """Log out if the request certainly comes from this site. Otherwise, show a page that asks."""
        if request.method != "POST" and not is_followed_link():
            # For example, a picture, a prefetch or a HEAD. The person did not ask to log out.
            raise Problem(Problems.CROSS_SITE_REQUEST, "Follow a link or send a form to log out.")
        if not is_certainly_of_this_site():
            # The link or form may be on another host. The person may still want to log out, so the page asks.
            if request.method != "POST" or is_page():
                return self._pages.logout()
            raise Problem(Problems.CROSS_SITE_REQUEST)
        after_this_request(self._page_for_problem)
        # The browser must forget the cookie even if the store is unreachable.
        after_this_request(self._visitors.forget)
        self._visitors.end()
        return Response(status=303, headers={"Location": HOME})

    def _page_for_problem(self, response: Response) -> Response:
        """Return a page instead of a problem document, for a person."""
        if response.mimetype != MEDIA_TYPE or not is_page():
            return response
        wait = response.headers.get("Retry-After")
        return self._pages.logged_out_here(response.status_code, {"Retry-After": wait} if wait else {})
