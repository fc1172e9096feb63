"""The text that this process has written to stderr."""

import pytest

from infrastructure.lines import LINES


def written(capsys: pytest.CaptureFixture[str]) -> str:
    """All of it since the last time, once the writer thread has come to the end of its queue."""
    assert LINES.flush()
    return capsys.readouterr().err
