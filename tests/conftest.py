"""Fixtures and hooks for all tests."""

import logging
import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from infrastructure.observability.lines import LINES
from infrastructure.observability.logs import SERVICE
from tests.support.redis_server import RedisServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")

MEASURED = "measured"
"""The property whose values are printed at the end of the run."""
MISSING_REDIS = "redis-server is not installed, so no test used a real Redis (Debian: apt-get install redis-server)"


def require_redis_server() -> None:
    """Fail the test in CI and skip it elsewhere, if redis-server is not installed."""
    if shutil.which("redis-server") is not None:
        return
    if os.environ.get("CI"):
        pytest.fail(MISSING_REDIS, pytrace=False)
    pytest.skip(MISSING_REDIS)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_setup() -> Iterator[None]:
    """Write the queued lines of a test while its output is still captured."""
    yield
    LINES.flush()


pytest_runtest_call = pytest_runtest_teardown = pytest_runtest_setup


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Restore the logging configuration, which is global."""
    loggers = [logging.getLogger(name) for name in ("", SERVICE)]
    before = [(logger.level, logger.handlers[:]) for logger in loggers]
    yield
    logging.captureWarnings(capture=False)
    for logger, (level, handlers) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Run one real Redis for all tests that do not damage it."""
    require_redis_server()
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """Run one real browser for all tests, because playwright's loop does not run twice in a thread."""
    from tests.support.browser import chromium  # noqa: PLC0415 - most runs need no browser

    with chromium() as running:
        yield running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the measurements, and what was not tested."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == MEASURED:
                terminalreporter.line(value)
    if shutil.which("redis-server") is None:
        terminalreporter.section("NOT TESTED", red=True)
        terminalreporter.line(MISSING_REDIS, red=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run with skipped tests in CI, where all programs must be installed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("Tests were skipped, which is a failure in CI.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
