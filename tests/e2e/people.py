"""People with accounts who log in at the gate."""

import requests

from tests.service.accounts import Account, good_code
from tests.support.service import Service

COOKIE = "open_mfa_gate"


class Person:
    """A person with an HOTP factor, whose next code is available without waiting."""

    def __init__(self, service: Service, name: str) -> None:
        self.name = name
        self._enrolled = Account(service.port, name).confirmed("hotp")
        self._used = 0

    def code(self) -> str:
        """Return a valid code that was not used before."""
        self._used += 1
        return good_code(self._enrolled, self._used)

    def log_in(self, site: str) -> requests.Session:
        """Log in, and return a browser with the cookie of the gate."""
        browser = requests.Session()
        form = {"account": self.name, "code": self.code()}
        answer = browser.post(f"{site}/auth/login", data=form, allow_redirects=False, timeout=5)
        assert answer.status_code == 303, answer.text
        return browser


def token_of(browser: requests.Session) -> str:
    (token,) = [cookie.value for cookie in browser.cookies if cookie.name == COOKIE]
    assert token
    return token
