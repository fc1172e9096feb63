"""The results as text of 80 columns."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bench.cases import BARE, FLOOR

_WIDTH: Final = 27


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a line for each case. `x(a)` and `x(b)` are ratios of requests per second, `p99x(b)` of latencies."""
    lines = [f"{'':{_WIDTH}}   req/s   p50 ms  p99 ms  CPU µs   x(a)  x(b)  p99x(b)"]
    for name, row in rows.items():
        one, other = row["ratios"][BARE], row["ratios"][FLOOR]
        lines.append(
            f"{name:{_WIDTH}} {row['requests_per_second']:7.0f}  {row['p50_ms']:7.1f} {row['p99_ms']:7.1f} "
            f"{row['cpu_us']:7.0f}  {one['requests_per_second']:5.2f} {other['requests_per_second']:5.2f}  "
            f"{other['p99_ms']:7.2f}"
        )
    return "\n".join(lines)


def flatness(figures: Mapping[str, Any]) -> str:
    """Return the influence of the number of stored credentials on speed."""
    few, many = figures["rows"].values()
    ratio = figures["ratios"]
    return (
        f"with {figures['few']:,} credentials {few['requests_per_second']:.0f} req/s, "
        f"with {figures['many']:,} {many['requests_per_second']:.0f}: "
        f"x {ratio['requests_per_second']:.2f}, p99 x {ratio['p99_ms']:.2f}"
    )


def memory(figures: Mapping[str, Mapping[str, float]]) -> str:
    """Return the bytes of one credential of a session in Redis, including its expiry."""
    lines = [f"{'bytes per credential':{_WIDTH}}  record  MEMORY USAGE  used_memory"]
    for factor, row in figures.items():
        lines.append(f"{factor:{_WIDTH}} {row['record']:7.0f} {row['memory_usage']:13.0f} {row['used_memory']:12.0f}")
    return "\n".join(lines)


def accounts(figures: Mapping[str, float]) -> str:
    """Return the bytes of one account in Redis."""
    return "\n".join(f"bytes per account with {factors}: {size:.0f}" for factors, size in figures.items())


def round_trips(figures: Mapping[str, Mapping[str, float]]) -> str:
    """Return the round trips to Redis and the commands of one request, including the commands of scripts."""
    lines = [f"{'per request':{_WIDTH}}  round trips  commands"]
    for name, row in figures.items():
        commands = ", ".join(f"{calls:g} {command}" for command, calls in row.items() if command != "round_trips")
        lines.append(f"{name:{_WIDTH}} {row['round_trips']:12g}  {commands}")
    return "\n".join(lines)


def sections(parts: Sequence[str]) -> str:
    """Join parts with blank lines."""
    return "\n\n".join(parts)
