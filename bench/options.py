"""The command line of the benchmarks."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PARTS: Final = ("cases", "open-loop", "scale", "storage")
ROOT: Final = Path(__file__).parents[1]
PUBLISHED: Final = Path(__file__).with_name("results.json")
"""The figures of the capacity page."""
PAGE: Final = ROOT / "docs/explanation/capacity.md"


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure, and where to write it.

    Attributes:
        rounds: the number of repetitions of each case.
        requests: the number of requests in a repetition.
        parts: the parts to measure.
        credentials: the numbers of stored credentials for which memory and resealing are measured.
        file: the file of results. It keeps the figures of parts that this run does not measure.
        publish: whether to write the capacity page, too.
        tables: whether to write only the capacity page, from the saved results.
        against: a saved run to compare with, or None.
        peer: the checkout of a peer, or None.
        peer_command: the command that starts the peer, or None for the one that its files suggest.
    """

    rounds: int
    requests: int
    parts: tuple[str, ...]
    credentials: tuple[int, ...]
    file: Path
    publish: bool
    tables: bool
    against: Path | None
    peer: Path | None
    peer_command: str | None


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Return the options. Exit with status 2 if they are wrong."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if "cases" not in given.only and (given.against or given.peer):
        parser.error("--against and --peer need the part `cases`")
    if given.peer_command and not given.peer:
        parser.error("--peer-command needs --peer")
    for name, path in (("--against", given.against), ("--peer", given.peer)):
        if path is not None and not path.exists():
            parser.error(f"{name}: {path} does not exist")
    return Options(
        rounds=given.rounds,
        requests=given.requests,
        parts=tuple(part for part in PARTS if part in given.only),
        credentials=tuple(given.credentials),
        file=given.json or (PUBLISHED if given.publish else ROOT / "build/bench.json"),
        publish=given.publish,
        tables=given.tables,
        against=given.against,
        peer=given.peer,
        peer_command=given.peer_command,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure the service, print tables, and write the results to a JSON file."
    )
    add = parser.add_argument
    add("--rounds", type=_positive, default=12, metavar="N", help="repetitions of each case (default: 12)")
    add("--requests", type=_positive, default=400, metavar="N", help="requests in a repetition (default: 400)")
    add("--only", nargs="+", choices=PARTS, default=PARTS, help="measure only these parts (default: all)")
    add(
        "--credentials",
        nargs="+",
        type=_positive,
        default=[1_000_000],
        metavar="N",
        help="measure memory and resealing with N stored credentials (default: 1000000)",
    )
    add("--json", type=Path, metavar="FILE", help="file for the results (default: build/bench.json)")
    add("--publish", action="store_true", help=f"write {PUBLISHED.name} and the capacity page")
    add("--tables", action="store_true", help=f"measure nothing, but write the page from {PUBLISHED.name} again")
    add("--against", type=Path, metavar="FILE", help="compare the cases with a saved run")
    add("--peer", type=Path, metavar="DIRECTORY", help="also measure wrong codes on the service of this checkout")
    add("--peer-command", metavar="COMMAND", help="command that starts the peer; it gets HOST, PORT and REDIS_URL")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
