"""`open-mfa serve` in standalone mode: one process has the state, and each start spends the codes before it."""

import os
import signal
import time
from collections.abc import Iterator

import pyotp
import pytest
import requests

from tests.support.processes import wait_until
from tests.support.service import Service

SECRET = "0123456789abcdef"
BASE32 = "GAYTEMZUGU3DOOBZMFRGGZDFMY======"
SETTINGS = {
    "OPEN_MFA_ENV": "standalone",
    "OPEN_MFA_GATE_SECRET_TEXT": SECRET,
    "OPEN_MFA_SECRET_KEY": "",
    "OPEN_MFA_ENCRYPTION_KEYS": "",
}
SPENT = "the gate refuses all codes from before this start as spent"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with Service(**SETTINGS) as running:
        yield running


def verify(service: Service) -> tuple[int, str]:
    body = {"token": pyotp.TOTP(BASE32).at(int(time.time()))}
    answer = requests.post(f"{service.api}/gate/verify", json=body, timeout=5)
    return answer.status_code, answer.json().get("reason", "")


def test_the_log_says_what_a_restart_loses_and_when_the_first_code_is_accepted(service: Service) -> None:
    lines = service.lines()
    notices = [line["message"] for line in lines if line["level"] == "WARNING"]
    (spent,) = [line for line in lines if line["message"] == SPENT]

    assert any(notice.startswith("OPEN_MFA_ENV=standalone keeps the state in the memory") for notice in notices)
    assert any(notice.startswith("Generated for standalone") for notice in notices)
    assert spent["time"] < spent["first_code_at"]
    (serving,) = [line for line in lines if line["message"] == "serving"]
    assert (serving["store"], serving["workers"]) == ("memory", 1)
    assert SECRET not in service.log.read_text()


@pytest.mark.parametrize("name", ["SIGHUP", "SIGTTIN", "SIGUSR2"])
def test_a_signal_that_would_start_another_process_is_ignored(service: Service, name: str) -> None:
    workers = service.workers()

    service.process.send_signal(getattr(signal, name))
    service.awaited_lines(lambda line: line.get("signal") == name, 1)

    assert service.workers() == workers
    assert len(workers) == 1


def test_a_worker_that_follows_a_crashed_one_refuses_the_codes_before_its_start() -> None:
    with Service(**SETTINGS) as service:
        (former,) = service.workers()
        os.kill(former, signal.SIGKILL)
        service.awaited_lines(lambda line: line["message"] == SPENT, 2)
        wait_until(service.answers, "the new worker", service.log)

        assert former not in service.workers()
        assert verify(service) == (403, "replayed")


def test_the_service_names_the_settings_that_it_refuses() -> None:
    with pytest.raises(ChildProcessError) as raised, Service(**SETTINGS, OPEN_MFA_REDIS_URL="redis://127.0.0.1:1"):
        pass

    assert "OPEN_MFA_REDIS_URL: Must not be set: with OPEN_MFA_ENV=standalone, the state is in memory." in str(
        raised.value
    )
