"""The table of latencies at fixed arrival times."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bench.cases import FLOOR, GOOD_TOTP
from bench.tables.markdown import table

_HEADER: Final = ("scenario", "req/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "sent late (p99) ms", "queued")
_FIGURES: Final = ("p50_ms", "p99_ms", "p99_9_ms", "max_ms", "lateness_p99_ms")


def tables(part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return the section of the part `open-loop`."""
    rows = {
        f"{scenario}: {stream}": row
        for scenario, streams in part["scenarios"].items()
        for stream, row in streams.items()
    }
    lines = [
        [name, f"{row['rate']:.0f}", *(f"{row[figure]:.1f}" for figure in _FIGURES), f"{row['queued']:,}"]
        for name, row in rows.items()
    ]
    requests = min(row["requests"] for row in rows.values())
    yield "open-loop", "\n\n".join([table(_HEADER, lines), _notes(requests, part["closed_loop"], part["proxy"])])


def _notes(requests: int, closed: Mapping[str, float], proxy: Mapping[str, float]) -> str:
    return (
        f"Each row has {requests:,} requests. In a closed loop, the verification reached {closed[GOOD_TOTP]:.0f} "
        f"requests per second, and (b) {closed[FLOOR]:.0f}. The delaying proxy added {proxy['added_p50_ms']:.2f} ms to "
        f"the median round trip to Redis and {proxy['added_p99_ms']:.2f} ms to the 99th percentile, and used "
        f"{proxy['cpu_us']:.0f} µs of CPU time for each round trip."
    )
