"""Fixtures of the tests of the command line."""

import pytest

from tests.support.command_line import MISSING_OATHTOOL, has_oathtool, require_oathtool


@pytest.fixture(scope="session")
def oathtool() -> None:
    require_oathtool()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Report prominently that no code was compared with oathtool."""
    if not has_oathtool():
        terminalreporter.section("NOT TESTED", red=True)
        terminalreporter.line(MISSING_OATHTOOL, red=True)
