"""The commands of the guide to API keys, run unchanged with a real service."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import require_redis_server
from tests.support.command_line import COMMAND
from tests.support.documents import page, section
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.service import Service

GUIDE = page("how-to/manage-api-keys")


def commands(heading: str) -> list[str]:
    """Return the shell commands below a heading, one text for each block."""
    blocks = re.findall(r"^( *)```sh\n(.*?)^ *```$", section(GUIDE, heading), re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{indentation}", "", text, flags=re.MULTILINE) for indentation, text in blocks]


class Operator:
    """An operator with a shell in a directory that contains the tenants file, and with a service."""

    def __init__(self, directory: Path, service: Service) -> None:
        self.file = directory / "tenants.toml"
        self.service = service
        self.workers = service.workers()
        self.directory = directory
        (directory / "open-mfa").symlink_to(COMMAND)

    def run(self, command: str) -> str:
        environment = {"PATH": f"{self.directory}:/usr/bin:/bin", "SERVICE": self.service.base}
        done = subprocess.run(
            ["bash", "-euc", command], cwd=self.directory, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    def key(self, name: str) -> str:
        return (self.directory / f"{name}.key").read_text().strip()

    def applied(self, change: str, key_id: str) -> None:
        """Wait until the log names the change of a key, and until new workers have replaced the former ones."""
        line = {"message": "the tenants have changed", change: [f"shop/{key_id}"]}
        self.service.awaited_lines(lambda found: line.items() <= found.items(), 1)
        former, self.workers = self.workers, set()

        def replaced() -> bool:
            self.workers = self.service.workers()
            return len(self.workers) == len(former) and not former & self.workers

        wait_until(replaced, "new workers", self.service.log)

    def remove(self, key_id: str) -> None:
        """Remove the lines of a key from the file."""
        start, *tables = re.split(r"^(?=\[\[)", self.file.read_text(), flags=re.MULTILINE)
        self.file.write_text(start + "".join(table for table in tables if f'id = "{key_id}"' not in table))

    def status(self, key: str, method: str = "GET", path: str = "") -> int:
        url = f"{self.service.api}/accounts/alice{path}"
        return requests.request(method, url, headers={"Authorization": f"Bearer {key}"}, timeout=5).status_code


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    require_redis_server()
    file = tmp_path / "tenants.toml"
    file.write_text('[shop]\nissuer = "Shop"\n')
    with RedisServer() as redis, Service(OPEN_MFA_REDIS_URL=redis.url, OPEN_MFA_TENANTS=str(file)) as service:
        yield Operator(tmp_path, service)


def test_a_key_is_created_replaced_and_withdrawn_with_the_commands_of_the_guide(operator: Operator) -> None:
    create, try_it, check = commands("Create a key")
    create_second, count = commands("Replace a key")
    find, look_up = commands("React to a leak")

    process = operator.service.process.pid
    operator.run(create)
    operator.applied("keys_added", "web")
    operator.run(f"{try_it.strip()} --fail")
    web = operator.key("web")
    assert 'sha256 = "' in operator.run(check)
    assert operator.status(web) == 200
    assert operator.status(web, "DELETE", "/totp") == 403

    operator.run(create_second)
    operator.applied("keys_added", "web-2")
    statuses = [operator.status(each) for each in (web, operator.key("web-2"), web)]
    assert statuses == [200] * 3
    assert operator.run(count) == 'open_mfa_api_key_requests_total{key="web",tenant="shop"} 5.0\n'

    (operator.directory / "leaked.key").write_text(web)
    assert 'id = "web"' in operator.run(find)
    operator.status(web, "POST", "/otp")
    operator.remove("web")
    operator.applied("keys_removed", "web")
    assert [operator.status(each) for each in (web, operator.key("web-2"))] == [401, 200]

    assert operator.service.process.pid == process
    shutil.copy(operator.service.log, operator.directory / "log")
    found = operator.run(look_up)
    assert "issued" in found
    assert "127.0.0.1" in found.splitlines()[-1]


def test_the_expression_for_unused_keys_is_one_that_prometheus_reads(tmp_path: Path) -> None:
    (expression,) = re.findall(r"```text\n(.*?)```", GUIDE, re.DOTALL)
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")

    rule = {"groups": [{"name": "unused", "rules": [{"alert": "Unused", "expr": expression.strip()}]}]}
    (tmp_path / "rules.yml").write_text(json.dumps(rule))
    done = subprocess.run(
        [promtool, "check", "rules", str(tmp_path / "rules.yml")], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
