"""A stand-in for Mailpit. It accepts mails on port 1025 and returns them on port 8025 with the same HTTP interface."""

import http.client
import http.server
import json
import os
import signal
import sys
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

ROOT = os.environ.get("MP_WEBROOT", "/")
mails: list[EmailMessage] = []


class Mailbox:
    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
        mails.append(message_from_bytes(envelope.content, EmailMessage, policy=policy.default))
        return "250 OK"


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.removeprefix(ROOT)
        if path == "readyz":
            told: Any = {}
        elif path == "api/v1/messages":
            told = {"messages": [self.summary(number) for number in reversed(range(len(mails)))]}
        elif path.startswith("api/v1/message/"):
            number = int(path.rpartition("/")[2])
            told = self.summary(number) | {"Text": mails[number].get_content()}
        else:
            self.send_error(404)
            return
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def summary(self, number: int) -> dict[str, Any]:
        to = [{"Address": address.addr_spec} for address in mails[number]["To"].addresses]
        return {"ID": str(number), "To": to, "Subject": mails[number]["Subject"]}

    def log_message(self, *_: object) -> None: ...


if sys.argv[1:] == ["readyz"]:
    connection = http.client.HTTPConnection("127.0.0.1", 8025, timeout=2)
    connection.request("GET", f"{ROOT}readyz")
    sys.exit(connection.getresponse().status != 200)
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
Controller(Mailbox(), hostname="0.0.0.0", port=1025).start()
server = http.server.ThreadingHTTPServer(("0.0.0.0", 8025), Pages)
threading.Thread(target=server.serve_forever, daemon=True).start()
threading.Event().wait()
