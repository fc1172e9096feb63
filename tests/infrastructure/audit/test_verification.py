"""The findings of the verification, each caused as an attacker or a failure would cause it."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.observability.audit_chain import construction
from infrastructure.observability.audit_chain.anchor import Anchor, read_anchor
from infrastructure.observability.audit_chain.run import Run
from infrastructure.observability.audit_verification import Kind, Secrets
from infrastructure.observability.formats import json_line, rfc3339
from tests.infrastructure.audit import vectors
from tests.infrastructure.audit.trail import AUDIT_KEY, PLAIN_SECRETS, PRIVATE_KEY, START, Process, kinds, verified

DAY = 86400


@pytest.fixture
def process() -> Process:
    return Process().write(6)


def lines_of_vectors() -> tuple[list[bytes], list[str]]:
    (plain, _, one), (sealed, _, other) = vectors.plain_chain(), vectors.sealed_chain()
    return [f"{line}\n".encode() for line in (*plain, *sealed)], [one, other]


def test_the_vectors_of_the_page_are_intact() -> None:
    lines, anchors = lines_of_vectors()
    result = verified(lines, exported=[read_anchor(each) for each in anchors], allow_plain=True)
    assert result.is_intact
    assert [(each.ended, each.sealed, each.anchored) for each in result.chains] == [(True, False, 2), (False, True, 1)]


def test_the_lines_of_several_processes_are_intact_in_any_order_of_processes_and_files() -> None:
    processes = [Process(sealed=number % 2 == 0).write(5) for number in range(4)]
    anchors = [each.end() for each in processes[:2]] + [each.anchor() for each in processes[2:]]
    randomness = random.Random(7)
    queues = [list(each.lines) for each in processes]
    mixed = []
    while any(queues):
        mixed.append(randomness.choice([queue for queue in queues if queue]).pop(0))
    cut = len(mixed) // 2
    for files in ([mixed], [mixed[:cut], mixed[cut:]], [mixed[cut:], mixed[:cut]]):
        result = verified(*files, exported=anchors, allow_plain=True)
        assert result.is_intact, result.findings
        assert (result.lines, len(result.chains)) == (len(mixed), 4)


def test_lines_of_other_loggers_are_ignored(process: Process) -> None:
    other = b'{"time":"2026-11-28T03:40:00.000Z","level":"INFO","logger":"open_mfa.server","message":"serving"}\n'
    text = b'Traceback: open_mfa.audit "logger" \xff\n\n'
    lines = [part for line in process.lines for part in (line, other, text)]
    assert verified(lines).is_intact


def test_nothing_to_verify_is_not_intact_and_not_tampered() -> None:
    assert verified(b"hello\n").is_empty
    assert not verified(Process().write().lines).is_empty


@pytest.mark.parametrize("removed", [0, 1, 3, 6])
def test_a_removed_line_is_found(process: Process, removed: int) -> None:
    anchor = process.anchor()
    lines = process.lines
    del lines[removed]
    expected = {0: {"missing-start"}, 6: {"truncated"}}.get(removed, {"gap"})
    assert kinds(verified(lines, exported=[anchor])) == expected


def test_a_gap_names_all_missing_lines(process: Process) -> None:
    lines = process.lines
    (finding,) = verified([*lines[:2], *lines[4:]]).findings
    assert "the lines 2 to 3 are missing, after file-0:2" in finding.text
    assert str(finding.place) == "file-0:3"


def test_swapped_lines_are_found(process: Process) -> None:
    lines = process.lines
    lines[2], lines[3] = lines[3], lines[2]
    assert kinds(verified(lines)) == {"out-of-order"}
    assert verified(lines, unordered=True).is_intact


def test_a_repeated_line_is_found(process: Process) -> None:
    assert kinds(verified([*process.lines, process.lines[-1]])) == {"duplicate"}
    assert kinds(verified(process.lines, process.lines)) == {"duplicate"}


def test_a_line_of_another_chain_does_not_replace_a_line(process: Process) -> None:
    lines, other = process.lines, Process().write(6, account="eve").lines
    end = lines[3][lines[3].index(b',"chain"') :]
    lines[3] = other[3][: other[3].index(b',"chain"')] + end
    assert kinds(verified(lines)) == {"changed", "gap"}


def test_an_inserted_line_without_a_code_is_found(process: Process) -> None:
    line = process.lines[1]
    bare = line[: line.index(b',"chain"')] + b"}\n"
    for inserted in (
        bare,
        bare.replace(b'"logger":"', b'"logger": "'),
        bare.replace(b"open_mfa.audit", b"open_mfa\\u002eaudit"),
    ):
        assert kinds(verified([*process.lines, inserted])) == {"bare"}
    assert kinds(verified([bare])) == {"bare"}


def test_the_part_of_a_line_that_was_written_again_is_no_finding(process: Process) -> None:
    lines = process.lines
    part = lines[3][:150]
    assert verified([*lines[:3], part + b"\n", *lines[3:]]).is_intact
    assert verified([*lines[:3], part, *lines[3:]]).is_intact
    assert kinds(verified([*lines, part + b"\n"])) == {"bare"}


def test_a_killed_process_is_reported_as_intact_and_a_truncated_one_is_not(process: Process) -> None:
    anchor = process.anchor()
    result = verified(process.write(2).lines, exported=[anchor])
    assert result.is_intact
    assert [(each.ended, each.anchored) for each in result.chains] == [(False, 6)]
    assert kinds(verified(process.lines[:6], exported=[anchor])) == {"truncated"}


def test_a_missing_chain_is_found_by_its_anchor_and_by_the_head_of_another(process: Process) -> None:
    other = Process(heads=process.head).write()
    assert kinds(verified(other.lines, exported=[process.anchor(), other.anchor()])) == {"missing-chain"}
    assert kinds(verified(other.lines)) == {"missing-chain"}
    assert kinds(verified(other.lines, process.lines[:5])) == {"truncated"}
    assert verified(other.lines, process.lines).is_intact


def test_chains_of_sources_that_are_elsewhere_can_be_missing(process: Process) -> None:
    command = Process(source="command@admin").write()
    anchors = [process.anchor(), command.anchor()]
    assert kinds(verified(process.lines, exported=anchors)) == {"missing-chain"}
    assert verified(process.lines, exported=anchors, without=["command@*"]).is_intact


def test_a_chain_without_an_anchor_is_found_unless_the_store_failed(process: Process) -> None:
    assert kinds(verified(process.lines, exported=[])) == {"no-anchor"}
    assert verified(process.lines, exported=[], now=START + 500 * DAY).is_intact
    assert verified(Process(heads=lambda: None).write().lines, exported=[]).is_intact


def test_older_lines_can_be_missing_only_as_far_as_a_baseline_names_them(process: Process) -> None:
    baseline = process.anchor()
    lines = process.write(4).lines
    assert kinds(verified(lines[7:])) == {"unknown-key"}
    assert verified(lines[7:], baseline=[baseline]).is_intact
    assert verified(lines[5:], baseline=[baseline]).is_intact
    assert kinds(verified(lines[8:], baseline=[baseline])) == {"missing-start"}


def test_lines_after_the_end_of_the_files_can_be_missing(process: Process) -> None:
    lines, end = process.lines, process.anchor().last
    anchor = process.write(3).anchor()
    assert kinds(verified(lines, exported=[anchor])) == {"truncated"}
    assert verified(lines, exported=[anchor], until=end).is_intact
    assert kinds(verified(lines, exported=[anchor], until=anchor.last)) == {"truncated"}


def written_anew(anchor: Anchor, number: int) -> tuple[list[bytes], Anchor]:
    """Return a chain with the id of another, as somebody writes it who knows the audit key and the public key."""
    secret = bytes(32)
    sealed = construction.seal(secret, construction.public_key(PRIVATE_KEY), anchor.chain)
    members = {"chain_format": 1, "key": anchor.key_id, "sealed": sealed, "source": anchor.source, "heads": {}}
    run = Run(anchor.chain, construction.first_key(AUDIT_KEY, anchor.chain, secret), members, until=0)
    lines = [run.complete(json_line(START, "INFO", "open_mfa.audit", construction.STARTED, members))]
    event = json_line(START, "INFO", "open_mfa.audit", "judged", {"account": "eve"})
    lines += [run.complete(event) for _ in range(number - 1)]
    return lines, read_anchor(run.anchor(rfc3339(START)).text)


def test_a_chain_that_was_written_anew_is_found_by_an_export_and_by_a_later_chain(process: Process) -> None:
    exported, later = process.anchor(), Process(heads=process.head).write()
    lines, anchor = written_anew(exported, 7)
    assert verified(lines, exported=[anchor]).is_intact
    assert "replaced" in kinds(verified(lines, exported=[exported, anchor]))
    assert not verified(lines, exported=[exported], anchors=[anchor]).is_intact
    assert "replaced" in kinds(verified(lines, later.lines))


@pytest.mark.parametrize(
    "heads", [{"x": 1}, {"a" * 32: [1 << 40, "c", "t"]}, {"a" * 32: [-1, 2, 3]}, {"x" * 32: [1, "c", "t"]}]
)
def test_heads_of_another_form_raise_no_error(heads: Any) -> None:
    assert verified(Process(heads=lambda: heads).write().lines).is_intact


def test_an_anchor_that_was_changed_is_found(process: Process) -> None:
    anchor = process.anchor()
    changed = read_anchor(anchor.text.replace('"seq":6', '"seq":5'))
    assert kinds(verified(process.lines, exported=[changed])) == {"bad-anchor", "no-anchor"}


def test_a_plain_chain_is_found_if_there_is_a_private_key() -> None:
    lines = Process(sealed=False).write().lines
    assert kinds(verified(lines)) == {"plain"}
    assert verified(lines, secrets=PLAIN_SECRETS).is_intact
    assert verified(lines, allow_plain=True).is_intact


@pytest.mark.parametrize(
    "secrets", [Secrets([AUDIT_KEY]), Secrets([AUDIT_KEY], [bytes(32)]), Secrets([bytes(32)], [PRIVATE_KEY])]
)
def test_without_the_right_keys_nothing_is_intact(process: Process, secrets: Secrets) -> None:
    assert kinds(verified(process.lines, secrets=secrets)) == {"unknown-key"}


def test_several_audit_keys_can_be_given() -> None:
    lines = [*Process().write().lines, *Process(audit_key=bytes(32)).write().lines]
    assert verified(lines, secrets=Secrets([AUDIT_KEY, bytes(32)], [PRIVATE_KEY])).is_intact


def test_forged_numbers_end_in_a_finding_and_not_in_endless_work(process: Process) -> None:
    forged = [
        line.replace(b'"seq":3,', b'"seq":9999999,').replace(b'"seq":4,', b'"seq":1048575,') for line in process.lines
    ]
    assert kinds(verified(forged)) == {"changed", "gap"}


def test_damaged_files_raise_no_error(process: Process) -> None:
    content = b"".join(process.lines)
    for damaged in (content[:-1], content[:-30], content[5:], content[::-1], content * 2, b"\0" * 100 + content):
        verified(damaged)


@given(st.data())
def test_no_rearrangement_of_lines_is_intact(data: st.DataObject) -> None:
    """Any sequence of genuine lines is intact only if it is a sequence that the service can have left."""
    processes = [Process().write(3), Process().write(3)]
    anchors = [each.end() for each in processes]
    genuine = [line for each in processes for line in each.lines]
    chosen = data.draw(st.lists(st.sampled_from(genuine), max_size=12))
    complete = all([line for line in chosen if line in each.lines] == each.lines for each in processes)
    assert verified(chosen, exported=anchors).is_intact is complete


def test_the_page_names_every_finding() -> None:
    page = (Path(__file__).parents[3] / "docs/explanation/audit-trail.md").read_text()
    assert all(f"| `{kind.value}` |" in page for kind in Kind)
