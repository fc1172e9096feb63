"""The paths of the gate's pages."""

from typing import Final

PAGES: Final = "/auth"
LOGIN: Final = "/auth/login"
LOGOUT: Final = "/auth/logout"
ASSETS: Final = "/auth/assets"
"""The files of the pages are below `/auth/`, too, so that a proxy needs to pass on only this path."""
