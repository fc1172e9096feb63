"""Codes by e-mail, sent by SMTP (RFC 5321)."""

import contextlib
import re
import smtplib
import socket
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import Final

from application.errors import DeliveryFailed
from application.ports.delivery import Message
from domain.errors import InvalidValue
from domain.parameters import check_name
from infrastructure.delivery.mail_address import ENCODED_WORD, Sender, header_text, wire_address
from infrastructure.delivery.mail_texts import MailTexts
from infrastructure.network import deadline
from infrastructure.network.address import Address
from infrastructure.network.errors import NameNotResolved
from infrastructure.network.sockets import connect, tls_context
from infrastructure.network.urls import options_in, split_url

CONVERSATION: Final = 10.0
"""Seconds for a whole conversation, from the resolution of the server's name to its acceptance of the mail."""
_QUIT: Final = 1.0
"""Seconds for the response to QUIT. By then, the server has accepted the mail."""

_PLAIN, _TLS, _STARTTLS = "smtp", "smtps", "smtp+starttls"
_PORTS: Final = {_PLAIN: 25, _TLS: 465, _STARTTLS: 587}
_AUTHORITIES: Final = "ssl_ca_certs"

_HOST_NAME: Final = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")

_REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (smtplib.SMTPSenderRefused, "the mail server refused the sender"),
    (smtplib.SMTPAuthenticationError, "the mail server refused the log-in"),
    (smtplib.SMTPResponseException, "the mail server refused"),
    (smtplib.SMTPServerDisconnected, "the mail server closed the connection"),
    (smtplib.SMTPNotSupportedError, "the mail server lacks a required extension"),
    (smtplib.SMTPException, "the mail server violates SMTP"),
    (ssl.SSLError, "the mail server has no valid certificate, or TLS failed"),
    (NameNotResolved, "the name of the mail server does not resolve"),
    (OSError, "the mail server can't be reached"),
    (Exception, "the mail server violates SMTP"),
)
"""The reasons by type of error. The first type that matches counts."""

# Servers without extensions accept only ASCII in 7 bits. Headers are folded here, so the policy must not fold them.
_POLICY: Final = SMTP.clone(cte_type="7bit", refold_source="none")


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """The mail server.

    Attributes:
        scheme: `smtp` for no TLS, `smtps` for TLS from the start, `smtp+starttls` for TLS by STARTTLS (RFC 3207).
        address: the host and the port.
        user: the user for the log-in; None for no log-in.
        password: the password for the log-in.
        context: the TLS context; None for no TLS.
    """

    scheme: str
    address: Address
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    context: ssl.SSLContext | None = field(default=None, repr=False, compare=False)

    @classmethod
    def parse(cls, url: str) -> "SmtpServer":
        """Read a URL. No connection is made.

        - `smtp://host`, port 25
        - `smtps://host`, port 465 (RFC 8314)
        - `smtp+starttls://host`, port 587 (RFC 6409)

        `user:password@`, percent-encoded, may precede the host, and `:port` may follow it. `?ssl_ca_certs=/path` names
        a PEM file with the only trusted authorities. IPv6 addresses are in brackets.

        Raises:
            ValueError: the reason. The message does not repeat the URL, because it may contain a password.
        """
        parts = split_url(url, _PORTS)
        if parts.path not in {"", "/"}:
            raise ValueError("must have no path after the host, only a ? with options")
        address = Address.parse(parts.hosts, _PORTS[parts.scheme])
        user, password = _login(parts.user, parts.password)
        authorities = _authorities(parts.scheme, parts.query)
        context = None if parts.scheme == _PLAIN else tls_context(authorities)
        return cls(parts.scheme, address, user, password, context)

    @property
    def is_unencrypted(self) -> bool:
        """Whether others can read codes, addresses and the password on their way to the server."""
        return self.context is None and not self.address.is_loopback


