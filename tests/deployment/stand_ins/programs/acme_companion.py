"""A stand-in for acme-companion. Its own authority issues the certificates that Let's Encrypt would issue."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from docker_api import containers, hang_up

DIRECTORY = Path("/etc/nginx/certs")
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
AUTHORITY = ("-CA", "stand-in-authority.pem", "-CAkey", "stand-in-authority.key", "-CAcreateserial")


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=DIRECTORY, check=True, capture_output=True)


def found_authority() -> None:
    subject = ("-subj", "/CN=Stand-in for Let's Encrypt", "-addext", "keyUsage=critical,keyCertSign")
    names = ("-keyout", "stand-in-authority.key", "-out", "stand-in-authority.pem")
    openssl("req", "-x509", *KEY, "-days", "2", *subject, *names)


def issue(host: str) -> None:
    (DIRECTORY / host).mkdir(exist_ok=True)
    (DIRECTORY / host / "names").write_text(f"subjectAltName=DNS:{host}")
    openssl("req", *KEY, "-subj", f"/CN={host}", "-keyout", f"{host}/key.pem", "-out", f"{host}/request")
    files = ("-in", f"{host}/request", "-out", f"{host}/fullchain.pem", "-extfile", f"{host}/names")
    openssl("x509", "-req", *AUTHORITY, "-days", "2", *files)
    (DIRECTORY / f"{host}.key").symlink_to(f"./{host}/key.pem")
    (DIRECTORY / f"{host}.crt").symlink_to(f"./{host}/fullchain.pem")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    print("issuing for", os.environ["DEFAULT_EMAIL"], "instead of", os.environ["ACME_CA_URI"])  # noqa: T201 - its log
    if not (DIRECTORY / "stand-in-authority.pem").exists():
        found_authority()
    while True:
        running = containers()
        for host in {environment.get("LETSENCRYPT_HOST") for _, environment in running} - {None, ""}:
            if not (DIRECTORY / f"{host}.crt").exists():
                issue(str(host))
                for label in ("com.github.nginx-proxy.docker-gen", "com.github.nginx-proxy.nginx"):
                    (one,) = [about["Id"] for about, _ in running if label in (about["Config"]["Labels"] or {})]
                    hang_up(one)
        time.sleep(0.5)


main()
