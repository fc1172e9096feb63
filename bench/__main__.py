"""Measure the service, print tables, and write the results to a JSON file and to the capacity page."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import comparison, results, tables
from bench.http import WrongAnswer
from bench.options import PAGE, PUBLISHED, Options, parse
from bench.page import render
from bench.parts import cases, open_loop, scale, storage
from bench.parts.starting import say
from bench.peer import UnknownPeer
from bench.reseal import NotResealed

MEASURE = {"cases": cases.measure, "open-loop": open_loop.measure, "scale": scale.measure, "storage": storage.measure}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks. Return 1 after an unexpected answer, and 0 otherwise, however long the answers took."""
    options = parse(arguments)
    if options.tables:
        _publish(PAGE, results.load(PUBLISHED))
        return 0
    if shutil.which("redis-server") is None:
        say("The benchmarks require redis-server (Debian: apt-get install redis-server).")
        return 1
    before = results.load(options.against) if options.against else None
    try:
        parts = _measure(options)
    except (WrongAnswer, UnknownPeer, NotResealed) as error:
        say(f"{type(error).__name__}: {error}")
        return 1
    say("", *(f"## {name}\n\n{table}\n" for name, table in tables.sections(parts).items()))
    if before is not None:
        say(comparison.report(parts["cases"], before.get("cases"), str(options.against)))
    everything = results.load(options.file) | parts
    results.save(options.file, everything)
    say(f"The results are in {options.file}.")
    if options.publish:
        _publish(PAGE, everything)
    return 0


def _measure(options: Options) -> dict[str, Any]:
    parts = {}
    for name in options.parts:
        say(f"Measuring {name}.")
        parts[name] = results.measured(MEASURE[name], options)
        say(f"{name} took {parts[name]['environment']['seconds']:.0f} s.")
    return parts


def _publish(page: Path, everything: dict[str, Any]) -> None:
    page.write_text(render(page.read_text(), tables.sections(everything)))
    say(f"The tables are in {page}.")


if __name__ == "__main__":
    sys.exit(main())
