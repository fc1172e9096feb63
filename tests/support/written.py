"""The text that this process has written to standard error."""

import pytest

from infrastructure.observability.lines import LINES


def written(capsys: pytest.CaptureFixture[str]) -> str:
    """Wait for the writer thread, and return the text since the last call."""
    assert LINES.flush()
    return capsys.readouterr().err
