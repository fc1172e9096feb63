"""Tables of workers, of the Cluster, and of the time to start."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bench.cases import GOOD_TOTP
from bench.tables.markdown import table

_MIB: Final = 1 << 20
_RATIOS: Final = ("requests_per_second", "cpu_us", "p99_ms")


def tables(part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return the sections of the part `scale`."""
    yield "workers", _workers(part["workers"])
    yield "cluster", _cluster(part["cluster"])
    yield "start", _start(part["start"], part["commands"])


def _workers(figures: Mapping[str, Any]) -> str:
    lines = []
    for count, row in figures["rows"].items():
        memory = figures["memory"][count]
        total = memory["master_bytes"] + memory["workers"] * memory["worker_bytes"]
        speed = [f"{row['requests_per_second']:.0f}", f"{row['ratios']['1']['requests_per_second']:.2f}"]
        times = [f"{row['p99_ms']:.1f}", f"{row['cpu_us']:.0f}"]
        sizes = [f"{memory['worker_bytes'] / _MIB:.0f}", f"{total / _MIB:.0f}"]
        lines.append([count, str(memory["workers"]), *speed, *times, *sizes])
    speed_header = ["req/s", "req/s / 1 per core", "p99 ms", "CPU µs"]
    header = ["workers per core", "workers", *speed_header, "MiB per worker", "MiB with the master"]
    return (
        f"{table(header, lines)}\n\n"
        f"The case is `{GOOD_TOTP}`, on {figures['connections']} connections in total. Each worker has "
        f"{figures['threads']} threads. Memory is the proportional set size of a service that runs alone, after"
        " some requests."
    )


def _cluster(figures: Mapping[str, Any]) -> str:
    lines = []
    for case, places in figures.items():
        base = next(iter(places))
        for place, row in places.items():
            speed = [f"{row['requests_per_second']:.0f}", f"{row['p99_ms']:.1f}", f"{row['cpu_us']:.0f}"]
            ratios = [f"{row['ratios'][base][metric]:.2f}" for metric in _RATIOS]
            lines.append([f"{case}, {place}", *speed, *ratios])
    ratios = ["req/s / single", "CPU / single", "p99 / single"]
    return table(["case", "req/s", "p99 ms", "CPU µs", *ratios], lines)


def _start(start: Mapping[str, Any], commands: Mapping[str, float]) -> str:
    lines = [
        ["`open-mfa serve`: first answer of `/healthz`", f"{start['health_seconds']:.2f}"],
        ["`open-mfa serve`: answer to an enrolment right after it", f"{start['enrolment_seconds']:.2f}"],
        *([f"`{command}`: end of the process", f"{seconds:.2f}"] for command, seconds in commands.items()),
    ]
    header = ["from the start of the process to", "seconds"]
    return f"{table(header, lines)}\n\nEach figure is the median of {start['starts']} runs."
