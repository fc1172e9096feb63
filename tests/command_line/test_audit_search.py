"""`open-mfa audit search` selects exactly the lines that meet all conditions, and prints them as lines or as rows."""

import gzip
import ipaddress
import json
import select
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.command_line.audit_trail import audit_line, judged, originals, searched
from tests.support.command_line import COMMAND

SECONDS = 20.0
"""The longest wait for a line."""
START = datetime(2026, 11, 28, tzinfo=UTC)
FEW: dict[str, st.SearchStrategy[Any]] = {
    "account": st.sampled_from(["alice", "bob", "Alice", "größe", "a'b\"c", 7, None, ["alice"]]),
    "tenant": st.sampled_from(["shop", "bank"]),
    "message": st.sampled_from(["judged", "locked"]),
    "authenticator": st.sampled_from(["totp", "hotp"]),
    "key": st.sampled_from(["web", "app"]),
    "request_id": st.sampled_from(["1", "2"]),
    "session": st.sampled_from(["0123456789ab", "0123456789cd", "f" * 64]),
    "outcome": st.sampled_from(["accepted", "refused"]),
    "reason": st.sampled_from(["wrong", "replayed", "expired", "locked"]),
    "address": st.sampled_from(["203.0.113.7", "203.0.113.9", "2001:db8::1", "2001:0db8:0:0::2", "unknown", 5]),
}
MEMBERS = st.fixed_dictionaries({}, optional=FEW)
LINES = st.lists(st.tuples(st.integers(0, 20), MEMBERS), max_size=12)
OPTIONS: dict[str, st.SearchStrategy[list[str]]] = {
    "account": st.lists(st.sampled_from(["alice", "bob", "größe", "a'b\"c"]), max_size=2),
    "tenant": st.lists(st.sampled_from(["shop", "bank"]), max_size=2),
    "event": st.lists(st.sampled_from(["judged", "locked", "none"]), max_size=2),
    "authenticator": st.lists(st.sampled_from(["totp", "hotp"]), max_size=1),
    "key": st.lists(st.sampled_from(["web", "app"]), max_size=1),
    "request-id": st.lists(st.sampled_from(["1", "2"]), max_size=1),
    "session": st.lists(st.sampled_from(["01234567", "0123456789ab", "f" * 64]), max_size=2),
    "outcome": st.lists(st.sampled_from(["accepted", "refused", "wrong", "replayed", "locked"]), max_size=2),
    "address": st.lists(st.sampled_from(["203.0.113.7", "203.0.113.0/24", "2001:db8::/32", "::/0"]), max_size=2),
}
CONDITIONS: dict[str, Callable[[dict[str, Any], str], bool]] = {
    "event": lambda line, value: line.get("message") == value,
    "request-id": lambda line, value: line.get("request_id") == value,
    "session": lambda line, value: line.get("session", "").startswith(value),
    "outcome": lambda line, value: value in (line.get("outcome"), line.get("reason")),
    "address": lambda line, value: (
        isinstance(address := line.get("address"), str)
        and address != "unknown"
        and ipaddress.ip_address(address) in ipaddress.ip_network(value)
    ),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, st.fixed_dictionaries({}, optional=OPTIONS), st.integers(-1, 21), st.integers(1, 22))
def test_a_line_is_selected_if_it_meets_all_conditions(
    tmp_path: Path, lines: list[tuple[int, dict[str, Any]]], options: dict[str, list[str]], since: int, hours: int
) -> None:
    texts = [audit_line(START + timedelta(hours=hour), "other", **members) for hour, members in lines]
    (tmp_path / "log").write_text("".join(f"{text}\n" for text in texts))
    arguments = [f"--{name}={value}" for name, values in options.items() for value in values]
    bounds = [(START + timedelta(hours=hour)).isoformat() for hour in (since, since + hours)]

    _, output, _ = searched(*arguments, f"--since={bounds[0]}", f"--until={bounds[1]}", "--json", str(tmp_path / "log"))

    def meets(line: dict[str, Any], name: str, values: list[str]) -> bool:
        condition = CONDITIONS.get(name, lambda line, value: line.get(name) == value)
        return not values or any(condition(line, value) for value in values)

    assert output.splitlines() == [
        text
        for text, (hour, _) in zip(texts, lines, strict=True)
        if since <= hour < since + hours
        and all(meets(json.loads(text), name, values) for name, values in options.items())
    ]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_text(
        "Starting\n"
        + judged(START, "refused", "wrong", attempts_left=4, address="203.0.113.7")
        + "\n"
        + judged(START + timedelta(seconds=5), key="web", address="2001:db8::1", request_id="5f0c")
        + "\n"
        + audit_line(START + timedelta(seconds=9), "enrolled", session="0123456789abcdef", factor="hotp", weak=True)
        + "\n"
    )
    return path


