"""The format of log lines that the settings and the terminal select."""

import os
import sys

from infrastructure.observability.formats import LineFormat, line_format
from infrastructure.settings import Settings


def selected_format(settings: Settings) -> LineFormat:
    """Return the format of the lines that this process writes to stderr."""
    # Only JSON lines have codes.
    setting = settings.log.format if settings.audit.key is None else "json"
    return line_format(setting, development=settings.development, stream=sys.stderr, environ=os.environ)
