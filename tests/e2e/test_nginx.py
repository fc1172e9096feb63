"""The parts of the configuration that only nginx has. test_proxies.py tests the behaviour of all proxies."""

import subprocess
from pathlib import Path

import pytest
import requests

from tests.e2e.application import Application
from tests.e2e.proxies import Ports, nginx, running
from tests.support.service import Service


def test_nginx_accepts_the_configuration_without_a_warning(tmp_path: Path) -> None:
    command = nginx(tmp_path, Ports(8080, 3000, 8000))

    result = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=20, check=False)

    assert (result.returncode, [line for line in result.stderr.splitlines() if "warn" in line]) == (0, []), (
        result.stderr
    )


@pytest.mark.parametrize("path", ["/auth/check", "/auth/check?x", "/auth//check"])
def test_clients_cannot_reach_the_check(application: Application, service: Service, path: str) -> None:
    with running(nginx, service.port, application.server_port) as site:
        assert requests.get(f"{site}{path}", timeout=5).status_code == 404
