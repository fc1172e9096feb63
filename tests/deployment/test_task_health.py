"""What ECS asks a task's container, to know whether it is well."""

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import require_redis_server
from tests.deployment.docker_support import ROOT
from tests.support.redis_server import RedisServer
from tests.support.service import Service


def is_well(service: Service, mark: Path) -> bool:
    """The stack's own question, asked of this service instead of the container's."""
    source = (ROOT / "deploy/terraform/app-stack/service.tf").read_text()
    (literal,) = re.findall(r"^  look += (\".*\")$", source, re.MULTILINE)
    look = json.loads(literal)
    assert look.count("${local.port}") == look.count("/dev/shm/was-ready") == 1
    look = look.replace("${local.port}", str(service.port)).replace("/dev/shm/was-ready", str(mark))
    return subprocess.run([sys.executable, "-c", look], stderr=subprocess.DEVNULL, check=False).returncode == 0


def test_a_new_task_must_have_reached_redis_once(tmp_path: Path) -> None:
    require_redis_server()
    with RedisServer() as redis, Service(OPEN_MFA_REDIS_URL=redis.url) as service:
        mark = tmp_path / "mark"
        assert is_well(service, mark)

        redis.kill()
        assert is_well(service, mark), "while Redis is away nothing is gained by another task"
        assert not is_well(service, tmp_path / "that of a new task")
    assert not is_well(service, mark), "nobody listens"
