"""The HTTP interface of the Docker daemon, over its socket."""

import http.client
import json
import os
import socket
from typing import Any


class _Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["DOCKER_HOST"].removeprefix("unix://"))


def ask(path: str, method: str = "GET") -> Any:
    connection = _Connection("docker")
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status >= 400:
        raise OSError(f"{method} {path}: {answer.status} {body!r}")
    return json.loads(body) if body else None


def containers() -> list[tuple[dict[str, Any], dict[str, str]]]:
    """Return the description and the environment of each running container."""
    found = []
    for each in ask("/containers/json"):
        try:
            about = ask(f"/containers/{each['Id']}/json")
        except OSError:
            continue  # it has ended meanwhile
        found.append((about, dict(line.partition("=")[::2] for line in about["Config"]["Env"] or [])))
    return found


def hang_up(container: str) -> None:
    """Send SIGHUP, so that the process reads its configuration again."""
    ask(f"/containers/{container}/kill?signal=SIGHUP", "POST")
