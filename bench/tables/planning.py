"""The table of memory and cores for numbers of users, calculated from measured figures."""

from collections.abc import Mapping
from typing import Any, Final

from bench.cases import CHALLENGE
from bench.tables.markdown import table

_USERS: Final = (10_000, 10_000_000, 1_000_000_000)
_BUSY_HOUR: Final = 0.1 / 3600
"""Log-ins per second of an account that logs in once a day, if a tenth of all log-ins fall into one hour."""
_RESERVE: Final = 2
"""Cores of which one half is free."""
_THOUSAND: Final = 1000


def table_of_users(cases: Mapping[str, Any], storage: Mapping[str, Any]) -> str:
    """Return memory and cores. Each log-in is one challenge."""
    cpu = cases["rows"][CHALLENGE]["cpu_us"] / 1e6
    lines = []
    for users in _USERS:
        log_ins = users * _BUSY_HOUR
        sizes = [size_of(users * size) for size in storage["accounts"].values()]
        lines.append([f"{users:,}", *sizes, f"{log_ins:,.1f}", f"{log_ins * cpu * _RESERVE:,.1f}"])
    sizes = [f"Redis, accounts with {factors}" for factors in storage["accounts"]]
    return table(["accounts", *sizes, "log-ins per second", "cores"], lines)


def size_of(size: float) -> str:
    """Return a number of bytes with a decimal unit, at most GB."""
    for unit in ("B", "kB", "MB"):
        if size < _THOUSAND:
            return f"{size:.1f} {unit}"
        size /= _THOUSAND
    return f"{size:,.1f} GB"