def test_a_row_names_the_event_the_owner_the_factor_and_the_client(log: Path) -> None:
    status, output, messages = searched("--utc", str(log))

    rows = [line.split() for line in output.splitlines()]
    assert rows == [
        ["TIME", "EVENT", "OWNER", "FACTOR", "ADDRESS", "PURPOSE", "KEY", "REQUEST"],
        [
            "2026-11-28T00:00:00.000+00:00",
            "wrong,",
            "4",
            "left",
            "shop",
            "alice@example.com",
            "totp",
            "203.0.113.7",
            "challenge",
        ],
        [
            "2026-11-28T00:00:05.000+00:00",
            "accepted",
            "shop",
            "alice@example.com",
            "totp",
            "2001:db8::1",
            "challenge",
            "web",
            "5f0c",
        ],
        ["2026-11-28T00:00:09.000+00:00", "enrolled,", "weak", "session", "0123456789ab…", "hotp"],
    ]
    assert (status, messages) == (0, "")


def test_the_tenant_is_omitted_if_it_is_an_option(log: Path) -> None:
    assert "shop" not in searched("--tenant", "shop", str(log))[1]


def test_no_selected_line_gives_the_status_3_and_says_how_many_lines_were_read(log: Path) -> None:
    assert searched("--account", "nobody", str(log)) == (
        3,
        "",
        f"No audit line is selected. {log}: 3 audit lines\n",
    )


def test_a_period_that_ends_before_it_begins_is_refused(log: Path) -> None:
    assert searched("--since", "2026-11-28", "--until", "2026-11-28", str(log)) == (
        1,
        "",
        "open-mfa: --until is not after --since\n",
    )


def test_a_missing_file_gives_the_status_1_but_the_others_are_searched(log: Path) -> None:
    status, output, messages = searched("--json", f"{log}.1", str(log))

    assert status == 1
    assert len(originals(output)) == 3
    assert messages == f"open-mfa: can't read {log}.1: No such file or directory\n"


def test_damaged_lines_are_reported_with_their_places(log: Path) -> None:
    line = judged(START)
    log.write_text("".join(f"{line[:60]}\n" for _ in range(12)) + f"{line}\ntool: {line}\n")

    status, output, messages = searched("--json", str(log))

    assert (status, len(originals(output))) == (0, 1)
    reported = messages.splitlines()
    assert reported[:2] == [
        f"open-mfa: {log}:{number}: this looks like an audit line, but it is incomplete or is not valid JSON"
        for number in (1, 2)
    ]
    assert reported[10:] == ["open-mfa: 3 more damaged audit lines"]


def test_a_compressed_file_that_ends_early_gives_the_status_1(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(f"{judged(START, request_id=str(n * 7919))}\n".encode() for n in range(500)))
    (tmp_path / "log.gz").write_bytes(whole[:-20])

    status, output, messages = searched("--json", str(tmp_path / "log.gz"))

    assert status == 1
    assert len(originals(output)) > 400
    assert "the compressed file is damaged or incomplete from here on" in messages


