"""Measure the service, print tables, and write the results to a JSON file."""

import argparse
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import redis

from bench import floor, report, storage
from bench.cases import Case, Server, challenge_case, floor_cases, gate_cases, service_cases, wrong_case
from bench.credentials import Snapshot, enrol, enrol_accounts, log_in, one_account
from bench.load import Connections, WrongAnswer, post
from bench.measure import Sample, medians, ratios, repeat
from bench.servers import THREADS, Floor, redis_server, service, workers_of

FEW: Final = 1_000
MANY: Final = 1_000_000
COPIES: Final = 100_000
"""Credentials of each factor, to measure the memory of one."""
_HUGE: Final = "1000000000 per 1 hour"
_HEALTH: Final = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def main() -> int:
    """Run the benchmarks. Return 1 after an unexpected answer, and 0 otherwise, however long the answers took."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=12, help="number of repetitions of each case")
    parser.add_argument("--requests", type=int, default=400, help="number of requests in a repetition")
    parser.add_argument(
        "--only",
        choices=["cases", "storage"],
        default=argparse.SUPPRESS,
        help="run only the cases, which measure requests, or only the measurements of the storage",
    )
    parser.add_argument(
        "--json", type=Path, default=Path(__file__).with_name("results.json"), help="file for the results"
    )
    options = parser.parse_args()
    only = getattr(options, "only", None)
    if shutil.which("redis-server") is None:
        _say("The benchmarks require redis-server (Debian: apt-get install redis-server).")
        return 1
    results = _environment(options)
    parts: list[str] = []
    try:
        if only != "storage":
            results["cases"], results["redis"] = _cases(options.rounds, options.requests)
            parts += [report.table(results["cases"]), report.round_trips(results["redis"])]
        if only != "cases":
            results |= _storage(options.rounds, options.requests)
            parts += [report.flatness(results["flatness"]), report.memory(results["memory"])]
            parts.append(report.accounts(results["accounts"]))
    except WrongAnswer as error:
        _say(f"Unexpected answer: {error}")
        return 1
    options.json.write_text(json.dumps(results, indent=1) + "\n")
    _say("", report.sections(parts))
    return 0


def _cases(rounds: int, requests: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure all cases next to the floor, then count the round trips of the service's cases."""
    with ExitStack() as stack:
        store = stack.enter_context(redis_server(persistent=True))
        client = store.client()
        bottom = stack.enter_context(Floor(store.url))
        floors = _server(stack, bottom.port, bottom.process.pid, post(floor.BARE))
        plain, url = _serve(stack, store.url)
        limited, _ = _serve(stack, store.url, _HUGE)
        _say(f"Enrolling {requests} sessions and accounts.")
        sessions = enrol(plain.connections, requests)
        accounts = enrol_accounts(plain.connections, requests)
        cookie = log_in(url)
        snapshot = Snapshot(client)
        ours = service_cases(plain, sessions, snapshot, requests)
        ours.append(challenge_case(plain, accounts, snapshot))
        ours += gate_cases(plain, cookie, requests)
        ours.append(wrong_case("wrong, with a rate limit", limited, sessions, snapshot, requests))
        samples = _repeat([*floor_cases(floors, requests), *ours], rounds)
        return _rows(samples), storage.round_trips(client, ours)


def _storage(rounds: int, requests: int) -> dict[str, Any]:
    """Measure verification with few and many stored credentials, and the memory of a credential and of an account."""
    with ExitStack() as stack:
        cases: list[Case] = []
        for count in (FEW, MANY):
            store = stack.enter_context(redis_server(persistent=False))
            server, _ = _serve(stack, store.url)
            client = store.client()
            sessions = enrol(server.connections, requests)
            snapshot = Snapshot(client)
            account = one_account(server.connections, client)
            record = next(value for key, value in snapshot.records.items() if key.endswith(b":totp"))
            _say(f"Storing {count:,} credentials.")
            storage.copy(client, "totp", record, count)
            cases.append(wrong_case(f"wrong, {count:,} stored", server, sessions, snapshot, requests))
        samples = _repeat(cases, rounds)
        few, many = samples.values()
        flatness = {
            "few": FEW,
            "many": MANY,
            "rows": {name: medians(values) for name, values in samples.items()},
            "ratios": ratios(many, few),
        }
        return {
            "flatness": flatness,
            "memory": storage.bytes_per_credential(client, snapshot.records, COPIES),
            "accounts": storage.bytes_per_account(client, account, COPIES),
        }


def _serve(stack: ExitStack, redis_url: str, rate_limit: str = "off") -> tuple[Server, str]:
    """Start the service. Return it with its URL."""
    process = stack.enter_context(service(redis_url, rate_limit))
    return _server(stack, process.port, process.process.pid, _HEALTH), process.base


def _server(stack: ExitStack, port: int, master: int, probe: bytes) -> Server:
    workers = workers_of(master)
    connections = Connections(port, workers, THREADS, probe)
    stack.callback(connections.close)
    return Server((master, *workers), connections)


def _repeat(cases: Sequence[Case], rounds: int) -> dict[str, list[Sample]]:
    def progress(number: int) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\rrepetition {number} of {rounds}" + ("\n" if number == rounds else ""))

    return repeat(cases, rounds, progress)


def _rows(samples: dict[str, list[Sample]]) -> dict[str, Any]:
    bases = list(samples)[:2]
    return {
        name: medians(values) | {"ratios": {base: ratios(values, samples[base]) for base in bases}}
        for name, values in samples.items()
    }


def _environment(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "redis_py": redis.__version__,
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "rounds": options.rounds,
        "requests": options.requests,
    }


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
