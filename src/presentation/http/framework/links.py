"""Links between the service's own resources."""

from flask import request


def link(path: str) -> str:
    """Return the target of a link: a path of the service, with the prefix below which the service runs."""
    return f"{request.environ['SCRIPT_NAME']}{path}"