class EmailDelivery:
    """Sends each code in its own mail, over its own connection.

    Args:
        server: the mail server.
        sender: see `Sender.parse`.
        texts: the texts of the mail.
        issuer: the name of the service that the code is for.
        seconds: the limit of the whole conversation.

    Raises:
        ValueError: the sender or the issuer is invalid.
    """

    def __init__(
        self, server: SmtpServer, sender: str, texts: MailTexts, issuer: str, *, seconds: float = CONVERSATION
    ) -> None:
        self._server = server
        self._sender = Sender.parse(sender)
        self._texts = texts
        try:
            self._issuer = check_name(issuer)
        except InvalidValue as error:
            raise ValueError(f"the issuer {error}") from None
        if any(ENCODED_WORD in text.render("", issuer, 1).subject for text in texts.by_language.values()):
            raise ValueError(f"neither the subject nor the issuer may contain {ENCODED_WORD}")
        self._seconds = seconds

    def send(self, message: Message) -> None:
        """Return after the server has accepted the mail. Raise `DeliveryFailed` if it does not, or not in time."""
        try:
            recipient = wire_address(message.to)
        except ValueError as error:
            raise DeliveryFailed(f"the recipient {error}") from None
        mail = self._mail(message, recipient)
        with deadline.paused(), deadline.within(self._seconds):
            try:
                self._deliver(mail, recipient)
            except (OSError, ValueError) as error:
                reason = _reason(error)
            else:
                return
        # Outside of the `except` block, so that the error has no context: responses of servers repeat the recipient.
        raise DeliveryFailed(reason)

    def _deliver(self, mail: EmailMessage, recipient: str) -> None:
        server = self._server
        conversation = _Conversation(server)
        try:
            if server.scheme == _STARTTLS:
                # This raises if the server does not offer or refuses STARTTLS, and then nothing is sent.
                conversation.starttls(context=server.context)
            if server.user is not None:
                conversation.login(server.user, server.password or "")
            conversation.send_message(mail, self._sender.address, [recipient])
        finally:
            conversation.end()

    def _mail(self, message: Message, recipient: str) -> EmailMessage:
        minutes = -(-(message.expires_at - message.issued_at) // 60)
        subject, body = self._texts.of(message.language).render(message.code.text, self._issuer, minutes)
        mail = EmailMessage(_POLICY)
        mail.set_raw("Subject", header_text(subject))
        mail.set_raw("From", self._sender.header)
        mail.set_raw("To", recipient)
        mail["Date"] = format_datetime(datetime.fromtimestamp(message.issued_at, UTC))
        # Without a domain, `make_msgid` would ask the resolver, which has no time-out.
        mail["Message-ID"] = make_msgid(domain=self._sender.address.rpartition("@")[2])
        # Prevents out-of-office replies (RFC 3834, section 5.1).
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(body, charset="utf-8")
        return mail


class _Conversation(smtplib.SMTP):
    """smtplib's client over a connection that keeps to the deadline."""

    def __init__(self, server: SmtpServer) -> None:
        context = server.context if server.scheme == _TLS else None
        self._connection = connect(server.address, context)
        # STARTTLS requires a certificate for this host.
        super().__init__(*server.address, local_hostname=_own_name(self._connection))

    def connect(self, *_: object, **__: object) -> tuple[int, bytes]:
        """Use the current connection."""
        self.sock, self.file = self._connection, None
        return self.getreply()

    def end(self) -> None:
        """Send QUIT and wait for the response (RFC 5321, section 4.1.1.10). The result does not depend on it."""
        with deadline.within(_QUIT), contextlib.suppress(OSError, ValueError):
            self.quit()
        self.close()


def _login(user: str | None, password: str | None) -> tuple[str | None, str | None]:
    if user is None:
        return None, None
    # smtplib can't send other characters.
    if not (user and all(part.isascii() and part.isprintable() for part in (user, password or ""))):
        raise ValueError("must have user:password before the @, in printable ASCII and percent-encoded")
    return user, password or ""


def _authorities(scheme: str, query: str | None) -> str | None:
    if query is None:
        return None
    try:
        options = dict(options_in(query))
    except ValueError:
        options = {}
    if scheme == _PLAIN or list(options) != [_AUTHORITIES]:
        raise ValueError(f"only {_AUTHORITIES}=/path may follow a ?, and only in a URL with TLS")
    return options[_AUTHORITIES]


def _own_name(connection: socket.socket) -> str:
    """Return the name of this machine for EHLO, or its address if it has no full name (RFC 5321, section 4.1.4).

    smtplib would ask the resolver, which has no time-out.
    """
    name = socket.gethostname()
    if _HOST_NAME.fullmatch(name):
        return name
    address = connection.getsockname()[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _reason(error: Exception) -> str:
    """Return the reason of a failure for operators. Of the server's response, it contains only the reply code."""
    if not deadline.left():
        return "the mail server did not accept the mail in time"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        ((refusal, _),) = error.recipients.values()
        return f"the mail server refused the recipient with {refusal}"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        # The message is smtplib's own and contains no text of the server.
        for extension in ("STARTTLS", "SMTPUTF8", "AUTH"):
            if extension in str(error):
                return f"the mail server does not offer {extension}, which is required"
    code = f" with {error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else ""
    return next(reason for kind, reason in _REASONS if isinstance(error, kind)) + code
