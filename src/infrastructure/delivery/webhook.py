"""Codes by webhook: to a receiver of the operator's, who sends them on, by text message for instance.

A receiver gets, by POST, JSON like

    {"code":"492039","to":"+15550100","account_id":"alice","expires_at":"2026-11-22T12:05:00Z"}

where `account_id` is null for a session, and takes it over with any 2xx. Everybody can post that; that it comes from
here is told by two headers. `Open-MFA-Timestamp` is Unix time in seconds. `Open-MFA-Signature` is `v1=` and, in
hexadecimal digits, the HMAC-SHA-256 of the timestamp, a full stop and the body's bytes, under the secret's bytes in
UTF-8. This is how a receiver checks them, before it reads the body:

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
"""Seconds from looking up the receiver's name to the end of its answer's headers."""
LONGEST_RECIPIENT: Final = 254
"""Characters."""
TIMESTAMP: Final = "Open-MFA-Timestamp"
SIGNATURE: Final = "Open-MFA-Signature"

_PORTS: Final = {"https": 443, "http": 80}
_VISIBLE: Final = re.compile(r"[!-~]*")


class Webhook:
    """Posts each code over a connection of its own, once.

    http.client does as it is told and no more: no redirects, retries, proxies or logs. urllib3 would warn of headers
    that can't be read, and repeat them, and with them whatever of the code and the recipient the receiver put there.

    Args:
        url: see `check_url`.
        secret: what the receiver knows us by; should be 32 random characters or more (RFC 2104 section 3).
        clock: for the timestamp.
        authorities: path of a PEM file with the only authorities to trust, None for the system's.
        seconds: for the whole conversation, however slowly the receiver talks.

    Raises:
        ValueError: the URL or the file can't be used, or the secret is empty.
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
        """A URL to post to, as it is.

        Plain http is taken too, for the receiver may stand in the operator's own network; see `is_unencrypted`.

        Raises:
            ValueError: not http or https, no host, or something that has no place in it: user and password, which would
                be no safer than the signature, a fragment, or what is not percent-encoded. The message does not repeat
                the URL, for its path may be a secret.
        """
        _parts(text)
        return text

    @staticmethod
    def is_unencrypted(url: str) -> bool:
        """Whether others can read on the way what is sent to the URL: codes and recipients."""
        parts = _parts(url)
        return parts.scheme == "http" and not parts.address.is_loopback

    def send(self, message: Message) -> None:
        """Returns when the receiver has answered with any 2xx. Raises `DeliveryFailed` when not, or not in time."""
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
                reason = f"the webhook answered {status}"
        # Out here nothing hangs on it that repeats what the receiver answered.
        raise DeliveryFailed(reason)

    def _post(self, body: bytes, headers: dict[str, str]) -> int:
        """The status of the answer, of which nothing but the headers is read."""
        connection = HTTPConnection(*self._parts.address)
        try:
            # A connection that is there already is not made by http.client, which knows no deadline.
            connection.sock = connect(self._parts.address, self._context)
            connection.request("POST", self._parts.target, body, headers)
            with connection.getresponse() as response:
                return response.status
        finally:
            connection.close()


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """What `Open-MFA-Signature` says of these very bytes."""
    return f"v1={hmac.new(secret, timestamp.encode() + b'.' + body, 'sha256').hexdigest()}"


def check_webhook_recipient(text: str) -> str:
    """Return a recipient in the receiver's own terms, a telephone number for instance, as it is.

    Raises:
        ValueError: saying what is wrong; the message does not repeat the recipient.
    """
    if not 1 <= len(text) <= LONGEST_RECIPIENT:
        raise ValueError(f"must have 1 to {LONGEST_RECIPIENT} characters")
    if is_blank(text):
        raise ValueError("must have a visible character")
    if not is_line(text):
        raise ValueError("must have no line break, control character or mark that changes the direction of the text")
    return text


def _body(message: Message) -> bytes:
    return json.dumps(
        {
            "code": message.code.text,
            "to": message.to,
            "account_id": message.owner.account,
            "expires_at": rfc3339(message.expires_at),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


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
        raise ValueError("must have nothing but visible ASCII characters, all others percent-encoded")
    parts = split_url(url, _PORTS, has_user=False)
    address = Address.parse(parts.hosts, _PORTS[parts.scheme])
    query = "" if parts.query is None else f"?{parts.query}"
    return _Parts(parts.scheme, parts.hosts, address, f"{parts.path or '/'}{query}")


def _reason(error: Exception) -> str:
    """What went wrong, for operators; without a word of the receiver's."""
    if not deadline.left():
        return "the webhook did not answer in time"
    match error:
        case ssl.SSLError():
            return "the webhook could not prove who it is, or TLS failed"
        case NameNotResolved():
            return "the name of the webhook's host does not resolve"
        case ConnectionResetError() | BrokenPipeError():
            return "the webhook broke the connection"
        case HTTPException() | ValueError():
            return "the webhook does not speak HTTP as it should"
        case _:
            return "the webhook can't be reached"
