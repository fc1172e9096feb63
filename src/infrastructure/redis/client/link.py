"""An open connection to Redis: its socket, and the exchange of commands and responses (RESP 2)."""

import builtins
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
"""Bytes that one read takes."""


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
        """Whether nothing has arrived since the last exchange. Otherwise the server has closed the connection."""
        return not self._readable.poll(0)

    def exchange(self, packed: bytes, number: int) -> list[Any]:
        """Send packed commands and return their responses. The errors among them are returned, not raised.

        Raises:
            RedisError: the connection is of no more use.
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
        self._set_timeout()
        try:
            self._inner.sendall(data)
        except BlockingIOError:
            raise builtins.TimeoutError("timed out") from None

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """Receive some bytes. Raise `OSError`, which is a `TimeoutError` at the deadline."""
        self._set_timeout()
        try:
            return self._inner.recv(bufsize, flags)
        except BlockingIOError:
            raise builtins.TimeoutError("timed out") from None

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Receive some bytes into a buffer. Raise `OSError`, which is a `TimeoutError` at the deadline."""
        self._set_timeout()
        try:
            return self._inner.recv_into(buffer, nbytes, flags)
        except BlockingIOError:
            raise builtins.TimeoutError("timed out") from None

    def _set_timeout(self) -> None:
        # Usually, the time-out is set already.
        timeout = deadline.socket_timeout()
        if timeout == self._timeout:
            return
        self._timeout = timeout
        if self._kernel_limits:
            limit = struct.pack("@ll", int(timeout), int(timeout % 1 * 1_000_000))
            self._inner.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            self._inner.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        else:
            self._inner.settimeout(timeout)
