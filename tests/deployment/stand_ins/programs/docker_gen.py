#!/usr/local/bin/python3
"""A stand-in for docker-gen with the template of nginx-proxy, as far as the staging stack uses it.

docker-gen -watch -notify-sighup CONTAINER TEMPLATE DESTINATION
"""

import os
import signal
import socket
import sys
import time
from pathlib import Path

from docker_api import containers, hang_up

LOCATION = Path("/etc/nginx/vhost.d/default_location")
HOST = Path("/etc/nginx/vhost.d/default")
CERTIFICATES = Path("/etc/nginx/certs")
CHALLENGE = """
  location ^~ /.well-known/acme-challenge/ { root /usr/share/nginx/html; try_files $uri =404; }"""


def hosts() -> dict[str, tuple[list[str], bool]]:
    """Return for each virtual host the addresses of its containers, and whether connections are kept open."""
    running = containers()
    own = next(about for about, _ in running if about["Id"].startswith(socket.gethostname()))
    networks = own["NetworkSettings"]["Networks"]
    found: dict[str, tuple[list[str], bool]] = {}
    for about, environment in running:
        host = environment.get("VIRTUAL_HOST")
        if not host:
            continue
        keep = (about["Config"]["Labels"] or {}).get("com.github.nginx-proxy.nginx-proxy.keepalive") != "disabled"
        servers, _ = found.setdefault(host, ([], keep))
        for name, network in about["NetworkSettings"]["Networks"].items():
            if name in networks and network["IPAddress"]:
                servers.append(f"{network['IPAddress']}:{environment.get('VIRTUAL_PORT', '80')}")
    return found


def render() -> str:
    trusts = os.environ.get("TRUST_DOWNSTREAM_PROXY", "true") == "true"
    lines = ["server_tokens off;" if os.environ.get("SERVER_TOKENS") == "off" else ""]
    for name, told, ours in (
        ("for", "$http_x_forwarded_for", "$remote_addr"),
        ("proto", "$http_x_forwarded_proto", "$scheme"),
        ("host", "$http_x_forwarded_host", "$http_host"),
    ):
        lines.append(f"map {told} $proxy_x_forwarded_{name} {{ default {told if trusts else ours}; '' {ours}; }}")
        lines.append(f"proxy_set_header X-Forwarded-{name.title()} $proxy_x_forwarded_{name};")
    lines.append("proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_set_header Connection '';")
    lines.append("proxy_set_header Proxy ''; proxy_buffering off;")
    lines.append("server { server_name _; listen 80 default_server; return 503; }")
    lines.append("server { server_name _; listen 443 ssl default_server; ssl_reject_handshake on; }")
    location = f"include {LOCATION};" if LOCATION.exists() else ""
    everywhere = f"include {HOST};" if HOST.exists() else ""
    for host, (servers, keep) in sorted(hosts().items()):
        listed = " ".join(f"server {server};" for server in sorted(servers)) or "server 127.0.0.1 down;"
        keepalive = f"keepalive {2 * len(servers)};" if keep else ""
        lines.append(f"upstream {host} {{ {listed} {keepalive} }}")
        redirect = "location / { return 301 https://$host$request_uri; }"
        lines.append(f"server {{\n  server_name {host};\n  listen 80;{CHALLENGE}\n  {redirect}\n}}")
        certificate = CERTIFICATES / f"{host}.crt"
        if certificate.exists():
            lines.append(
                f"server {{\n  server_name {host};\n  listen 443 ssl;\n  ssl_protocols TLSv1.2 TLSv1.3;"
                f"\n  ssl_certificate {certificate};\n  ssl_certificate_key {certificate.with_suffix('.key')};"
                f'\n  add_header Strict-Transport-Security "{os.environ.get("HSTS", "max-age=31536000")}" always;'
                f"{CHALLENGE}\n  {everywhere}\n  location / {{ proxy_pass http://{host}; {location} }}\n}}"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    _, _, container, _, destination = sys.argv[1:]
    asked_again = True

    def again(_number: int, _frame: object) -> None:
        nonlocal asked_again
        asked_again = True

    signal.signal(signal.SIGHUP, again)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    written = ""
    while True:
        try:
            wanted = render()
            if wanted != written or asked_again:
                asked_again = False
                Path(destination).write_text(wanted)
                hang_up(container)
                written = wanted
        except (OSError, StopIteration) as error:
            print("docker-gen:", repr(error), file=sys.stderr, flush=True)  # noqa: T201 - its log
        time.sleep(0.2)


main()
