"""An account of the real service, over raw sockets."""

import time
from itertools import count
from typing import Any

import pyotp

from tests.service.wire import Answer, once, request

API_KEYS = {"shop": "the-key-of-the-shop-in-34-characters", "forum": "the-key-of-the-forum-in-35-characters"}
KEYS = {"OPEN_MFA_API_KEYS": ",".join(f"{name}:{key}" for name, key in API_KEYS.items())}
"""The setting."""
_numbers = count()


class Account:
    """An account that no other test uses, unless it gets a name. Its default tenant is the shop."""

    def __init__(self, port: int, name: str = "", tenant: str = "shop") -> None:
        self.port = port
        self.name = name or f"account-{next(_numbers)}"
        self.headers = {"Authorization": f"Bearer {API_KEYS[tenant]}"}

    def request(self, method: str, path: str = "", body: Any = None) -> bytes:
        """Return the bytes of a request."""
        return request(method, f"/api/v1/accounts/{self.name}/{path}".rstrip("/"), body, self.headers)

    def send(self, method: str, path: str = "", body: Any = None) -> Answer:
        return once(self.port, self.request(method, path, body), method)

    def submission(self, path: str, code: str) -> bytes:
        """Return the bytes of a request that carries a code."""
        return self.request("POST", path, {"code": code})

    def submit(self, path: str, code: str) -> Answer:
        return once(self.port, self.submission(path, code))

    def enrol(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.send("POST", path, body)
        assert answer.status == 201, answer.body
        document: dict[str, Any] = answer.document
        return document

    def confirmed(self, factor: str) -> dict[str, Any]:
        """Enrol and confirm. The next valid code is `good_code(…, ahead=1)`."""
        enrolled = self.enrol(factor)
        assert self.submit(f"{factor}/verify", good_code(enrolled)).status == 200
        return enrolled

    def recovery_codes(self) -> list[str]:
        codes: list[str] = self.enrol("recovery-codes")["codes"]
        return codes


def good_code(enrolled: dict[str, Any], ahead: int = 0) -> str:
    """Return a code that is valid now, or some steps ahead. The window accepts it if a step ends in the meantime."""
    first = enrolled["counter"] if "counter" in enrolled else int(time.time()) // enrolled["interval"]
    return pyotp.HOTP(enrolled["secret"], digits=enrolled["digits"]).at(first + ahead)
