"""The container of the rendered Deployment: started, probed and ended as the kubelet does."""

from pathlib import Path

import pytest

from presentation.bootstrap.server import GRACE
from tests.conftest import require_redis_server
from tests.deployment.manifests import OVERLAYS, Object, container, environment, find, rendered, secret_of_the_guide
from tests.deployment.pod import Pod
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer

HEADINGS = dict(zip(OVERLAYS, ("Try it on your machine", "Install it in production"), strict=True))
"""The sections of the guide that install the overlays."""


@pytest.fixture(scope="module", params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def objects(overlay: str) -> list[Object]:
    return rendered(overlay)


@pytest.fixture
def variables(overlay: str, objects: list[Object], tmp_path: Path) -> dict[str, str]:
    return environment(objects, secret_of_the_guide(HEADINGS[overlay], tmp_path))


def test_the_pod_is_ready_only_with_redis_and_ends_in_time(
    objects: list[Object], variables: dict[str, str], tmp_path: Path
) -> None:
    require_redis_server()
    deployment = find(objects, "Deployment")
    own = container(deployment)
    grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    startup, live, ready = (own[f"{name}Probe"] for name in ("startup", "liveness", "readiness"))

    def succeeds(probe: Object) -> bool:
        return pod.responds(probe["httpGet"]["path"], probe.get("timeoutSeconds", 1))

    with RedisServer() as redis, Pod(tmp_path, variables | {"OPEN_MFA_REDIS_URL": redis.url}) as pod:
        wait_until(lambda: succeeds(startup), "the first success of the startup probe", pod.log)
        wait_until(lambda: succeeds(ready), "readiness", pod.log)

        redis.kill()
        assert not succeeds(ready)
        assert succeeds(live)

        redis.start()
        wait_until(lambda: succeeds(ready), "readiness after the restart of Redis", pod.log)
        status, seconds = pod.terminate(grace - own["lifecycle"]["preStop"]["sleep"]["seconds"])

    assert status == 0
    assert seconds < GRACE


@pytest.mark.parametrize("name", ["OPEN_MFA_SECRET_KEY", "OPEN_MFA_ENCRYPTION_KEYS", "OPEN_MFA_REDIS_URL"])
def test_a_pod_without_a_required_secret_does_not_start(
    name: str, overlay: str, objects: list[Object], tmp_path: Path
) -> None:
    secret = secret_of_the_guide(HEADINGS[overlay], tmp_path)
    del secret[name]

    with pytest.raises(KeyError, match=name):
        environment(objects, secret)
