"""Codes by e-mail, over SMTP (RFC 5321)."""

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
from infrastructure.delivery.mail_template import Template
from infrastructure.network import deadline
from infrastructure.network.address import Address
from infrastructure.network.errors import NameNotResolved
from infrastructure.network.sockets import connect, tls_context
from infrastructure.network.urls import options_in, split_url

CONVERSATION: Final = 10.0
"""Seconds for a whole conversation, from looking up the server's name to its word that it has the mail."""
_FAREWELL: Final = 1.0
"""Seconds to wait for the answer to QUIT, by when the mail is out of our hands already."""

_PLAIN, _TLS, _STARTTLS = "smtp", "smtps", "smtp+starttls"
_PORTS: Final = {_PLAIN: 25, _TLS: 465, _STARTTLS: 587}
_AUTHORITIES: Final = "ssl_ca_certs"

_HOST_NAME: Final = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")

_REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (smtplib.SMTPSenderRefused, "the mail server refused the sender"),
    (smtplib.SMTPAuthenticationError, "the mail server refused the login"),
    (smtplib.SMTPResponseException, "the mail server refused"),
    (smtplib.SMTPServerDisconnected, "the mail server broke the connection"),
    (smtplib.SMTPNotSupportedError, "the mail server lacks an extension that is needed"),
    (smtplib.SMTPException, "the mail server does not speak SMTP as it should"),
    (ssl.SSLError, "the mail server could not prove who it is, or TLS failed"),
    (NameNotResolved, "the name of the mail server does not resolve"),
    (OSError, "the mail server can't be reached"),
    (Exception, "the mail server does not speak SMTP as it should"),
)
"""The most special one first."""

# Nothing but ASCII in 7 bits goes to servers that have not offered more.
# What is folded already is not folded once more.
_POLICY: Final = SMTP.clone(cte_type="7bit", refold_source="none")


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """The server that takes over the mail.

    Attributes:
        scheme: `smtp` for no TLS, `smtps` for TLS from the start, `smtp+starttls` for TLS by STARTTLS (RFC 3207).
        address: the host and the port.
        user: the user for the log-in; None for no log-in.
        password: the password for the log-in.
        context: how TLS is done, None for no TLS.
    """

    scheme: str
    address: Address
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    context: ssl.SSLContext | None = field(default=None, repr=False, compare=False)

    @classmethod
    def parse(cls, url: str) -> "SmtpServer":
        """Takes a URL apart; no connection is made.

        - `smtp://host`, port 25
        - `smtps://host`, port 465 (RFC 8314)
        - `smtp+starttls://host`, port 587 (RFC 6409)

        `user:password@`, percent-encoded, may stand before the host, `:port` after it. `?ssl_ca_certs=/path` names a
        PEM file with the only authorities to trust. IPv6 addresses stand in brackets.

        Raises:
            ValueError: saying what is wrong; the message does not repeat the URL, for it may hold a password.
        """
        parts = split_url(url, _PORTS)
        if parts.path not in {"", "/"}:
            raise ValueError("must have nothing but a ? with options behind the host")
        address = Address.parse(parts.hosts, _PORTS[parts.scheme])
        user, password = _login(parts.user, parts.password)
        authorities = _authorities(parts.scheme, parts.query)
        context = None if parts.scheme == _PLAIN else tls_context(authorities)
        return cls(parts.scheme, address, user, password, context)

    @property
    def is_unencrypted(self) -> bool:
        """Whether others can read on the way what is sent there: codes, addresses and the password."""
        return self.context is None and not self.address.is_loopback


