"""Tables of memory in Redis and of resealing."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bench.cases import WRONG_TOTP
from bench.tables.markdown import table

_GIB: Final = 1 << 30


def tables(part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return the sections of the part `storage`."""
    yield "flatness", _flatness(part["flatness"])
    yield "memory", _memory(part["accounts"], part["memory"])
    yield "credentials", _credentials(part)


def _flatness(figures: Mapping[str, Any]) -> str:
    few, many = figures["rows"]
    ratios = figures["ratios"]
    return (
        f"With {many}, the throughput of `{WRONG_TOTP}` was {ratios['requests_per_second']:.2f} times that with {few}, "
        f"and its p99 was {ratios['p99_ms']:.2f} times as long."
    )


def _memory(accounts: Mapping[str, float], sessions: Mapping[str, Mapping[str, float]]) -> str:
    lines = [[f"an account with {factors}", f"{size:.0f}"] for factors, size in accounts.items()]
    lines += [
        [f"a session's {factor.upper()}, with its expiry", f"{row['used_memory']:.0f}"]
        for factor, row in sessions.items()
    ]
    return table(["in Redis, including the key", "bytes"], lines)


def _credentials(part: Mapping[str, Any]) -> str:
    lines = []
    for text, row in part["credentials"].items():
        count = int(text)
        hours = (count / row["sealed_per_second"] + count / row["checked_per_second"]) / 3600
        memory = [f"{row['used_memory'] / _GIB:.2f}", f"{row['rss'] / _GIB:.2f}", f"{row['used_memory'] / count:.0f}"]
        speed = [f"{row['sealed_per_second']:.0f}", f"{row['checked_per_second']:.0f}", f"{hours:.2f}"]
        lines.append([f"{count:,}", *memory, *speed])
    memory_header = ["GiB of data", "GiB of the process", "bytes each"]
    header = ["credentials", *memory_header, "sealed again per s", "checked per s", "hours for all"]
    return (
        f"{table(header, lines)}\n\n"
        f"The first rate is that of the first {part['sealed']:,} credentials that the command visits, and the second "
        f"one that of the first {part['checked']:,}, or of all if there are fewer. The last column is calculated: all "
        "are sealed again, and then checked once more."
    )
