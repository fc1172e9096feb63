"""A session of the real service, over raw sockets."""

import time
from collections.abc import Iterator
from typing import Any

from tests.service.wire import Answer, once, request
from tests.support.authenticator import hotp_codes

RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""RFC 4226 appendix D."""
FACTORS = ("otp", "hotp", "totp")


class Session:
    """The client with the session's cookie. `enrol` starts the session."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.headers: dict[str, str] = {}

    def enrol(self, factor: str, **body: Any) -> dict[str, Any]:
        answer = self.send("POST", factor, body)
        assert answer.status == 201, answer.body
        self.headers = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
        document: dict[str, Any] = answer.document
        return document

    def good_codes(self, factor: str, **body: Any) -> Iterator[str]:
        """Enrol, and yield codes that are valid in this order. For `otp`, there is only one."""
        enrolled = self.enrol(factor, **body)
        match factor:
            case "otp":
                yield enrolled["code"]
            case "hotp":
                yield from hotp_codes(enrolled["secret"], enrolled["counter"])
            case _:
                # The window accepts a code whose step has ended before it reaches the service.
                yield from hotp_codes(enrolled["secret"], int(time.time()) // enrolled["interval"])

    def verification(self, factor: str, code: str) -> bytes:
        return self.request("POST", f"{factor}/verify", {"code": code})

    def request(self, method: str, path: str = "", body: Any = None) -> bytes:
        """Return the bytes of a request."""
        return request(method, f"/api/v1/session/{path}".rstrip("/"), body, self.headers)

    def send(self, method: str, path: str = "", body: Any = None) -> Answer:
        return once(self.port, self.request(method, path, body), method)


def wrong(good: str) -> str:
    """Return a different code of the same length."""
    return f"{(int(good) + 1) % 10 ** len(good):0{len(good)}d}"
