"""The chain that a process writes."""

import os
import threading
import time

import pytest

from application.errors import AuditUnavailable
from infrastructure.observability.audit import AuditTrail
from infrastructure.observability.audit_chain import chain as chain_module
from infrastructure.observability.audit_chain import construction
from infrastructure.observability.direct_lines import DirectLines
from infrastructure.observability.formats import json_line
from infrastructure.observability.lines import Lines
from infrastructure.observability.metrics import Metrics
from tests.infrastructure.audit.trail import Process, fields, verified


def test_a_line_ends_with_its_chain_its_number_and_its_code() -> None:
    lines = [fields(line) for line in Process().write(2).lines]
    assert [list(line)[-3:] for line in lines] == [["chain", "seq", "mac"]] * 3
    assert [line["seq"] for line in lines] == [0, 1, 2]
    assert len({line["mac"] for line in lines}) == 3


def test_a_sealed_chain_needs_its_own_secret() -> None:
    one, two = (fields(Process().write().lines[0]) for _ in range(2))
    assert one["sealed"] != two["sealed"]
    assert "sealed" not in fields(Process(sealed=False).write().lines[0])


def test_threads_write_one_chain_without_gaps() -> None:
    process = Process()
    threads = [threading.Thread(target=process.write, args=(200,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result = verified(process.lines)
    assert result.is_intact
    assert result.lines == 1601


def test_a_chain_ends_after_a_day_and_the_next_one_lists_it() -> None:
    process = Process().write()
    process.now += chain_module.LONGEST_SECONDS
    process.chain.renew()
    process.write()
    lines = [fields(line) for line in process.lines]
    assert [line["message"] for line in lines] == ["chain-started", "judged", "chain-ended", "chain-started", "judged"]
    assert lines[3]["heads"][lines[0]["chain"]][0] == 2
    assert verified(process.lines).is_intact


def test_a_chain_has_a_limited_number_of_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(construction, "LIMIT", chain_module.MARGIN + 10)
    process = Process().write(30)
    lines = [fields(line) for line in process.lines]
    assert max(line["seq"] for line in lines) == 10
    assert len({line["chain"] for line in lines}) == 4
    assert verified(process.lines).is_intact


def test_a_line_after_the_end_begins_a_new_chain() -> None:
    process = Process().write()
    process.end()
    process.write()
    assert len({fields(line)["chain"] for line in process.lines}) == 2
    assert verified(process.lines).is_intact


def test_a_forked_child_begins_its_own_chain() -> None:
    process = Process().write(2)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        process.write()
        os.write(writer, process.lines[-1])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        child = fields(pipe.read())
    os.waitpid(pid, 0)
    process.write()
    assert child["chain"] != fields(process.lines[-1])["chain"]
    assert (child["seq"], fields(process.lines[-1])["seq"]) == (1, 3)
    assert verified(process.lines).is_intact


def test_the_first_line_with_the_most_heads_is_written_in_one_piece() -> None:
    heads = {os.urandom(16).hex(): (1_048_575, "f" * 32, "2026-11-28T03:40:00.000Z") for _ in range(40)}
    (first, _) = Process(heads=lambda: dict(list(heads.items())[: construction.HEADS]), source="s" * 64).write().lines
    assert len(first) <= 4096


def test_after_a_line_that_could_not_be_written_a_new_chain_begins() -> None:
    process = Process().write()
    lines = process._lines
    queue, lines.queue = lines.queue, _fail  # type: ignore[method-assign]
    with pytest.raises(OSError, match="no space"):
        process.write()
    lines.queue = queue  # type: ignore[method-assign]
    process.write()
    assert len({fields(line)["chain"] for line in process.lines}) == 2
    assert verified(process.lines).is_intact


def _fail(_data: bytes) -> None:
    raise OSError("no space")


def test_without_a_chain_no_operation_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process()
    trail = AuditTrail(Metrics(), process._lines, chain=process.chain)
    monkeypatch.setattr(construction, "seal", lambda *_: _fail(b""))
    with pytest.raises(AuditUnavailable):
        trail.require_room()
    monkeypatch.undo()
    trail.require_room()


def test_direct_lines_carry_a_chain(capfd: pytest.CaptureFixture[str]) -> None:
    import sys  # noqa: PLC0415

    process = Process()
    process.chain._lines = DirectLines(sys.stdout)
    process.write(3)
    assert verified(capfd.readouterr().out.encode()).lines == 4


LINES = 20_000
MICROSECONDS = 20.0


def test_a_code_costs_at_most_20_microseconds(capfd: pytest.CaptureFixture[str]) -> None:
    class Nowhere(Lines):
        def write_queued(self) -> None:
            self._queue.clear()

    event = {
        "tenant": "shop",
        "account": "alice@example.com",
        "factor": "totp",
        "purpose": "verify",
        "outcome": "accepted",
    }
    line = json_line(0, "INFO", "open_mfa.audit", "judged", event)
    process = Process()
    process.chain._lines = lines = Nowhere()
    process.chain.renew()

    def seconds(append: object) -> float:
        assert callable(append)
        begin = time.thread_time()
        for _ in range(LINES):
            append(line)
        return (time.thread_time() - begin) / LINES * 1e6

    without, with_code = (min(seconds(append) for _ in range(3)) for append in (lines.append, process.chain.append))
    with capfd.disabled():
        print(f"\nA line of the audit trail: {without:.1f} µs; its code: {with_code - without:.1f} µs more")  # noqa: T201
    assert with_code - without <= MICROSECONDS
