"""The report that compares the cases of two runs."""

from collections.abc import Mapping
from typing import Any

from bench.cases import FLOOR
from bench.noise import RULE, Change, changes
from bench.tables.markdown import table
from bench.targets import UNITS


def report(now: Mapping[str, Any], before: Mapping[str, Any] | None, name: str) -> str:
    """Return the cases that moved beyond the noise, the rule for it, and the cases that only one run measured."""
    if before is None:
        return f"{name} has no cases to compare with."
    found = changes(now["rounds"], before["rounds"])
    moved = [change for change in found if change.has_moved]
    lines = [f"## comparison with {name} (commit {before['environment']['commit']})", "", RULE, "", _floor(now, before)]
    if moved:
        header = ["case", "relative to (b)", "change", "noise", ""]
        lines += ["", table(header, [_row(change) for change in moved])]
    lines += ["", f"{len(moved)} of {len(found)} figures moved beyond the noise."]
    for text, cases in (
        ("Only this run", now["rounds"].keys() - before["rounds"].keys()),
        (f"Only {name}", before["rounds"].keys() - now["rounds"].keys()),
    ):
        if cases:
            lines.append(f"{text} measured {', '.join(sorted(cases))}.")
    return "\n".join(lines)


def _row(change: Change) -> list[str]:
    verdict = "better" if change.is_better else "worse"
    return [change.case, UNITS[change.metric], f"{change.change:+.0%}", f"±{change.noise:.0%}", verdict]


def _floor(now: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """Return how the machine itself changed, which the ratios to (b) leave out."""
    ours, theirs = (part["rows"][FLOOR]["requests_per_second"] for part in (now, before))
    return f"(b) reached {ours:.0f} requests per second in this run, and {theirs:.0f} in the saved one."
