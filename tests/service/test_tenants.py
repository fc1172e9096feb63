"""The tenants file is reloaded without the loss of a request (docs/how-to/configure-tenants.md)."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import require_redis_server
from tests.service.accounts import API_KEYS, Account
from tests.service.conftest import TWO_BY_EIGHT
from tests.support.processes import pause, wait_until
from tests.support.redis_server import RedisServer
from tests.support.service import Service

CHANGED = "the tenants have changed"
INVALID = "the tenants file is invalid, so the former tenants stay in force"


def tenant(name: str, *lines: str) -> str:
    """The table of a tenant with one key."""
    digest = sha256(API_KEYS[name].encode()).hexdigest()
    key = f'[[{name}.keys]]\nid = "web"\nsha256 = "{digest}"\nscopes = ["manage"]\n'
    return "\n".join([f"[{name}]", *lines, key, ""])


BOTH = tenant("shop") + tenant("forum")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tenants.toml"
    path.write_text(BOTH)
    return path


@pytest.fixture
def service(file: Path) -> Iterator[Service]:
    require_redis_server()
    # gunicorn logs a reload at this level only.
    settings = {"OPEN_MFA_TENANTS": str(file), "OPEN_MFA_API_KEYS": "", "OPEN_MFA_LOG_LEVEL": "DEBUG", **TWO_BY_EIGHT}
    with RedisServer() as server, Service(OPEN_MFA_REDIS_URL=server.url, **settings) as service:
        # A service already answers when its first worker has started.
        wait_until(lambda: len(service.workers()) == 2, "two workers", service.log)
        yield service


def put(file: Path, text: str) -> None:
    """Replace the file at once, as an editor does."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def told(service: Service, message: str) -> list[dict[str, Any]]:
    return [line for line in service.lines() if line["message"] == message]


def awaited(service: Service, message: str, number: int) -> dict[str, Any]:
    return service.awaited_lines(lambda line: line["message"] == message, number)[-1]


def replaced(service: Service, change: Callable[[], object]) -> None:
    """Make a change, and wait until new workers have replaced the former ones."""
    former = service.workers()
    change()
    wait_until(lambda: len(service.workers()) == len(former) and not former & service.workers(), "reload", service.log)


def issuer(service: Service, name: str = "shop") -> str:
    uri: str = Account(service.port, tenant=name).enrol("totp")["uri"]
    return uri


def test_a_change_of_the_file_reaches_all_workers_and_the_log_names_it(service: Service, file: Path) -> None:
    changed = tenant("shop", 'issuer = "Shop"', "digits = 8") + tenant("forum").replace("manage", "verify")
    replaced(service, lambda: put(file, changed))

    line = awaited(service, CHANGED, 1)
    assert line["changed"] == ["shop.digits", "shop.issuer"]
    assert line["keys_changed"] == ["forum/web"]
    assert sha256(API_KEYS["shop"].encode()).hexdigest() not in service.log.read_text()
    uris = {issuer(service).partition("?")[0].partition(":account")[0] for _ in range(20)}
    assert uris == {"otpauth://totp/Shop"}


def test_sighup_reads_the_file_at_once(service: Service, file: Path) -> None:
    def change() -> None:
        put(file, tenant("shop"))
        service.process.send_signal(signal.SIGHUP)

    replaced(service, change)

    assert awaited(service, CHANGED, 1)["removed"] == ["forum"]
    assert Account(service.port, tenant="forum").send("GET").status == 401
    assert Account(service.port).send("POST", "totp", {}).status == 201


def remove(file: Path) -> None:
    file.unlink()


def make_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def make_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def truncate(file: Path) -> None:
    file.write_text("")


def make_invalid(file: Path) -> None:
    put(file, BOTH.replace("manage", "all"))


@pytest.mark.parametrize("spoil", [remove, make_directory, make_pipe, truncate, make_invalid])
def test_a_file_that_is_unusable_leaves_the_former_tenants_in_force_even_for_new_workers(
    service: Service, file: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(file)

    assert awaited(service, INVALID, 1)["problems"]
    worker = min(service.workers())
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: worker not in service.workers() and len(service.workers()) == 2, "another worker", service.log)
    assert {Account(service.port, tenant=name).send("POST", "otp").status for name in [*API_KEYS] * 10} == {201}


