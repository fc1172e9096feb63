"""The command line of the benchmarks."""

from pathlib import Path

import pytest
from bench.options import PUBLISHED, parse


def test_without_options_everything_is_measured_and_nothing_is_published() -> None:
    options = parse([])

    assert options.parts == ("cases", "open-loop", "scale", "storage")
    assert not options.publish
    assert options.file != PUBLISHED


def test_publishing_writes_the_saved_results() -> None:
    assert parse(["--publish"]).file == PUBLISHED


def test_parts_run_in_their_usual_order() -> None:
    assert parse(["--only", "storage", "cases"]).parts == ("cases", "storage")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--only", "storage", "--against", "{file}"],
        ["--only", "scale", "--peer", "{file}"],
        ["--peer-command", "true"],
        ["--against", "missing.json"],
        ["--peer", "missing"],
        ["--rounds", "0"],
        ["--only", "everything"],
    ],
)
def test_wrong_options_are_refused(arguments: list[str], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(SystemExit, match="2"):
        parse([argument.format(file=file) for argument in arguments])
