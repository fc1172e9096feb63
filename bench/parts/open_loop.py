"""Latencies at fixed arrival times, at half of the throughput that a closed loop reaches."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any, Final

import redis

from bench import floor
from bench.cases import ACCEPTED, FLOOR, GOOD_TOTP, Case, Server, floor_cases, service_cases
from bench.connections import Connections
from bench.credentials import Session, Snapshot, enrol, good_totp
from bench.http import Expected, post
from bench.measure import medians, repeat, show_progress
from bench.open_loop import Timings, open_loop
from bench.options import Options
from bench.parts.starting import connect, say, start_floor, start_process, start_service
from bench.percentiles import percentile
from bench.processes import cpu_seconds
from bench.servers import THREADS, WORKERS, DelayedRedis, Floor, redis_server

SEGMENTS: Final = 2
"""Segments of a stream in each round. The streams of a scenario alternate, so that all meet the same disturbances."""
DELAY_MS: Final = 1.0
IDLE: Final = 200
"""Connections that take turns, so that each is idle almost all the time."""
PERCENTILES: Final = {"p50_ms": 50.0, "p99_ms": 99.0, "p99_9_ms": 99.9, "max_ms": 100.0}
_PINGS: Final = 2000


@dataclass(frozen=True, slots=True)
class Stream:
    """Requests that arrive `rate` times per second. `prepare` returns those of one segment. It is not measured."""

    name: str
    connections: Connections
    prepare: Callable[[], list[bytes]]
    rate: float
    expected: Expected


@dataclass(frozen=True, slots=True)
class _Rates:
    """Arrivals per second: half of the throughput of the verification and of the floor."""

    ours: float
    floor: float


def measure(options: Options) -> dict[str, Any]:
    """Return the latencies of a verification and of (b) in three scenarios."""
    with ExitStack() as stack:
        store = stack.enter_context(redis_server(persistent=True))
        bottom = stack.enter_context(Floor(store.url))
        process = start_process(stack, store.url)
        ours = connect(stack, process.port, process.process.pid)
        floors = connect(stack, bottom.port, bottom.process.pid, post(floor.BARE))
        sessions = enrol(ours.connections, options.requests)
        snapshot = Snapshot(store.client())
        closed = _closed_loop(ours, floors, sessions, snapshot, options)
        rates = _Rates(closed[GOOD_TOTP] / 2, closed[FLOOR] / 2)
        say(f"Open loop with {rates.ours:.0f} verifications per second.")

        def scenario(ours: Connections, floors: Connections) -> dict[str, Any]:
            streams = _streams(ours, floors, sessions, snapshot, rates, options.requests)
            return _run(streams, SEGMENTS * options.rounds)

        scenarios = {f"{len(ours.connections)} connections": scenario(ours.connections, floors.connections)}
        with ExitStack() as many:
            each = IDLE // WORKERS
            ours_idle = connect(many, process.port, process.process.pid, each=each)
            floors_idle = connect(many, bottom.port, bottom.process.pid, post(floor.BARE), each)
            scenarios[f"{IDLE} mostly idle connections"] = scenario(ours_idle.connections, floors_idle.connections)
        with ExitStack() as slow:
            delayed = slow.enter_context(DelayedRedis(store.port, DELAY_MS))
            added = _added(store.port, delayed)
            ours_slow, _ = start_service(slow, delayed.url)
            floors_slow = start_floor(slow, delayed.url)
            name = f"{DELAY_MS:g} ms of added Redis latency"
            scenarios[name] = scenario(ours_slow.connections, floors_slow.connections)
    return {"closed_loop": closed, "scenarios": scenarios, "proxy": added, "threads": WORKERS * THREADS}


def _closed_loop(
    ours: Server, floors: Server, sessions: Sequence[Session], snapshot: Snapshot, options: Options
) -> dict[str, float]:
    """Return the requests per second of the verification and of (b)."""
    cases: list[Case] = [*floor_cases(floors, options.requests)]
    cases += service_cases(ours, sessions, snapshot, options.requests)
    samples = repeat([case for case in cases if case.name in {FLOOR, GOOD_TOTP}], options.rounds)
    return {name: medians(values)["requests_per_second"] for name, values in samples.items()}


def _streams(
    ours: Connections,
    floors: Connections,
    sessions: Sequence[Session],
    snapshot: Snapshot,
    rates: _Rates,
    requests: int,
) -> list[Stream]:
    def verifications() -> list[bytes]:
        snapshot.restore()
        return good_totp(sessions)

    body, cookie = b'{"code": "123456"}', f"__Host-open_mfa_session={'x' * 98}"
    floor_requests = [post(floor.COMPARE_AND_SET, body, cookie)] * requests
    done = Expected(200, b"ok")
    return [
        Stream(GOOD_TOTP, ours, verifications, rates.ours, ACCEPTED),
        Stream("(b) at the same rate", floors, lambda: floor_requests, rates.ours, done),
        Stream("(b) at half of its own throughput", floors, lambda: floor_requests, rates.floor, done),
    ]


def _run(streams: Sequence[Stream], segments: int) -> dict[str, Any]:
    for stream in streams:
        # The first segment of a server that has just started is not counted.
        _segment(stream)
    timings = {stream.name: Timings() for stream in streams}
    for number in range(segments):
        for stream in streams:
            timings[stream.name].add(_segment(stream))
        show_progress(number + 1, segments)
    return {stream.name: {"rate": stream.rate} | summary(timings[stream.name]) for stream in streams}


def _segment(stream: Stream) -> Timings:
    requests = stream.prepare()
    return open_loop(stream.connections, requests, stream.rate, stream.expected)


def summary(timings: Timings) -> dict[str, float]:
    """Return the percentiles of the latencies, and what the generator itself added, in milliseconds."""
    latencies, lateness = sorted(timings.latencies), sorted(timings.lateness)
    return {name: percentile(latencies, percent) * 1e3 for name, percent in PERCENTILES.items()} | {
        "requests": len(latencies),
        "queued": timings.queued,
        "lateness_p99_ms": percentile(lateness, 99) * 1e3,
        "lateness_max_ms": lateness[-1] * 1e3,
    }


def _added(redis_port: int, delayed: DelayedRedis) -> dict[str, float]:
    """Return the latency that the proxy adds to a round trip, and its CPU time for each."""
    direct = _pings(redis_port)
    before = cpu_seconds(delayed.process.pid)
    through = _pings(delayed.port)
    cpu = cpu_seconds(delayed.process.pid) - before
    return {
        "added_p50_ms": (median(through) - median(direct)) * 1e3,
        "added_p99_ms": (percentile(sorted(through), 99) - percentile(sorted(direct), 99)) * 1e3,
        "cpu_us": cpu / len(through) * 1e6,
    }


def _pings(port: int) -> list[float]:
    durations = []
    with redis.Redis(port=port) as client:
        client.ping()
        for _ in range(_PINGS):
            begun = perf_counter()
            client.ping()
            durations.append(perf_counter() - begun)
    return durations
