"""A stand-in for the API of Kubernetes. It lists objects, and lets clients watch them, although they never change.

An Ingress controller thus reads rendered files as it does in a cluster.
"""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from tests.deployment.manifests import Object
from tests.e2e.application import serving

_KINDS: Final = (
    *("ConfigMap", "EndpointSlice", "Ingress", "IngressClass", "Namespace", "Node", "Secret", "Service"),
    *("IngressRoute", "IngressRouteTCP", "IngressRouteUDP", "Middleware", "MiddlewareTCP", "ServersTransport"),
    *("ServersTransportTCP", "TLSOption", "TLSStore", "TraefikService"),
)
"""The kinds that Traefik reads."""
_BY_PLURAL: Final = {f"{kind.lower()}{'es' if kind.endswith('ss') else 's'}": kind for kind in _KINDS}
_ALL_SENT: Final = {"metadata": {"resourceVersion": "1", "annotations": {"k8s.io/initial-events-end": "true"}}}


class KubernetesApi(http.server.ThreadingHTTPServer):
    """Serves objects on a free port."""

    daemon_threads = True

    def __init__(self, objects: list[Object]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects = [complete(each) for each in objects]
        self.ended = threading.Event()

    def listed(self, path: str) -> tuple[Object, list[Object]]:
        """Return kind and version, and the objects, of a path such as /apis/networking.k8s.io/v1/ingresses."""
        *parents, plural = path.strip("/").split("/")
        kind = {"kind": _BY_PLURAL[plural], "apiVersion": "/".join(parents[1:3] if parents[0] == "apis" else ["v1"])}
        namespace = parents[parents.index("namespaces") + 1] if "namespaces" in parents else None
        return kind, [
            each
            for each in self.objects
            if kind.items() <= each.items() and namespace in {None, each["metadata"].get("namespace")}
        ]

    def handle_error(self, *_: object) -> None:
        """Ignore connections that a controller closes."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: KubernetesApi

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        if url.path == "/version":
            self.respond({"major": "1", "minor": "34", "gitVersion": "v1.34.0"})
            return
        kind, objects = self.server.listed(url.path)
        if "watch" in query:
            self.watch(kind, objects if "sendInitialEvents" in query else [])
        else:
            described = kind | {"kind": f"{kind['kind']}List", "metadata": {"resourceVersion": "1"}}
            self.respond(described | {"items": objects})

    def respond(self, document: Object) -> None:
        content = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def watch(self, kind: Object, objects: list[Object]) -> None:
        """Send what exists already, if the client asks for it. Then nothing happens."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        events: list[Any] = [{"type": "ADDED", "object": each} for each in objects]
        for event in [*events, {"type": "BOOKMARK", "object": kind | _ALL_SENT}]:
            self.wfile.write(json.dumps(event).encode() + b"\n")
        self.wfile.flush()
        self.server.ended.wait()
        self.close_connection = True

    def log_message(self, *_: object) -> None: ...


def complete(described: Object) -> Object:
    """Return an object with the fields that the API adds."""
    metadata = described["metadata"]
    identity = f"{described['kind']}-{metadata.get('namespace')}-{metadata['name']}"
    return described | {"metadata": metadata | {"uid": identity, "resourceVersion": "1"}}


def endpoints(service: Object, port: int) -> Object:
    """Return the only endpoint of a Service, on the loopback interface."""
    metadata = service["metadata"]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{metadata['name']}-1",
            "namespace": metadata["namespace"],
            "labels": {"kubernetes.io/service-name": metadata["name"]},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True, "serving": True}}],
        "ports": [{"name": service["spec"]["ports"][0].get("name", ""), "port": port, "protocol": "TCP"}],
    }


@contextmanager
def kubernetes_api(objects: list[Object]) -> Iterator[str]:
    """Serve objects. Yield the address."""
    server = KubernetesApi(objects)
    with serving(server):
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.ended.set()
