"""The file in the guide to tenants works in a real service, and the guide shows the problem that the command prints."""

import re
from hashlib import sha256
from pathlib import Path

import pytest
import requests

from infrastructure.tenants.tenants_file import TenantsFile
from presentation.bootstrap.command_line import main
from tests.conftest import require_redis_server
from tests.support.documents import page
from tests.support.redis_server import RedisServer
from tests.support.service import Service

GUIDE = page("how-to/configure-tenants")
FILE = re.search(r"```toml\n(.*?)```", GUIDE, re.DOTALL)


def test_the_file_of_the_guide_is_valid() -> None:
    assert FILE is not None
    assert set(TenantsFile.parse(FILE[1]).tables) == {"shop", "forum"}


def test_the_command_prints_the_problem_of_the_guide(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert FILE is not None
    path = tmp_path / "tenants.toml"
    path.write_text(FILE[1].replace("after = 4", "after = 2"))

    assert main(["tenants", "check", str(path)]) == 1
    assert f"```\n{capsys.readouterr().err}```" in GUIDE


def test_a_service_with_the_file_of_the_guide_serves_each_tenant(tmp_path: Path) -> None:
    require_redis_server()
    assert FILE is not None
    key, other = "the key of the shop in 34 characters".replace(" ", "-"), "f" * 32
    path = tmp_path / "tenants.toml"
    # The file has the digest of an unknown key, and no key of the forum.
    path.write_text(re.sub(r"[0-9a-f]{64}", sha256(key.encode()).hexdigest(), FILE[1]))
    settings = {"OPEN_MFA_TENANTS": str(path), "OPEN_MFA_API_KEYS": f"forum:{other}"}
    with RedisServer() as redis, Service(OPEN_MFA_REDIS_URL=redis.url, **settings) as service:

        def post(token: str, factor: str) -> requests.Response:
            headers = {"Authorization": f"Bearer {token}"}
            return requests.post(f"{service.api}/accounts/ada/{factor}", json={}, headers=headers, timeout=5)

        # The only scope of the shop's key is `verify`.
        assert [post(key, "otp").status_code, post(key, "totp").status_code] == [201, 403]
        enrolled = post(other, "totp")
        assert enrolled.status_code == 201
        assert "digits=6" in enrolled.json()["uri"]
