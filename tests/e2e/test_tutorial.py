"""The tutorial about the gate and the configuration behind a proxy work as written."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyotp
import requests

from tests.e2e.conftest import SECRET
from tests.e2e.proxies import CONFIGURATIONS, NGINX_MAIN, Ports, require
from tests.support.documents import block, page
from tests.support.processes import free_port, listens, spawn, stop, wait_until
from tests.support.redis_topologies import Certificates
from tests.support.service import Service


def test_the_gate_protects_the_application_of_the_tutorial(tmp_path: Path) -> None:
    require("nginx")
    start, application, proxy, curl = re.findall(
        r"```sh\n(.*?)```", page("tutorials/protect-an-application"), re.DOTALL
    )
    settings = dict(each.split("=") for each in shlex.split(start) if "=" in each)
    tmp_path.chmod(0o755)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/page.txt").write_text("the application")
    (tmp_path / "deploy/proxies").mkdir(parents=True)

    with Service(OPEN_MFA_GATE_SECRET=SECRET, **settings) as service:
        ports = Ports(service.port, free_port(), free_port())
        configuration = (CONFIGURATIONS / "nginx.conf").read_text()
        (tmp_path / "deploy/proxies/nginx.conf").write_text(ports.put_into(configuration))
        site, log = f"http://127.0.0.1:{ports.proxy}", tmp_path / "log"
        programs = [
            application.replace("3000", str(ports.application)).replace("python3", sys.executable),
            re.sub(r"^nginx", f"exec {require('nginx')}", proxy, flags=re.MULTILINE),
        ]
        running = [spawn(["bash", "-euc", f"cd {tmp_path}\n{program}"], log) for program in programs]
        try:
            wait_until(lambda: listens(ports.application) and listens(ports.proxy), "the start", log)
            command = ports.put_into(curl)
            refused = subprocess.run(["bash", "-euc", command], capture_output=True, text=True, check=True).stdout
            browser = service.browser()
            led = browser.get(f"{site}/page.txt", headers={"Accept": "text/html"}, timeout=5)
            form = {"code": pyotp.TOTP(SECRET).now(), "return_to": "/page.txt"}
            passed = browser.post(f"{site}/auth/login", data=form, timeout=5)
            copy = requests.cookies.cookiejar_from_dict(browser.cookies.get_dict())
            browser.get(f"{site}/auth/logout", allow_redirects=False, timeout=5)
            after = requests.get(f"{site}/page.txt", cookies=copy, timeout=5)
        finally:
            for process in running:
                stop(process)

    assert refused == "401\n"
    assert (led.url, led.status_code) == (f"{site}/auth/login?return_to=/page.txt", 200)
    assert passed.text == "the application"
    assert after.status_code == 401


def test_the_configuration_behind_a_proxy_serves_everything_but_the_metrics(tmp_path: Path) -> None:
    require("nginx")
    settings = {"OPEN_MFA_TRUSTED_PROXIES": "1", "OPEN_MFA_COOKIE_SECURE": "true"}
    tmp_path.chmod(0o755)
    with Service(**settings) as service, Certificates() as certificates:
        certificates.directory.chmod(0o755)
        ports = Ports(service.port, 0, free_port())
        files = certificates.directory / "redis"
        tls = f"ssl_certificate {files}.crt; ssl_certificate_key {files}.key;"
        text = ports.put_into(block(page("how-to/run-behind-a-proxy"), "upstream", "nginx"))
        (tmp_path / "app.conf").write_text(
            text.replace("listen 443 ssl;", f"listen 127.0.0.1:{ports.proxy} ssl; {tls}")
        )
        (tmp_path / "nginx.conf").write_text(NGINX_MAIN.format(directory=tmp_path))
        process = spawn([require("nginx"), "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")], tmp_path / "log")
        try:
            wait_until(lambda: listens(ports.proxy), "the proxy's start", tmp_path / "error.log")
            site = f"https://127.0.0.1:{ports.proxy}"
            with requests.Session() as client:
                client.trust_env, client.verify = False, certificates.authority
                enrolled = client.post(f"{site}/api/v1/session/totp", timeout=5)
                kept = client.get(f"{site}/api/v1/session", timeout=5).json()["factors"]
                metrics = client.get(f"{site}/metrics", timeout=5)
        finally:
            stop(process)

    assert enrolled.status_code == 201
    assert "__Host-open_mfa_session" in enrolled.cookies
    assert [factor["factor"] for factor in kept] == ["totp"]
    assert metrics.status_code == 404
