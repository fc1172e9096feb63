"""Speed with many stored credentials, the memory of a credential and of an account, and resealing."""

from contextlib import ExitStack
from typing import Any, Final

from bench import storage
from bench.cases import Case, wrong_case
from bench.credentials import Snapshot, enrol, one_account
from bench.fill import fill
from bench.measure import medians, ratios, repeat
from bench.options import Options
from bench.parts.starting import say, start_service
from bench.reseal import rates
from bench.servers import redis_server

FEW: Final = 1_000
MANY: Final = 1_000_000
COPIES: Final = 100_000
"""Credentials of each factor, to measure the memory of one."""
SEALED: Final = 50_000
"""Credentials that are sealed again, to measure the rate."""
CHECKED: Final = 100_000
"""Credentials that need not be sealed again, likewise."""


def measure(options: Options) -> dict[str, Any]:
    """Return the figures of all subjects."""
    return _flatness(options) | {
        "credentials": {str(count): _credentials(count) for count in options.credentials},
        "sealed": SEALED,
        "checked": CHECKED,
    }


def _flatness(options: Options) -> dict[str, Any]:
    """Measure verification with few and many stored credentials, and the memory of a credential and of an account."""
    with ExitStack() as stack:
        cases: list[Case] = []
        for count in (FEW, MANY):
            store = stack.enter_context(redis_server(persistent=False))
            server, _ = start_service(stack, store.url)
            client = store.client()
            sessions = enrol(server.connections, options.requests)
            snapshot = Snapshot(client)
            account = one_account(server.connections, client)
            record = next(value for key, value in snapshot.records.items() if key.endswith(b":totp"))
            say(f"Storing {count:,} records.")
            storage.copy(client, "totp", record, count)
            cases.append(wrong_case(f"{count:,} stored credentials", server, sessions, snapshot, options.requests))
        samples = repeat(cases, options.rounds)
        few, many = samples.values()
        return {
            "flatness": {
                "rows": {name: medians(values) for name, values in samples.items()},
                "ratios": ratios(many, few),
            },
            "memory": storage.bytes_per_credential(client, snapshot.records, COPIES),
            "accounts": storage.bytes_per_account(client, account, COPIES),
        }


def _credentials(count: int) -> dict[str, float]:
    """Return the memory of `count` accounts with TOTP, and the rate of resealing them."""
    with ExitStack() as stack:
        store = stack.enter_context(redis_server(persistent=False))
        server, process = start_service(stack, store.url)
        client = store.client()
        account = one_account(server.connections, client)
        key, record = next((key, value) for key, value in account.items() if key.endswith(b":totp"))
        client.flushdb()
        before = storage.info(client, "memory")["used_memory"]
        say(f"Storing {count:,} sealed credentials.")
        fill(client, key, record, count)
        memory = storage.info(client, "memory")
        say("Resealing.")
        return {
            "used_memory": memory["used_memory"] - before,
            "rss": memory["used_memory_rss"],
            **rates(process.settings, SEALED, CHECKED),
        }
