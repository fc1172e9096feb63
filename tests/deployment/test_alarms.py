"""The alarms on AWS (`deploy/terraform/app-stack/watching.tf`) count log lines that the service does write."""

import json
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import pytest
import requests

from infrastructure.observability.logs import configure_logging
from tests.conftest import require_redis_server
from tests.deployment.docker_support import ROOT
from tests.presentation.api import Api
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.service import Service
from tests.support.written import written

WATCHING: Final = ROOT / "deploy/terraform/app-stack/watching.tf"
OF_LAMBDA: Final = ROOT / "deploy/terraform/lambda-stack/watching.tf"
Line = dict[str, Any]


def patterns(file: Path = WATCHING) -> dict[str, str]:
    """Return the patterns of the metric filters, by the name of the metric."""
    (listed,) = re.findall(r"^  log_metrics = \{\n(.*?)^  \}", file.read_text(), re.DOTALL | re.MULTILINE)
    found: dict[str, str] = {
        name: json.loads(pattern) for name, pattern in re.findall(r'^\s+([a-z-]+) += (".*")$', listed, re.MULTILINE)
    }
    return found


def matches(pattern: str, line: Line) -> bool:
    """Match a line with a pattern as CloudWatch does, for the operators of the stack: `=`, `*`, `&&` and `||`."""
    (inner,) = re.findall(r"^\{ (.*) \}$", pattern)
    assert not ("&&" in inner and "||" in inner), "the precedence of && and || is not implemented"
    decide = all if "&&" in inner else any
    return decide(_holds(term, line) for term in re.split(r" (?:&&|\|\|) ", inner))


def _holds(term: str, line: Line) -> bool:
    parts = re.fullmatch(r'\$\.(\w+) = "([^"\\?\[\]]+)"', term)
    assert parts is not None, f"not implemented: {term}"
    value = line.get(parts[1])
    return isinstance(value, str) and fnmatchcase(value, parts[2])


def counted(lines: list[Line]) -> dict[str, list[Line]]:
    """Return the lines that each metric counts."""
    return {name: [line for line in lines if matches(pattern, line)] for name, pattern in patterns().items()}


@pytest.fixture(scope="module")
def of_a_service() -> Iterator[dict[str, list[Line]]]:
    """Return lines of a real service: in normal operation, with wrong codes, during and after a failure of Redis."""
    require_redis_server()
    # One worker, because two workers may report the failure and the recovery of the store at different times.
    with (
        RedisServer() as store,
        Service(OPEN_MFA_REDIS_URL=store.url, WEB_CONCURRENCY="1") as service,
        service.browser() as browser,
    ):
        ends = [0]

        def since() -> list[Line]:
            lines = service.lines()
            begin = ends[-1]
            ends.append(len(lines))
            return lines[begin:]

        def post(path: str, **body: Any) -> int:
            return browser.post(f"{service.api}/session/{path}", json=body, timeout=10).status_code

        def says(message: str) -> Callable[[], bool]:
            return lambda: any(line["message"].startswith(message) for line in service.lines()[ends[-1] :])

        code = browser.post(f"{service.api}/session/otp", json={}, timeout=10).json()["code"]
        assert post("otp/verify", code=code) == 200
        assert requests.get(f"{service.api}/nowhere", timeout=10).status_code == 404
        wait_until(says("judged"), "the line", service.log)
        lines_of = {"normal operation": since()}
        assert post("hotp") == 201
        assert [post("hotp/verify", code="000000") for _ in range(6)] == [403] * 5 + [429]
        wait_until(lambda: any(line.get("reason") == "locked" for line in service.lines()), "the line", service.log)
        lines_of["wrong codes"] = since()
        store.kill()
        wait_until(says("the store is unavailable"), "the follower's log line", service.log)
        assert post("hotp/verify", code="000000") == 503
        wait_until(says("store unavailable"), "the line", service.log)
        lines_of["the store is unavailable"] = since()
        store.start()
        wait_until(says("the store is available again"), "the follower's log line", service.log)
        lines_of["the store is available again"] = since()
        yield lines_of


@pytest.mark.parametrize("file", [WATCHING, OF_LAMBDA], ids=lambda path: path.parent.name)
def test_every_alarm_on_log_lines_has_a_pattern(file: Path) -> None:
    """An alarm on a missing metric would never fire."""
    alarmed = re.findall(r'namespace\s+= local\.prefix, metric = "([a-z-]+)"', file.read_text())
    assert len(alarmed) >= 3
    assert set(alarmed) <= patterns(file).keys()


def test_both_deployments_count_the_same_lines() -> None:
    assert patterns(OF_LAMBDA) == patterns(WATCHING)


def test_lines_of_normal_operation_are_not_counted(of_a_service: dict[str, list[Line]]) -> None:
    lines = of_a_service["normal operation"]
    assert len(lines) >= 2
    assert {name for name, found in counted(lines).items() if found} == set()


def test_wrong_codes_are_counted(of_a_service: dict[str, list[Line]]) -> None:
    found = counted(of_a_service["wrong codes"])
    assert [line["message"] for line in found.pop("locks")] == ["locked"]
    # Five wrong codes, and a sixth during the lock.
    assert [line["reason"] for line in found.pop("refusals")] == ["wrong"] * 5 + ["locked"]
    assert {name for name, lines in found.items() if lines} == set()


def test_a_failure_of_the_store_is_counted(of_a_service: dict[str, list[Line]]) -> None:
    found = counted(of_a_service["the store is unavailable"])
    messages = {line["message"] for line in found.pop("store-unavailable")}
    assert messages == {"store unavailable", "the store is unavailable; requests get 503"}
    assert {name for name, lines in found.items() if lines} == set()


def test_the_recovery_of_the_store_is_not_counted(of_a_service: dict[str, list[Line]]) -> None:
    lines = of_a_service["the store is available again"]
    assert "the store is available again" in [line["message"] for line in lines]
    assert {name for name, found in counted(lines).items() if found} == set()


class Broken:
    """A Redis client with an unexpected error."""

    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError(name)


def test_an_unexpected_failure_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    api = Api(Broken())  # type: ignore[arg-type] # that is the point
    assert api.post("totp").status_code == 500
    found = counted([json.loads(line) for line in written(capsys).splitlines()])
    assert [line["message"] for line in found.pop("unexpected-failures")] == ["unexpected failure"]
    assert {name for name, lines in found.items() if lines} == set()
