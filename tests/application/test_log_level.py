"""The log level that all workers share."""

import pytest

from application.log_level import SharedLogLevel


class MemoryLevels:
    """The shared level in memory."""

    def __init__(self, level: str | None = None) -> None:
        self.level = level

    def read(self) -> str | None:
        return self.level

    def write(self, level: str) -> None:
        self.level = level


def test_another_instance_reads_a_written_record() -> None:
    levels = MemoryLevels()
    SharedLogLevel(levels, "INFO").write("DEBUG")

    assert SharedLogLevel(levels, "WARNING").read() == "DEBUG"


@pytest.mark.parametrize("stored", [None, "", "LOUD", "debug"])
def test_the_default_applies_if_no_level_is_set(stored: str | None) -> None:
    assert SharedLogLevel(MemoryLevels(stored), "WARNING").read() == "WARNING"
