"""A check that the service can listen on the address in its settings."""

import errno
import os
import socket
from dataclasses import replace
from typing import Final

from infrastructure.network.address import is_ip_address
from infrastructure.settings.groups.server import LOOPBACK
from infrastructure.settings.loading import SettingsError
from infrastructure.settings.settings import Settings

_HOST_HINT: Final = f"Another tool, such as conda, may have set HOST: unset it, or set it to {LOOPBACK}."


def checked_address(settings: Settings) -> Settings:
    """Return the settings with an address on which the service can listen.

    Some tools set HOST for their own purposes: conda sets it to a platform such as x86_64-conda-linux-gnu. So in
    development, the default replaces a name that does not lead to this machine, with a notice.

    Raises:
        SettingsError: the service cannot listen there. gunicorn would try five times and write many lines.
    """
    server = settings.server
    problem = _problem_of(server.host, server.port)
    if problem is None:
        return settings
    name, why = problem
    if name == "HOST" and not is_ip_address(server.host):
        why = f"{why} {_HOST_HINT}"
        if settings.development and _problem_of(LOOPBACK, server.port) is None:
            notice = (
                f"HOST leads to no address of this machine, so development mode listens on {LOOPBACK}. {_HOST_HINT}"
            )
            return replace(settings, server=replace(server, host=LOOPBACK)).with_notices(notice)
    raise SettingsError({name: [why]})


def _problem_of(host: str, port: int) -> tuple[str, str] | None:
    """Try to listen. Return the variable that prevents it and the reason, None if it works."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (socket.gaierror, UnicodeError):
        return "HOST", "Must be an address of this machine, or a name that leads to one."
    except OSError as error:
        name = "HOST" if error.errno == errno.EADDRNOTAVAIL else "PORT"
        return name, f"The service cannot listen on {host}, port {port}: {os.strerror(error.errno or 0)}."
    return None
