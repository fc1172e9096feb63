"""The files of the pages: our own, and those of Swagger UI.

flasgger contains Swagger UI 3.28 of 2020, which has known vulnerabilities. Another package contains a current one.
"""

from functools import cache
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Final

from flask import Response, send_from_directory

_OF_SWAGGER_UI: Final = ("swagger-ui.css", "swagger-ui-bundle.js")
_OWN: Final = Path(str(files("presentation.http"))) / "assets"
_SWAGGER_UI: Final = Path(str(files("flask_swagger_ui"))) / "dist"


def asset(name: str) -> Response:
    """Return a file. A browser may cache it but must revalidate it, because the page may be of a newer version.

    Raises:
        NotFound: there is no such file.
    """
    folder = _SWAGGER_UI if name in _OF_SWAGGER_UI else _OWN
    response = send_from_directory(folder, name)
    response.close()
    response.direct_passthrough = False
    if response.status_code == HTTPStatus.OK:
        # Slow clients share one copy of the file in memory.
        response.response = [_content(folder / name)]
    else:
        # The client has this version of the file already, or a precondition of the request failed.
        response.set_data(b"")
    response.headers.pop("Accept-Ranges", None)
    return response


@cache
def _content(path: Path) -> bytes:
    return path.read_bytes()
