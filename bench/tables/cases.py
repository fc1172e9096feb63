"""Tables of the cases, of the targets, and of the use of Redis."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bench.cases import BARE, CHALLENGE, CHECK, FLOOR, GOOD_TOTP, ONE_GET, PEER, WRONG_TOTP
from bench.tables.markdown import table
from bench.targets import TARGETS

_RATIOS: Final = ("requests_per_second", "cpu_us", "p99_ms")
_HEADER: Final = ("case", "req/s", "p50 ms", "p99 ms", "CPU µs", "req/s / (b)", "CPU / (b)", "p99 / (b)")
_REQUESTS: Final = (GOOD_TOTP, WRONG_TOTP, CHALLENGE, CHECK, FLOOR, ONE_GET, BARE)


def tables(part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return the sections of the part `cases`."""
    rows = part["rows"]
    yield "cases", table(_HEADER, [_case(name, row) for name, row in rows.items()])
    yield "targets", _targets(rows)
    yield "per-core", _per_core(rows)
    if PEER in rows:
        yield "peer", _peer(rows[WRONG_TOTP]["ratios"][PEER])
    yield "round-trips", _round_trips(part["redis"])


def _case(name: str, row: Mapping[str, Any]) -> list[str]:
    latencies = [f"{row[metric]:.1f}" for metric in ("p50_ms", "p99_ms")]
    ratios = [f"{row['ratios'][FLOOR][metric]:.2f}" for metric in _RATIOS]
    return [name, f"{row['requests_per_second']:.0f}", *latencies, f"{row['cpu_us']:.0f}", *ratios]


def _targets(rows: Mapping[str, Any]) -> str:
    met = [target.is_met(rows) for target in TARGETS]
    lines = [
        [target.case, str(target), f"{target.ratio(rows):.2f}", "yes" if is_met else "no"]
        for target, is_met in zip(TARGETS, met, strict=True)
    ]
    return f"{table(['case', 'target', 'measured', 'met'], lines)}\n\n{sum(met)} of {len(TARGETS)} targets are met."


def _per_core(rows: Mapping[str, Any]) -> str:
    lines = [[name, f"{rows[name]['cpu_us'] / 1000:.2f} ms", f"{1e6 / rows[name]['cpu_us']:.0f}"] for name in _REQUESTS]
    return table(["request", "CPU time for each", "requests per second and core"], lines)


def _peer(ratios: Mapping[str, float]) -> str:
    return (
        f"`{WRONG_TOTP}` has {ratios['requests_per_second']:.2f} times the throughput of the peer, "
        f"{ratios['cpu_us']:.2f} times its CPU time, and {ratios['p99_ms']:.2f} times its p99."
    )


def _round_trips(figures: Mapping[str, Mapping[str, float]]) -> str:
    lines = [
        [
            name,
            f"{row['round_trips']:g}",
            ", ".join(f"{calls:g} {command}" for command, calls in row.items() if command != "round_trips") or "none",
        ]
        for name, row in figures.items()
    ]
    return table(["case", "round trips", "commands, including those of scripts"], lines)