class EmailDelivery:
    """Sends each code in a mail of its own, over a connection of its own.

    Args:
        server: who takes over the mail.
        sender: see `Sender.parse`.
        text: what the mail says.
        issuer: whose code it is, for people.
        seconds: for the whole conversation, however slowly the server talks.

    Raises:
        ValueError: the sender or the issuer is none.
    """

    def __init__(
        self, server: SmtpServer, sender: str, text: Template, issuer: str, *, seconds: float = CONVERSATION
    ) -> None:
        self._server = server
        self._sender = Sender.parse(sender)
        self._text = text
        try:
            self._issuer = check_name(issuer)
        except InvalidValue as error:
            raise ValueError(f"the issuer {error}") from None
        if ENCODED_WORD in text.render("", issuer, 1).subject:
            raise ValueError(f"neither the subject nor the issuer may have {ENCODED_WORD}")
        self._seconds = seconds

    def send(self, message: Message) -> None:
        """Returns when the server has the mail. Raises `DeliveryFailed` when it does not, or not in time."""
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
        # Out here nothing hangs on it that repeats the recipient, as servers like to do in what they answer.
        raise DeliveryFailed(reason)

    def _deliver(self, mail: EmailMessage, recipient: str) -> None:
        server = self._server
        conversation = _Conversation(server)
        try:
            if server.scheme == _STARTTLS:
                # Raises where it is not offered or refused: there is no way on without it.
                conversation.starttls(context=server.context)
            if server.user is not None:
                conversation.login(server.user, server.password or "")
            conversation.send_message(mail, self._sender.address, [recipient])
        finally:
            conversation.end()

    def _mail(self, message: Message, recipient: str) -> EmailMessage:
        minutes = -(-(message.expires_at - message.issued_at) // 60)
        subject, body = self._text.render(message.code.text, self._issuer, minutes)
        mail = EmailMessage(_POLICY)
        mail.set_raw("Subject", header_text(subject))
        mail.set_raw("From", self._sender.header)
        mail.set_raw("To", recipient)
        mail["Date"] = format_datetime(datetime.fromtimestamp(message.issued_at, UTC))
        # Without a domain it would be asked of the resolver, for as long as that likes.
        mail["Message-ID"] = make_msgid(domain=self._sender.address.rpartition("@")[2])
        # RFC 3834 section 5.1: no out-of-office notice should come back.
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(body, charset="utf-8")
        return mail


class _Conversation(smtplib.SMTP):
    """smtplib's side of SMTP, over a connection that keeps to the deadline."""

    def __init__(self, server: SmtpServer) -> None:
        context = server.context if server.scheme == _TLS else None
        self._connection = connect(server.address, context)
        # The host is what STARTTLS demands a certificate for.
        super().__init__(*server.address, local_hostname=_own_name(self._connection))

    def connect(self, *_: object, **__: object) -> tuple[int, bytes]:
        """Over the connection that there is already."""
        self.sock, self.file = self._connection, None
        return self.getreply()

    def end(self) -> None:
        """RFC 5321 section 4.1.1.10 asks for QUIT, and to wait for its answer; nothing depends on what that is."""
        with deadline.within(_FAREWELL), contextlib.suppress(OSError, ValueError):
            self.quit()
        self.close()


def _login(user: str | None, password: str | None) -> tuple[str | None, str | None]:
    if user is None:
        return None, None
    # smtplib can't write anything else.
    if not (user and all(part.isascii() and part.isprintable() for part in (user, password or ""))):
        raise ValueError("must have user:password, in printable ASCII and percent-encoded, before the @")
    return user, password or ""


def _authorities(scheme: str, query: str | None) -> str | None:
    if query is None:
        return None
    try:
        options = dict(options_in(query))
    except ValueError:
        options = {}
    if scheme == _PLAIN or list(options) != [_AUTHORITIES]:
        raise ValueError(f"only {_AUTHORITIES}=/path may follow a ?, and only where there is TLS")
    return options[_AUTHORITIES]


def _own_name(connection: socket.socket) -> str:
    """What to call ourselves: RFC 5321 section 4.1.4 takes an address where there is no name.

    smtplib would ask the resolver, for as long as that likes.
    """
    name = socket.gethostname()
    if _HOST_NAME.fullmatch(name):
        return name
    address = connection.getsockname()[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _reason(error: Exception) -> str:
    """What went wrong, for operators; without a word of the server's but its reply code."""
    if not deadline.left():
        return "the mail server did not take the mail over in time"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        ((refusal, _),) = error.recipients.values()
        return f"the mail server refused the recipient with {refusal}"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        # The message is smtplib's own and repeats nothing of the server.
        for extension in ("STARTTLS", "SMTPUTF8", "AUTH"):
            if extension in str(error):
                return f"the mail server does not offer {extension}, which is needed"
    code = f" with {error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else ""
    return next(reason for kind, reason in _REASONS if isinstance(error, kind)) + code
