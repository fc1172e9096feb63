"""The mail server and the webhook to which the real service sends codes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.infrastructure.delivery.servers import Mailbox, Receiver, mail_server, read
from tests.service.accounts import KEYS, Account
from tests.service.sessions import Session
from tests.service.wire import Answer
from tests.support.redis_server import RedisServer
from tests.support.service import Service

SECRET = "the secret that the webhook knows us by"
SENDER = "Open-MFA <mfa@example.com>"


class Hook:
    """The answer of the webhook."""

    def __init__(self) -> None:
        self.answer = b""
        self.reset()

    def reset(self) -> None:
        self.answer = b"HTTP/1.1 204 No Content\r\n\r\n"

    def __call__(self, _body: bytes) -> bytes:
        return self.answer


class World:
    """The service, the mail server and the webhook."""

    def __init__(self, service: Service, mailbox: Mailbox, receiver: Receiver, hook: Hook) -> None:
        self.service = service
        self.mailbox = mailbox
        self.receiver = receiver
        self.hook = hook

    def reset(self) -> None:
        self.mailbox.taken.clear()
        self.mailbox.responses.clear()
        self.receiver.requests.clear()
        self.hook.reset()

    def refuse(self) -> None:
        self.mailbox.responses["DATA"] = "554 no such luck"
        self.hook.answer = b"HTTP/1.1 500 Oops\r\n\r\n"

    def account(self) -> Account:
        return Account(self.service.port)

    def arrived(self, channel: str) -> list[str]:
        """The delivered codes, including refused ones."""
        if channel == "webhook":
            return [request.json()["code"] for request in self.receiver.requests]
        lines = [read(envelope).get_content().splitlines() for envelope in self.mailbox.taken]
        return [line for mail in lines for line in mail if line.isdigit()]


@contextmanager
def open_world(redis_server: RedisServer) -> Iterator[World]:
    """Start the mail server, the webhook and a service that delivers to them."""
    mailbox, hook = Mailbox(), Hook()
    with mail_server(mailbox) as port, Receiver(raw=hook) as receiver:
        settings = {
            "OPEN_MFA_REDIS_URL": redis_server.url,
            "OPEN_MFA_LOG_LEVEL": "DEBUG",
            "OPEN_MFA_SMTP_URL": f"smtp://127.0.0.1:{port}",
            "OPEN_MFA_MAIL_FROM": SENDER,
            "OPEN_MFA_WEBHOOK_URL": receiver.url,
            "OPEN_MFA_WEBHOOK_SECRET": SECRET,
            "WEB_CONCURRENCY": "2",
            "THREADS": "8",
        }
        with Service(**settings, **KEYS) as service:
            yield World(service, mailbox, receiver, hook)


def issue(owner: Account | Session, channel: str, to: str, **body: Any) -> Answer:
    return owner.send("POST", "otp", {"delivery": {"channel": channel, "to": to}, **body})


CHANNELS = pytest.mark.parametrize("channel", ["email", "webhook"])
