"""An open connection to Redis: its socket, and the exchange of commands and responses (RESP 2)."""

import builtins
import errno
import select
import socket
import ssl
import struct
from typing import Any, Final

from hiredis import Reader
from redis.connection import DefaultParser
from redis.exceptions import ConnectionError, InvalidResponse, TimeoutError

from infrastructure.network import deadline

_BUFFER: Final = 16 * 1024
"""Bytes that one read takes: at least the content of a TLS record (RFC 8446, section 5.1).

So a TLS socket never keeps decrypted bytes, which `is_quiet` would not notice.
"""
_PIECE: Final = 16 * 1024
"""Bytes that one write passes on. Each time the server takes some of them, the kernel waits anew for the others."""


class Link:
    """An open socket whose waits end at the deadline. redis-py logs in through it, and `exchange` does the rest.

    redis-py sends and reads one command at a time, through several layers. The exchange of a command costs less than
    half here (ADR 28).

    Args:
        inner: the connected socket.
    """

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        # The time-out of a Python socket costs one more system call for each read and each write, and for each system
        # call a thread gives the interpreter to another one. A TLS socket needs the time-out of Python.
        self._kernel_limits = not isinstance(inner, ssl.SSLSocket)
        self._timeout = -1.0
        self._has_received = False
        if self._kernel_limits:
            inner.settimeout(None)
        self._reader = Reader(protocolError=InvalidResponse, replyError=DefaultParser.parse_error)
        self._buffer = bytearray(_BUFFER)
        self._readable = select.poll()
        self._readable.register(inner, select.POLLIN)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing has arrived beyond the responses. Otherwise the next command could get a wrong response.

        Usually, the server has closed the connection.
        """
        return not self._reader.has_data() and not self._readable.poll(0)

    def exchange(self, packed: bytes, number: int) -> list[Any]:
        """Send packed commands and return their responses. The errors among them are returned, not raised.

        Raises:
            RedisError: the connection can't be used any more.
        """
        responses: list[Any] = []
        try:
            self.sendall(packed)
            while len(responses) < number:
                response = self._reader.gets()
                if response is not False:
                    responses.append(response)
                    continue
                size = self.recv_into(self._buffer)
                if not size:
                    raise ConnectionError("the server has closed the connection")
                self._reader.feed(self._buffer, 0, size)  # type: ignore[arg-type] # it takes any buffer
        except builtins.TimeoutError as error:
            raise TimeoutError("no response in time") from error
        except OSError as error:
            raise ConnectionError("the connection is broken") from error
        return responses

    # For `exchange` and redis-py

    def sendall(self, data: bytes) -> None:
        """Send all bytes. Raise `OSError`, which is a `TimeoutError` at the deadline."""
        self._has_received = False
        try:
            self._set_timeout()
            sent = self._inner.send(data if len(data) <= _PIECE else memoryview(data)[:_PIECE])
            while sent < len(data):
                self._set_timeout(is_further=True)
                sent += self._inner.send(memoryview(data)[sent : sent + _PIECE])
        except BlockingIOError:
            raise builtins.TimeoutError("timed out") from None
        except builtins.TimeoutError:
            raise
        except OSError as error:
            failure = error
        else:
            return
        # Outside of the `except` block, so that the failure is no context of the reason.
        raise self._reason(failure)

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """Receive some bytes. Raise `OSError`, which is a `TimeoutError` at the deadline."""
        self._set_timeout(is_further=self._has_received)
        self._has_received = True
        try:
            return self._inner.recv(bufsize, flags)
        except BlockingIOError:
            raise builtins.TimeoutError("timed out") from None

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Receive some bytes into a buffer. Raise `OSError`, which is a `TimeoutError` at the deadline."""
        self._set_timeout(is_further=self._has_received)
        self._has_received = True
        try:
            return self._inner.recv_into(buffer, nbytes, flags)
        except BlockingIOError:
            raise builtins.TimeoutError("timed out") from None

    def _reason(self, failure: OSError) -> OSError:
        """Return the reason why nothing can be sent: the alert with which the server has ended TLS, or the failure.

        In TLS 1.3, the server checks the certificate of the client after the client's own handshake has ended. The
        first write can then fail although an alert that names the reason has arrived before.
        """
        if not isinstance(self._inner, ssl.SSLSocket):
            return failure
        try:
            self._inner.recv(1)
        except ssl.SSLError as alert:
            return alert
        except OSError:
            pass
        # Python 3.11 raises an SSLError for this, which would be explained as a failed handshake.
        return ConnectionResetError(errno.ECONNRESET, "the connection is broken")

    def _set_timeout(self, is_further: bool = False) -> None:
        """Set the time-out of the next wait. Raise `TimeoutError` if the deadline passed before a further wait.

        The first wait for a command and the first one for its response take a few milliseconds even then. Without the
        error, a server that sends or takes a byte from time to time would be waited for without end.
        """
        timeout = deadline.socket_timeout()
        if is_further and timeout != deadline.SOCKET_TIMEOUT and not deadline.left():
            raise builtins.TimeoutError("timed out")
        # Usually, the time-out is set already.
        if timeout == self._timeout:
            return
        self._timeout = timeout
        if self._kernel_limits:
            limit = struct.pack("@ll", int(timeout), int(timeout % 1 * 1_000_000))
            self._inner.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            self._inner.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        else:
            self._inner.settimeout(timeout)
