"""The application behind the proxies. It records every request and returns it as JSON."""

import base64
import hashlib
import http.client
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

# By default, http.client refuses more than 100 header fields.
http.client._MAXHEADERS = 1000  # type: ignore[attr-defined] # there is no public setting
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "TRACE", "CONNECT")
# RFC 6455 section 1.3.
SOCKET_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
SOCKET_ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
PAGE = """<!doctype html><html lang="en"><title>The application</title><link rel="icon" href="data:,">
<h1>The application</h1><p id="path">{path}</p><p id="user">{user}</p>
<form method="post" action="/auth/logout"><button>Log out</button></form></html>"""


@dataclass(frozen=True)
class Heard:
    """A request that reached the application."""

    method: str
    path: str
    body: str
    headers: list[list[str]] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        """Return the values of all headers that CGI, WSGI and PHP applications treat as this one (RFC 3875, 4.1.18)."""
        return [value for other, value in self.headers if cgi_name(other) == cgi_name(name)]


def cgi_name(name: str) -> str:
    return "".join(character if character.isalnum() else "_" for character in name.upper())


def heard_in(told: Any) -> Heard:
    """Return the request that the application returned as JSON."""
    return Heard(**told)


class Application(http.server.ThreadingHTTPServer):
    """Serves on a free port. `heard` contains the requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[Heard] = []

    def handle_error(self, *_: object) -> None:
        """Ignore connections that a test closes."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Application

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        heard = Heard(self.command, self.path, body, [list(header) for header in self.headers.items()])
        self.server.heard.append(heard)
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self.upgrade()
            return
        if self.path.startswith("/elsewhere?to="):
            self.send_response(303)
            self.send_header("Location", self.path.partition("=")[2])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        page = self.path.startswith("/page")
        content = PAGE.format(path=self.path, user=", ".join(heard.values("Remote-User"))) if page else ""
        told = (content or json.dumps(asdict(heard))).encode()
        # A path that begins with /own- contains the status of its response.
        self.send_response(int(self.path[5:8]) if self.path.startswith("/own-") else 200)
        self.send_header("Content-Type", "text/html; charset=utf-8" if page else "application/json")
        self.send_header("Set-Cookie", "own=1; Path=/")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(told)

    def upgrade(self) -> None:
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.wfile.write(self.rfile.read(5))
        self.close_connection = True

    def log_message(self, *_: object) -> None: ...


for method in METHODS:
    setattr(_Handler, f"do_{method}", _Handler.answer)


@contextmanager
def serving(server: http.server.HTTPServer) -> Iterator[None]:
    """Serve in a thread until the end of the block."""
    with server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield
        server.shutdown()
