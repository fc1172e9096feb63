"""The result of a verification for people."""

from collections import Counter
from typing import Final

from infrastructure.observability.audit_verification.conclusion import Options
from infrastructure.observability.audit_verification.result import ChainReport, Result
from presentation.cli.output import say

INTACT: Final = 0
TAMPERED: Final = 1
NOTHING: Final = 3
_SHOWN: Final = 100
"""Findings and chains that are shown each."""


def status_of(result: Result) -> int:
    """Return the exit status."""
    if result.is_empty:
        return NOTHING
    return INTACT if result.is_intact else TAMPERED


def show(result: Result, options: Options, *, has_private_key: bool) -> None:
    """Print the result: the verdict, the findings, and the chains that did not end regularly."""
    if result.is_empty:
        say("NOTHING TO VERIFY: there is no audit line and no anchor.")
        return
    open_chains = [chain for chain in result.chains if not chain.ended]
    valid = f"{_number(result.lines, 'line')} in {_number(len(result.chains), 'chain')}"
    if result.is_intact:
        say(f"INTACT: {valid}. No line was changed, removed or inserted.")
    else:
        say(f"NOT INTACT: {_number(result.count, 'finding')}. As written: {valid}.")
    for finding in result.findings[:_SHOWN]:
        place = "" if finding.place is None else f"{finding.place}: "
        chain = "" if finding.chain is None else f"chain {finding.chain}: "
        say(f"  {place}{finding.kind}: {chain}{finding.text}")
    if result.count > _SHOWN:
        counts = Counter(finding.kind.value for finding in result.findings)
        say(f"  and {result.count - _SHOWN} more; by kind: " + ", ".join(f"{kind} {n}" for kind, n in counts.items()))
    if open_chains:
        say(f"Not ended: {_number(len(open_chains), 'chain')}, of processes that run or were killed.")
        say("Last lines of such a chain may be missing.")
        for each in open_chains[:_SHOWN]:
            say(f"  {_described(each)}")
    for note in _notes(result, options, has_private_key=has_private_key):
        say(f"Note: {note}")


def _described(chain: ChainReport) -> str:
    anchor = "no anchor" if chain.anchored is None else f"anchored up to line {chain.anchored}"
    return (
        f"chain {chain.chain} ({chain.source or 'unknown source'}): lines {chain.first} to {chain.last},"
        f" {chain.start} to {chain.end}, {anchor}"
    )


def _notes(result: Result, options: Options, *, has_private_key: bool) -> list[str]:
    notes = []
    if not options.has_anchors:
        notes.append("without anchors, a lost end cannot be told from a crash, and a lost chain is found only by luck.")
    plain = sum(not chain.sealed for chain in result.chains)
    if plain and (options.allow_plain or not has_private_key):
        notes.append(
            f"not sealed: {_number(plain, 'chain')}. Somebody who has the audit key can have written such a chain."
        )
    unwitnessed = sum(chain.sealed and not chain.witnessed for chain in result.chains)
    if unwitnessed:
        notes.append(
            f"sealed, but in no export (--anchors): {_number(unwitnessed, 'chain')}. Somebody who has taken over the"
            " service can have replaced such a chain."
        )
    return notes


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
