"""`open-mfa serve` in standalone mode: one process has the state, and each start spends the codes before it."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
import requests

from tests.support.processes import stop, wait_until
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


def test_the_port_is_in_use_while_the_worker_of_a_killed_master_may_accept_a_code() -> None:
    """A process that starts in the meantime would not know that the code is spent."""
    head = (
        b"POST /api/v1/gate/verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n"
    )
    with Service(**SETTINGS) as service:
        (worker,) = service.workers()
        with socket.create_connection(("127.0.0.1", service.port)) as client:
            client.sendall(head)
            # The worker accepts connections in their order.
            wait_until(service.answers, "the acceptance of the connection", service.log)
            stop(service.process, kill=True)
            assert Path(f"/proc/{worker}").exists()

            wait_until(lambda: can_listen(service.port), "the end of the worker", service.log)
            client.setblocking(False)
            # The worker has refused the request and closed the connection. Otherwise, this raises BlockingIOError.
            answer = client.recv(1000)

    assert answer.startswith(b"HTTP/1.1 400 ")


def can_listen(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def test_the_service_names_the_settings_that_it_refuses() -> None:
    with pytest.raises(ChildProcessError) as raised, Service(**SETTINGS, OPEN_MFA_REDIS_URL="redis://127.0.0.1:1"):
        pass

    assert "OPEN_MFA_REDIS_URL: Must not be set: with OPEN_MFA_ENV=standalone, the state is in memory." in str(
        raised.value
    )
