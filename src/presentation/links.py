"""Links between the service's own resources."""

from flask import request


def link(path: str) -> str:
    """Return a path of the service as it stands in a link: below the prefix under which the service runs."""
    return f"{request.environ['SCRIPT_NAME']}{path}"
