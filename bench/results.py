"""The file of results: the figures of each part, with the environment in which it was measured."""

import json
import os
import platform
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench.options import ROOT, Options

DIGITS: Final = 5
"""Significant digits in the file, far more than the noise leaves."""


def measured(measure: Callable[[Options], dict[str, Any]], options: Options) -> dict[str, Any]:
    """Return the figures of one part, with its environment and duration."""
    environment = _environment(options)
    begun = time.monotonic()
    figures = measure(options)
    environment["seconds"] = time.monotonic() - begun
    rounded_figures: dict[str, Any] = rounded({"environment": environment} | figures)
    return rounded_figures


def load(file: Path) -> dict[str, Any]:
    """Return the parts of a file; none if it does not exist."""
    return dict(json.loads(file.read_text())) if file.exists() else {}


def save(file: Path, parts: dict[str, Any]) -> None:
    """Write the parts."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(parts, indent=1, ensure_ascii=False) + "\n")


def rounded(value: Any) -> Any:
    """Return the value with all floating-point numbers rounded to `DIGITS` significant digits."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _environment(options: Options) -> dict[str, Any]:
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": _output("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
        "python": platform.python_version(),
        "redis": _output("redis-server", "--version").partition("v=")[2].partition(" ")[0],
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "rounds": options.rounds,
        "requests": options.requests,
    }


def _output(*command: str) -> str:
    """Return the output of a program; "unknown" if it fails, such as git outside of a repository."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603 - constants
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
