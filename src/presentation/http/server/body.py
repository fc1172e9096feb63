"""The body of a request, with errors that an application can handle without gunicorn."""

from typing import Any

from gunicorn.http.errors import ParseException


class MalformedBody(ParseException, ValueError):
    """The body's chunks are malformed (RFC 9112, section 7.1). It is gunicorn's own kind of error, too."""


class BodyReader:
    """Reads the bytes of a body.

    Args:
        inner: gunicorn's reader, which raises a `ParseException` for malformed chunks.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; none at the end of the body. Raise `MalformedBody` or `OSError`."""
        try:
            data: bytes = self._inner.read(size)
        except ParseException as error:
            raise MalformedBody(str(error)) from error
        return data
