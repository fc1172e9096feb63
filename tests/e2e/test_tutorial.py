"""The tutorial about the gate works as written."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyotp
import requests

from tests.e2e.conftest import SECRET
from tests.e2e.proxies import CONFIGURATIONS, Ports, require
from tests.support.documents import page
from tests.support.processes import free_port, listens, spawn, stop, wait_until
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
