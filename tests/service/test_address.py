"""The service listens on the configured address and logs it."""

import pytest
import requests

from tests.support.service import Service


class Announced(Service):
    """A service whose port is read from its log."""

    def answers(self) -> bool:
        if self.process.poll() is not None:
            raise ChildProcessError(self.log.read_text())
        serving = [line["url"] for line in self.lines() if line["message"] == "serving"]
        self.base = serving[0] if serving else self.base
        return bool(serving) and requests.get(f"{self.base}/healthz", timeout=2).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_the_port_that_the_kernel_chose_is_announced(host: str) -> None:
    with Announced(PORT="0", HOST=host) as service:
        assert not service.base.endswith(":0")
        (line,) = [line for line in service.lines() if line["message"] == "serving"]
        assert line["docs"] == f"{service.base}/docs"


def test_a_host_that_conda_set_does_not_stop_development() -> None:
    with Announced(OPEN_MFA_ENV="development", PORT="0", HOST="x86_64-conda-linux-gnu") as service:
        assert service.base.startswith("http://127.0.0.1:")
        assert [line for line in service.lines() if line["level"] == "WARNING" and "conda" in line["message"]]
