"""The handlers that show QR codes."""

from collections.abc import Sequence
from typing import Final

from flask import Response, request

from application.ports.qr_code import QrFormat
from application.reading import QrRequest, ShowQrCode
from domain.owner import Owner
from presentation.http.factors.identity import Identify
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import MEDIA_TYPE, Problem
from presentation.http.framework.responses import JSON

OCTETS: Final = "application/octet-stream"
"""The media type for clients that know no media types of pictures."""


class PictureHandlers:
    """Show the QR code of a pending credential, or of its replacement."""

    def __init__(self, identify: Identify, show: ShowQrCode, *, replacement: bool = False) -> None:
        self._identify = identify
        self._show = show
        self._replacement = replacement

    def negotiated(self, owner: Owner) -> Response:
        """Show the QR code in the format that the request prefers."""
        media_type = _negotiated_media_type()
        return self._respond(owner, QrFormat.PNG if media_type == OCTETS else QrFormat(media_type), media_type)

    def svg(self, owner: Owner) -> Response:
        """Show the QR code as SVG."""
        return self._in(owner, QrFormat.SVG)

    def png(self, owner: Owner) -> Response:
        """Show the QR code as PNG."""
        return self._in(owner, QrFormat.PNG)

    def _in(self, owner: Owner, picture: QrFormat) -> Response:
        return self._respond(owner, picture, acceptable((picture, OCTETS)) or picture)

    def _respond(self, owner: Owner, picture: QrFormat, media_type: str) -> Response:
        image = self._show.execute(QrRequest(self._identify(owner), picture, self._replacement))
        response = Response(image, mimetype=media_type)
        response.vary.add("Accept")
        return response


def require_acceptable() -> None:
    """Raise a problem if the request accepts no format of a QR code."""
    _negotiated_media_type()


def _negotiated_media_type() -> str:
    media_type = acceptable((*QrFormat, OCTETS))
    if media_type is None:
        raise Problem(Problems.NOT_ACCEPTABLE)
    return media_type


def acceptable(media_types: Sequence[str]) -> str | None:
    """Return the media type that the Accept header prefers (RFC 9110, section 12.5.1); None if it accepts none of them.

    Without a preference, this returns the first one. The same holds for a client that accepts problem documents or JSON
    but none of the media types: some generated clients send a header that names only the media type of errors.
    """
    header = request.accept_mimetypes
    best = header.best_match(media_types) if header else media_types[0]
    if best is None and (header.quality(MEDIA_TYPE) or header.quality(JSON)):
        return media_types[0]
    return best
