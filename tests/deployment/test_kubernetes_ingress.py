"""The Ingresses and the gate of `deploy/kubernetes`, as a real Traefik reads them from a stand-in for the API.

Traefik reads both the Ingresses for Traefik and those for ingress-nginx, because it supports the annotations of both.
"""

import html
import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from tests.conftest import require_redis_server
from tests.deployment.ingress import ADDRESS, APPLICATION, PROVIDERS, SERVICE, Visitor, traefik
from tests.deployment.manifests import environment, rendered, secret_of_the_guide
from tests.deployment.pod import Pod
from tests.deployment.test_kubernetes import NOT_PUBLIC
from tests.e2e.application import Application, heard_in, serving
from tests.e2e.people import Person
from tests.service.accounts import KEYS
from tests.support.processes import free_port, wait_until
from tests.support.redis_server import RedisServer


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    server = Application()
    with serving(server):
        yield server


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """Run the service with the variables of production and a gate for the accounts of a tenant."""
    require_redis_server()
    directory = tmp_path_factory.mktemp("pod")
    secret = secret_of_the_guide("Install it in production", directory) | KEYS
    with RedisServer() as redis:
        secret |= {"OPEN_MFA_REDIS_URL": redis.url, "OPEN_MFA_GATE_SECRET": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}
        # This Redis has no replica.
        own = {"OPEN_MFA_GATE_TENANT": "shop", "OPEN_MFA_REDIS_WAIT": "0", "OPEN_MFA_RATE_LIMIT": "off"}
        with Pod(directory, environment(rendered("overlays/production"), secret) | own) as running:
            yield running


@pytest.fixture(scope="module")
def alice(pod: Pod) -> Person:
    return Person(pod, "alice@example.com")


@pytest.fixture(scope="module", params=PROVIDERS)
def controller(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def visited(
    controller: str, pod: Pod, application: Application, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visitor]:
    directory = tmp_path_factory.mktemp("traefik")
    with traefik(controller, pod.port, application.server_port, directory) as visitor:
        yield visitor


@pytest.fixture
def visitor(visited: Visitor) -> Visitor:
    return Visitor(visited.port, visited.certificate)


def test_the_gate_lets_a_person_through_after_a_log_in(
    visitor: Visitor, alice: Person, application: Application
) -> None:
    before = len(application.heard)
    refused = visitor.request(APPLICATION, "/x?a=b&c", Accept="text/html", Remote_User="root")
    assert refused.status in {302, 303}
    location = urlsplit(refused.headers["Location"])
    assert (location.netloc or APPLICATION, location.path) == (APPLICATION, "/auth/login")

    page = visitor.request(APPLICATION, f"{location.path}?{location.query}", Accept="text/html")
    assert page.status == 200
    assert len(application.heard) == before
    (return_to,) = re.findall(r'name="return_to" value="([^"]+)"', page.data.decode())
    assert html.unescape(return_to) == "/x?a=b&c"

    form = urlencode({"account": alice.name, "code": alice.code(), "return_to": html.unescape(return_to)})
    entered = visitor.request(APPLICATION, "/auth/login", form)
    assert (entered.status, entered.headers["Location"]) == (303, "/x?a=b&c")

    heard = heard_in(json.loads(visitor.request(APPLICATION, "/x?a=b&c", Remote_User="root").data))
    assert heard.path == "/x?a=b&c"
    assert heard.values("Remote-User") == [alice.name]


def test_a_program_without_a_log_in_reaches_nothing(visitor: Visitor, application: Application) -> None:
    before = len(application.heard)
    for path in ("/", "/x", "/authx", "//x", "/%61uth/../x", "/auth/../x"):
        answer = visitor.request(APPLICATION, path, Cookie_="", Remote_User="root")
        assert answer.status >= 300, path
    assert application.heard[before:] == []


def test_public_paths_lead_to_the_service(visitor: Visitor) -> None:
    for path in ("/", "/healthz", "/docs", "/openapi.json", "/problems", "/problems/not-found", "/auth/login"):
        assert visitor.request(SERVICE, path).status == 200, path
    assert visitor.request(SERVICE, "/api/v1/accounts/a%3Bb/totp").status == 401


@pytest.mark.parametrize("path", NOT_PUBLIC)
def test_private_paths_lead_nowhere(path: str, visitor: Visitor) -> None:
    path = f"{path}/server" if path.endswith("admin") else path
    detours = ("", "/.", "/api/v1/accounts/../../..", "/assets/%2e%2e", "/api/v1/session/..%2f..%2f..")
    for detour in detours:
        answer = visitor.request(SERVICE, f"{detour}{path}")
        assert answer.status in {400, 404}, f"{detour}{path}"
        # A response of the service to this path would have these types.
        assert b"open_mfa_" not in answer.data


def test_a_client_cannot_choose_its_address(visitor: Visitor, pod: Pod) -> None:
    name = Person(pod, f"{uuid.uuid4().hex}@example.com").name
    form = urlencode({"account": name, "code": "000000"})
    fields = {"X_Forwarded_For": "198.51.100.1", "X_Real_IP": "198.51.100.1"}
    found: list[str] = []

    def is_logged() -> bool:
        """The line may follow the response."""
        lines = [json.loads(line) for line in pod.log.read_text().splitlines() if line.startswith("{")]
        found[:] = [
            line["address"] for line in lines if line.get("account") == name and line.get("purpose") == "challenge"
        ]
        return bool(found)

    assert visitor.request(APPLICATION, "/auth/login", form, **fields).status == 403
    wait_until(is_logged, "the audit line", pod.log)
    assert found == [ADDRESS]


def test_no_request_passes_while_the_service_does_not_respond(
    controller: str, application: Application, tmp_path: Path
) -> None:
    before = len(application.heard)
    with traefik(controller, free_port(), application.server_port, tmp_path) as visitor:
        answer = visitor.request(APPLICATION, "/x", Accept="text/html")

    assert answer.status >= 400
    assert application.heard[before:] == []
