"""A real Traefik as the Ingress controller of a cluster, with a stand-in for the API of Kubernetes."""

import base64
import datetime
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.deployment.kubernetes_api import endpoints, kubernetes_api
from tests.deployment.manifests import Object, find, rendered, with_component
from tests.e2e.proxies import require
from tests.support.processes import free_port, spawn, stop, wait_until_started

APPLICATION: Final = "app.example.com"
SERVICE: Final = "mfa.example.com"
INSIDE: Final = "open-mfa.open-mfa.svc.cluster.local"
"""The name of the Service in the cluster, where Ingress controllers resolve it."""
ADDRESS: Final = "127.0.0.2"
"""The address of all clients. That of the controller is 127.0.0.1."""
COOKIE: Final = "__Host-open_mfa_gate"
PROVIDERS: Final = {"traefik": ("kubernetesingress", "kubernetescrd"), "ingress-nginx": ("kubernetesingressnginx",)}
"""The parts of Traefik that read the Ingresses of each controller."""
CLASSES: Final = {"traefik": "traefik.io/ingress-controller", "nginx": "k8s.io/ingress-nginx"}
"""The controllers of the classes."""


class Visitor:
    """A client of the Ingress controller, over TLS, that resolves all names to it."""

    def __init__(self, port: int, certificate: Path) -> None:
        self.certificate = certificate
        self.port = port
        self.cookie = ""

    def request(self, host: str, path: str, body: str | None = None, **headers: str) -> urllib3.BaseHTTPResponse:
        fields = {"Host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.cookie:
            fields["Cookie"] = f"own=1; {self.cookie}"
        if body is not None:
            fields |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"https://{host}"}
        with urllib3.HTTPSConnectionPool(
            "127.0.0.1",
            self.port,
            server_hostname=host,
            assert_hostname=host,
            ssl_context=ssl.create_default_context(cafile=str(self.certificate)),
            timeout=10,
            source_address=(ADDRESS, 0),
        ) as pool:
            answer = pool.request(
                "POST" if body else "GET", path, body=body, headers=fields, redirect=False, retries=False
            )
        for cookie in answer.headers.getlist("Set-Cookie"):
            if cookie.startswith(COOKIE):
                self.cookie = cookie.partition(";")[0]
        return answer


def certificate_of(names: list[str], directory: Path) -> tuple[Path, dict[str, bytes]]:
    """Return a certificate that signs itself, and the data of its Secret."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Ingress")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = signed.public_bytes(serialization.Encoding.PEM)
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    path = directory / "certificate.pem"
    path.write_bytes(pem)
    return path, {"tls.crt": pem, "tls.key": private}


def cluster(controller: str, service_port: int, application_port: int, certificate: dict[str, bytes]) -> list[Object]:
    """Return the objects of a cluster: the base with an Ingress, the gate, and an application."""
    base = with_component(f"ingress-{controller.removeprefix('ingress-')}")
    gate = json.loads(json.dumps(rendered(f"gate/{controller}")).replace(INSIDE, f"127.0.0.1:{service_port}"))
    service = find(base, "Service")
    application = created("v1", "Service", "application", "application", spec={"ports": [{"port": 80}]})
    classes = [
        created("networking.k8s.io/v1", "IngressClass", name, spec={"controller": implementation})
        for name, implementation in CLASSES.items()
    ]
    data = {key: base64.b64encode(value).decode() for key, value in certificate.items()}
    pairs = (("open-mfa-tls", "open-mfa"), ("application-tls", "open-mfa"), ("application-tls", "application"))
    secrets = [created("v1", "Secret", *pair, type="kubernetes.io/tls", data=data) for pair in pairs]
    slices = [endpoints(service, service_port), endpoints(application, application_port)]
    return [service, find(base, "Ingress"), *gate, application, *classes, *secrets, *slices]


def created(version: str, kind: str, name: str, namespace: str | None = None, **fields: Any) -> Object:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


@contextmanager
def traefik(controller: str, service_port: int, application_port: int, directory: Path) -> Iterator[Visitor]:
    """Run Traefik with the objects of a cluster. Yield a visitor.

    Args:
        controller: the Ingress controller whose Ingresses and annotations Traefik reads.
        service_port: the port of Open-MFA.
        application_port: the port of the application.
        directory: an empty directory.
    """
    path, certificate = certificate_of([APPLICATION, SERVICE], directory)
    visitor = Visitor(free_port(), path)
    log = directory / "traefik.log"
    with kubernetes_api(cluster(controller, service_port, application_port, certificate)) as api:
        options = [f"--entrypoints.websecure.address=127.0.0.1:{visitor.port}", "--log.level=DEBUG"]
        options += ["--global.checknewversion=false", "--global.sendanonymoususage=false"]
        options += [f"--providers.{provider}.endpoint={api}" for provider in PROVIDERS[controller]]
        process = spawn([require("traefik"), *options], log)

        def serves() -> bool:
            """Traefik listens before it has read the objects. Its parts read them in any order."""
            if process.poll() is not None:
                raise ChildProcessError(log.read_text())
            try:
                known = ((APPLICATION, "/auth/login"), (APPLICATION, "/"), (SERVICE, "/healthz"))
                return all(visitor.request(*each).status != 404 for each in known)
            except urllib3.exceptions.HTTPError:
                return False

        wait_until_started(process, serves, "the start of Traefik", log)
        try:
            yield visitor
        finally:
            stop(process)
