"""All cases next to the floor, and the round trips of the service's cases."""

from contextlib import ExitStack
from typing import Any, Final

from bench import peer, storage
from bench.cases import (
    BARE,
    CHAINED,
    FLOOR,
    LIMITED,
    ONE_GET,
    PEER,
    challenge_case,
    floor_cases,
    gate_cases,
    service_cases,
    wrong_case,
)
from bench.credentials import Snapshot, enrol, enrol_accounts, log_in
from bench.measure import METRICS, repeat, rows
from bench.options import Options
from bench.parts.starting import say, start_floor, start_service
from bench.servers import AUDIT_KEY, redis_server

_HUGE: Final = "1000000000 per 1 hour"
BASES: Final = (BARE, FLOOR, ONE_GET)


def measure(options: Options) -> dict[str, Any]:
    """Return the medians and ratios of each case, the values of all rounds, and the use of Redis."""
    with ExitStack() as stack:
        store = stack.enter_context(redis_server(persistent=True))
        client = store.client()
        floors = start_floor(stack, store.url)
        plain, process = start_service(stack, store.url)
        limited, _ = start_service(stack, store.url, _HUGE)
        chained, _ = start_service(stack, store.url, audit_key=AUDIT_KEY)
        say(f"Enrolling {options.requests} sessions and accounts.")
        sessions = enrol(plain.connections, options.requests)
        accounts = enrol_accounts(plain.connections, options.requests)
        cookie = log_in(process.base)
        snapshot = Snapshot(client)
        ours = service_cases(plain, sessions, snapshot, options.requests)
        ours.append(challenge_case(plain, accounts, snapshot))
        ours += gate_cases(plain, cookie, options.requests)
        ours.append(wrong_case(LIMITED, limited, sessions, snapshot, options.requests))
        ours.append(wrong_case(CHAINED, chained, sessions, snapshot, options.requests))
        cases = [*floor_cases(floors, options.requests), *ours]
        if options.peer is not None:
            cases.append(peer.start(stack, options.peer, options.peer_command, options.requests))
        samples = repeat(cases, options.rounds)
        return {
            "rows": rows(samples, [base for base in (*BASES, PEER) if base in samples]),
            "rounds": {
                name: {metric: [getattr(sample, metric) for sample in values] for metric in METRICS}
                for name, values in samples.items()
            },
            "redis": storage.round_trips(client, ours),
        }