@given(st.lists(st.lists(st.integers(0, 1000), min_size=1, max_size=6).map(sorted), min_size=2, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_several_files_are_merged_by_time(tmp_path: Path, files: list[list[int]]) -> None:
    names = []
    for number, seconds in enumerate(files):
        names.append(str(tmp_path / f"log{number}"))
        lines = [judged(START + timedelta(seconds=each), n=each) for each in seconds]
        Path(names[-1]).write_text("".join(f"{line}\n" for line in lines))

    _, output, _ = searched("--json", *names)

    assert [line["n"] for line in originals(output)] == sorted(each for seconds in files for each in seconds)


@given(st.lists(st.integers(0, 1000), min_size=1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_lines_are_sorted_on_request(tmp_path: Path, seconds: list[int]) -> None:
    lines = [judged(START + timedelta(seconds=each), n=each) for each in seconds]
    (tmp_path / "log").write_text("".join(f"{line}\n" for line in lines))

    sorted_ones = originals(searched("--json", "--sort", str(tmp_path / "log"))[1])

    assert [line["n"] for line in sorted_ones] == sorted(seconds)
    assert [line["n"] for line in originals(searched("--json", str(tmp_path / "log"))[1])] == seconds


def test_values_are_counted_with_their_first_and_last_time(log: Path) -> None:
    addresses = ["203.0.113.7", "203.0.113.9", "203.0.113.7", "\x1b[31m"]
    lines = [judged(START + timedelta(minutes=n), address=address) for n, address in enumerate(addresses)]
    log.write_text("".join(f"{line}\n" for line in (*lines, audit_line(START, "exported"))))

    output = searched("--utc", "--count-by", "address", str(log))[1]

    assert [line.split() for line in output.splitlines()] == [
        ["COUNT", "FIRST", "LAST", "ADDRESS"],
        ["2", "2026-11-28T00:00:00+00:00", "2026-11-28T00:02:00+00:00", "203.0.113.7"],
        ["1", "2026-11-28T00:03:00+00:00", "2026-11-28T00:03:00+00:00", r"\u001b[31m"],
        ["1", "2026-11-28T00:01:00+00:00", "2026-11-28T00:01:00+00:00", "203.0.113.9"],
    ]


def test_the_id_of_the_audit_key_is_not_taken_for_that_of_an_api_key(log: Path) -> None:
    log.write_text(f"{audit_line(START, 'chain-started', key='c39fa427c976b3e9')}\n{judged(START, key='web')}\n")

    assert [line.split()[-1] for line in searched("--count-by", "key", str(log))[1].splitlines()] == ["KEY", "web"]
    assert searched("--key", "c39fa427c976b3e9", str(log))[0] == 3
    assert "c39fa427c976b3e9" not in searched(str(log))[1]


def test_a_line_appears_while_standard_input_is_open() -> None:
    line = judged(START)
    with subprocess.Popen(
        [COMMAND, "audit", "search", "--json", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={}
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(2):
            process.stdin.write(f"{line}\n".encode())
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], SECONDS)
            assert ready, "the line does not appear before the end of the input"
            assert process.stdout.readline().decode() == f"{line}\n"
        process.stdin.close()

    assert process.returncode == 0


def test_a_reader_that_has_read_enough_ends_the_command_without_a_message(log: Path) -> None:
    log.write_text(f"{judged(START)}\n" * 5000)
    script = f"set -o pipefail; {COMMAND} audit search {log} | head -n 2; echo ${{PIPESTATUS[0]}}"

    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)

    assert (done.stdout.splitlines()[2:], done.stderr) == (["0"], "")


def test_output_that_cannot_be_written_is_a_failure(log: Path) -> None:
    command = f"{COMMAND} audit search {log} > /dev/full"

    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (
        1,
        "open-mfa: can't write to standard output: No space left on device\n",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        ("--outcome", "acepted"),
        ("--address", "203.0.113"),
        ("--since", "soon"),
        ("--until", "25:00"),
        ("--session", "0123"),
        ("--count-by", "code"),
        ("--json", "--count-by", "account"),
    ],
)
def test_a_wrong_option_gives_the_status_2(log: Path, wrong: tuple[str, ...]) -> None:
    status, output, messages = searched(*wrong, str(log))

    assert (status, output, messages.count("\n")) == (2, "", 1)