def test_a_corrected_file_is_applied_after_an_invalid_one(service: Service, file: Path) -> None:
    make_invalid(file)
    awaited(service, INVALID, 1)

    replaced(service, lambda: put(file, tenant("shop")))

    assert len(told(service, INVALID)) == 1
    assert awaited(service, CHANGED, 1)["removed"] == ["forum"]


def test_the_log_says_that_a_file_is_valid_again_if_nothing_has_changed(service: Service, file: Path) -> None:
    make_invalid(file)
    awaited(service, INVALID, 1)

    put(file, BOTH)

    awaited(service, "the tenants file is valid again, and nothing has changed", 1)
    assert told(service, CHANGED) == []


def test_reloads_lose_no_request(service: Service, file: Path) -> None:
    end = threading.Event()

    def challenge_until_the_end(name: str) -> list[int]:
        statuses = []
        while not end.is_set():
            account = Account(service.port, tenant=name)
            code = account.enrol("otp")["code"]
            statuses.append(account.submit("otp/verify", code).status)
        return statuses

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(challenge_until_the_end, name) for name in [*API_KEYS] * 2]
        try:
            for number in range(3):
                changed = BOTH.replace("[shop]", f'[shop]\nissuer = "Shop {number}"')
                replaced(service, lambda changed=changed: put(file, changed))  # type: ignore[misc]
        finally:
            end.set()
        statuses = Counter(status for client in clients for status in client.result())

    assert set(statuses) == {200}
    assert len(told(service, CHANGED)) == 3


def test_many_sighups_replace_the_workers_a_few_times_only(service: Service) -> None:
    def storm() -> None:
        for _ in range(50):
            service.process.send_signal(signal.SIGHUP)

    replaced(service, storm)

    def reloads() -> int:
        return sum("Hang up" in line["message"] for line in service.lines())

    wait_until(lambda: len(service.workers()) == 2 and 0 < reloads() < 10, "the end of the reloads", service.log)
    assert Account(service.port).send("POST", "otp").status == 201


def test_sigterm_ends_the_service_during_a_reload(service: Service, file: Path) -> None:
    former = service.workers()
    for worker in former:
        pause(worker)  # it does not end, so the reload waits for it
    put(file, tenant("shop"))
    awaited(service, CHANGED, 1)
    wait_until(lambda: len(service.workers()) == 2 * len(former), "new workers", service.log)

    service.process.send_signal(signal.SIGTERM)

    wait_until(lambda: any(line["message"] == "stopping" for line in service.lines()), "stop", service.log, patience=15)
    for worker in former:
        os.kill(worker, signal.SIGCONT)
    assert service.process.wait(30) == 0


def test_a_reload_does_not_remove_the_tenant_of_the_gate(file: Path) -> None:
    require_redis_server()
    settings = {"OPEN_MFA_TENANTS": str(file), "OPEN_MFA_GATE_TENANT": "forum", "OPEN_MFA_GATE_SECRET": "A" * 26}
    with RedisServer() as server, Service(OPEN_MFA_REDIS_URL=server.url, **settings) as service:
        put(file, tenant("shop"))

        assert "OPEN_MFA_GATE_TENANT" in awaited(service, INVALID, 1)["problems"][0]
        assert Account(service.port, tenant="forum").send("POST", "otp").status == 201


def test_with_the_state_in_memory_a_change_is_not_applied(file: Path) -> None:
    with Service(OPEN_MFA_ENV="development", OPEN_MFA_LOG_FORMAT="json", OPEN_MFA_TENANTS=str(file)) as service:
        workers = service.workers()
        put(file, tenant("shop"))

        assert "restart" in awaited(service, "the tenants file has changed", 1)["remedy"]
        assert service.workers() == workers
        assert Account(service.port, tenant="forum").send("POST", "otp").status == 201
