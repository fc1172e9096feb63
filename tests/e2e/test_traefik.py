"""The parts of the configuration that only Traefik has. test_proxies.py tests the behaviour of all proxies."""

from pathlib import Path

import requests

from tests.e2e.application import Application, heard_in
from tests.e2e.people import COOKIE, Person, token_of
from tests.e2e.proxies import Ports, running, traefik
from tests.support.service import Service


def without_plugin(directory: Path, ports: Ports) -> list[str]:
    """Prepare Traefik with the alternative that dynamic.yml describes."""
    command = traefik(directory, ports)
    dynamic = directory / "dynamic.yml"
    dynamic.write_text(dynamic.read_text().replace("gate, without-cookie]", "gate]"))
    return command


def with_broken_plugin(directory: Path, ports: Ports) -> list[str]:
    command = traefik(directory, ports)
    (source,) = directory.glob("plugins-local/src/withoutcookie/*.go")
    source.write_text("package withoutcookie\n")
    return command


def test_without_the_plugin_the_gate_works_but_the_application_gets_its_cookie(
    application: Application, service: Service, alice: Person
) -> None:
    with running(without_plugin, service.port, application.server_port) as site:
        browser = alice.log_in(site)
        heard = heard_in(browser.get(f"{site}/x", headers={"Remote_User": "root"}, timeout=5).json())

        assert heard.values("Cookie") == [f"{COOKIE}={token_of(browser)}"]
        assert heard.values("Remote-User") == [alice.name]
        assert requests.get(f"{site}/x", timeout=5).status_code == 401


def test_no_request_passes_if_the_plugin_cannot_be_loaded(
    application: Application, service: Service, alice: Person
) -> None:
    with running(with_broken_plugin, service.port, application.server_port) as site:
        browser = alice.log_in(site)
        before = len(application.heard)

        assert {browser.get(f"{site}/x", timeout=5).status_code, requests.get(site, timeout=5).status_code} == {404}
    assert application.heard[before:] == []
