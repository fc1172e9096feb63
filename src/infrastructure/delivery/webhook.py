"""Codes by webhook: the operator's receiver sends them on, for instance by text message.

A receiver gets a `POST` request with JSON such as

    {"code":"492039","to":"+15550100","tenant":"shop","account_id":"alice","expires_at":"2026-11-22T12:05:00Z"}

`tenant` and `account_id` are null for a session. If the request names the language of the person, `language` contains
its tag. Any 2xx status accepts the code. Two headers prove the origin of the request.
`Open-MFA-Timestamp` is Unix time in seconds. `Open-MFA-Signature` is `v1=` and the HMAC-SHA-256, in hexadecimal digits,
of the timestamp, a full stop and the bytes of the body. The key is the secret in UTF-8. A receiver checks the headers
before it reads the body:

    def is_genuine(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
        timestamp, signature = headers["Open-MFA-Timestamp"], headers["Open-MFA-Signature"]
        signed = timestamp.encode() + b"." + body
        expected = "v1=" + hmac.new(secret.encode(), signed, "sha256").hexdigest()
        is_recent = abs(time.time() - int(timestamp)) <= 300
        return hmac.compare_digest(signature.encode(), expected.encode()) and is_recent
"""

import hmac
import json
import re
import ssl
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Final, NamedTuple

from application.errors import DeliveryFailed
from application.ports.clock import Clock
from application.ports.delivery import Message
from application.timestamps import rfc3339
from domain.characters import is_blank, is_line
from infrastructure.network import deadline
from infrastructure.network.address import Address
from infrastructure.network.errors import NameNotResolved
from infrastructure.network.sockets import connect, tls_context
from infrastructure.network.urls import split_url

CONVERSATION: Final = 5.0
"""Seconds from the resolution of the receiver's name to the end of its response headers."""
LONGEST_RECIPIENT: Final = 254
"""Characters."""
TIMESTAMP: Final = "Open-MFA-Timestamp"
SIGNATURE: Final = "Open-MFA-Signature"

_PORTS: Final = {"https": 443, "http": 80}
_VISIBLE: Final = re.compile(r"[!-~]*")


class Webhook:
    """Posts each code once, over its own connection.

    http.client follows no redirects, retries nothing, and uses no proxy and no log. urllib3 would log invalid response
    headers, which may repeat the code and the recipient.

    Args:
        url: see `check_url`.
        secret: the key of the signature. It should have at least 32 random characters (RFC 2104, section 3).
        clock: the clock of the timestamp.
        authorities: the path of a PEM file with the only trusted authorities; None for the system's.
        seconds: the limit of the whole conversation.

    Raises:
        ValueError: the URL or the file is unusable, or the secret is empty.
    """

    def __init__(
        self, url: str, secret: str, clock: Clock, *, authorities: str | None = None, seconds: float = CONVERSATION
    ) -> None:
        if not secret:
            raise ValueError("the secret must not be empty")
        self._parts = _parts(url)
        self._context = tls_context(authorities) if self._parts.scheme == "https" else None
        self._secret = secret.encode()
        self._clock = clock
        self._seconds = seconds

    @staticmethod
    def check_url(text: str) -> str:
        """Return the URL as it is.

        Plain http is allowed, because the receiver may be in the operator's own network; see `is_unencrypted`.

        Raises:
            ValueError: the scheme is neither http nor https, there is no host, or there is a user, a password, a
                fragment or a character that is not percent-encoded. (A password would not be safer than the signature.)
                The message does not repeat the URL, because its path may be a secret.
        """
        _parts(text)
        return text

    @staticmethod
    def is_unencrypted(url: str) -> bool:
        """Return whether others can read codes and recipients on their way to the URL."""
        parts = _parts(url)
        return parts.scheme == "http" and not parts.address.is_loopback

    def send(self, message: Message) -> None:
        """Return after the receiver has responded with a 2xx status. Raise `DeliveryFailed` if it does not in time."""
        body = _body(message)
        timestamp = str(self._clock.now())
        headers = {
            "Host": self._parts.host,
            "Content-Type": "application/json",
            "User-Agent": "Open-MFA",
            "Connection": "close",
            TIMESTAMP: timestamp,
            SIGNATURE: signature(self._secret, timestamp, body),
        }
        with deadline.paused(), deadline.within(self._seconds):
            try:
                status = self._post(body, headers)
            except (OSError, HTTPException, ValueError) as error:
                reason = _reason(error)
            else:
                if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
                    return
                reason = f"the webhook responded with status {status}"
        # Outside of the `except` block, so that the error has no context, which may repeat the response.
        raise DeliveryFailed(reason)

    def _post(self, body: bytes, headers: dict[str, str]) -> int:
        """Return the status of the response. Its body is not read."""
        connection = HTTPConnection(*self._parts.address)
        try:
            # http.client opens no connection if it has one. A connection of its own would not keep to the deadline.
            connection.sock = connect(self._parts.address, self._context)
            connection.request("POST", self._parts.target, body, headers)
            with connection.getresponse() as response:
                return response.status
        finally:
            connection.close()


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """Return the value of `Open-MFA-Signature` for these bytes."""
    return f"v1={hmac.new(secret, timestamp.encode() + b'.' + body, 'sha256').hexdigest()}"


def check_webhook_recipient(text: str) -> str:
    """Return a recipient as it is, such as a telephone number. Only the receiver knows its meaning.

    Raises:
        ValueError: the reason. The message does not repeat the recipient.
    """
    if not 1 <= len(text) <= LONGEST_RECIPIENT:
        raise ValueError(f"must have 1 to {LONGEST_RECIPIENT} characters")
    if is_blank(text):
        raise ValueError("must have a visible character")
    if not is_line(text):
        raise ValueError("must have no line break, control character or mark that changes the direction of the text")
    return text


def _body(message: Message) -> bytes:
    members = {
        "code": message.code.text,
        "to": message.to,
        "tenant": message.owner.tenant,
        "account_id": message.owner.account,
        "expires_at": rfc3339(message.expires_at),
    }
    if message.language is not None:
        members["language"] = message.language
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()


class _Parts(NamedTuple):
    """The parts of a URL for a request.

    Attributes:
        scheme: `https` or `http`.
        host: the host and the port as written, for the Host header.
        address: the host and the port, for the connection.
        target: the path and the query, for the request line.
    """

    scheme: str
    host: str
    address: Address
    target: str


def _parts(url: str) -> _Parts:
    if not _VISIBLE.fullmatch(url):
        raise ValueError("must have only visible ASCII characters; percent-encode all others")
    parts = split_url(url, _PORTS, has_user=False)
    address = Address.parse(parts.hosts, _PORTS[parts.scheme])
    query = "" if parts.query is None else f"?{parts.query}"
    return _Parts(parts.scheme, parts.hosts, address, f"{parts.path or '/'}{query}")


def _reason(error: Exception) -> str:
    """Return the reason of a failure for operators. It contains no text of the receiver."""
    if not deadline.left():
        return "the webhook did not respond in time"
    match error:
        case ssl.SSLError():
            return "the webhook has no valid certificate, or TLS failed"
        case NameNotResolved():
            return "the name of the webhook's host does not resolve"
        case ConnectionResetError() | BrokenPipeError():
            return "the webhook closed the connection"
        case HTTPException() | ValueError():
            return "the webhook violates HTTP"
        case _:
            return "the webhook can't be reached"
