"""The real service, once for all tests that only use it."""

from collections.abc import Iterator

import pytest

from tests.support.browser import MISSING_CHROMIUM, is_installed
from tests.support.redis_server import RedisServer
from tests.support.service import Service

TWO_BY_EIGHT = {"WEB_CONCURRENCY": "2", "THREADS": "8"}


@pytest.fixture(scope="session")
def service(redis_server: RedisServer) -> Iterator[Service]:
    with Service(OPEN_MFA_REDIS_URL=redis_server.url, **TWO_BY_EIGHT) as running:
        yield running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says loudly what was not looked at."""
    if not is_installed():
        terminalreporter.section("NOT TESTED", red=True)
        terminalreporter.line(MISSING_CHROMIUM, red=True)
