"""The health check that ECS runs in the container of a task."""

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import require_redis_server
from tests.deployment.docker_support import ROOT
from tests.support.redis_server import RedisServer
from tests.support.service import Service


def is_healthy(service: Service, mark: Path) -> bool:
    """Run the health check of the stack for this service instead of a container."""
    source = (ROOT / "deploy/terraform/app-stack/service.tf").read_text()
    (literal,) = re.findall(r"^  look += (\".*\")$", source, re.MULTILINE)
    look = json.loads(literal)
    assert look.count("${local.port}") == look.count("/dev/shm/was-ready") == 1
    look = look.replace("${local.port}", str(service.port)).replace("/dev/shm/was-ready", str(mark))
    return subprocess.run([sys.executable, "-c", look], stderr=subprocess.DEVNULL, check=False).returncode == 0


def test_a_task_is_healthy_only_after_it_has_reached_redis_once(tmp_path: Path) -> None:
    require_redis_server()
    with RedisServer() as redis, Service(OPEN_MFA_REDIS_URL=redis.url) as service:
        mark = tmp_path / "mark"
        assert is_healthy(service, mark)

        redis.kill()
        assert is_healthy(service, mark), "during a failure of Redis, a new task would not help"
        assert not is_healthy(service, tmp_path / "mark of a new task")
    assert not is_healthy(service, mark), "nothing listens"
