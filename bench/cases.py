"""The measured cases. Each has a server, the requests of one repetition, and the expected answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from bench import floor
from bench.connections import Connections
from bench.credentials import (
    Account,
    Session,
    Snapshot,
    challenge,
    deal,
    good_hotp,
    good_otp,
    good_totp,
    verify,
    wrong_totp,
)
from bench.http import Expected, get, post

GUESSES: Final = 4
"""Wrong codes that a credential judges before the next one locks it."""
COUNTERS: Final = 5
"""HOTP codes that each credential accepts in a repetition."""
ACCEPTED: Final = Expected(200, b'"verified"')
WRONG: Final = Expected(403, b'"wrong"')
REPLAYED: Final = Expected(403, b'"replayed"')
LOCKED: Final = Expected(429, b'"locked_until"')
ENROLLED: Final = Expected(201, b'"secret"')
BARE: Final = "bare Flask route (a)"
FLOOR: Final = "GET + compare-and-set (b)"
ONE_GET: Final = "one GET (c)"
WRONG_TOTP: Final = "verify: wrong (TOTP)"
GOOD_TOTP: Final = "verify: good (TOTP)"
GOOD_HOTP: Final = "verify: good (HOTP)"
GOOD_OTP: Final = "verify: good (OTP)"
CHALLENGE: Final = "challenge: good (TOTP)"
ENROL: Final = "enrol (TOTP)"
LIMITED: Final = "wrong, with a rate limit"
CHAINED: Final = "wrong, with chained audit lines"
CHECK: Final = "/auth/check: passes"
PEER: Final = "peer: wrong (TOTP)"
PASSED: Final = Expected(200, b"Remote-User")
CLOSED: Final = Expected(401)
_LOCKED_SESSIONS: Final = 16


@dataclass(frozen=True, slots=True)
class Server:
    """A gunicorn server: its process IDs, beginning with the master's, and the connections to it."""

    pids: tuple[int, ...]
    connections: Connections
    replaces_workers: ClassVar[bool] = False


class MeasuredServer(Protocol):
    """A server of a case. If it replaces its workers, its processes and connections change."""

    @property
    def pids(self) -> tuple[int, ...]:
        """Return the process IDs."""

    @property
    def connections(self) -> Connections:
        """Return the connections."""

    @property
    def replaces_workers(self) -> bool:
        """Return whether a repetition must be measured again after the server has closed a connection."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `prepare` returns the requests of one repetition, a list for each connection. It is not measured."""

    name: str
    server: MeasuredServer
    prepare: Callable[[], list[list[bytes]]]
    expected: Expected


def floor_cases(server: Server, requests: int) -> list[Case]:
    """Return the cases that send the request of a verification to routes that ignore it."""
    body, cookie = b'{"code": "123456"}', f"__Host-open_mfa_session={'x' * 98}"

    def case(name: str, path: str) -> Case:
        lanes = deal([post(path, body, cookie)] * requests, len(server.connections))
        return Case(name, server, lambda: lanes, Expected(200, b"ok"))

    return [case(BARE, floor.BARE), case(FLOOR, floor.COMPARE_AND_SET), one_get_case(server, requests)]


def one_get_case(server: Server, requests: int) -> Case:
    """Return the case of a route with one GET, the minimum of a check at the gate."""
    lanes = deal([get(floor.ONE_GET, f"__Host-open_mfa_gate={'x' * 43}")] * requests, len(server.connections))
    return Case(ONE_GET, server, lambda: lanes, Expected(200, b"ok"))


def wrong_case(
    name: str, server: MeasuredServer, sessions: Sequence[Session], snapshot: Snapshot, requests: int
) -> Case:
    """Return a case of wrong TOTP codes. Each credential gets at most four, so that all codes are judged."""
    judges = sessions[: -(-requests // GUESSES)]

    def prepare() -> list[list[bytes]]:
        snapshot.restore()
        return deal((wrong_totp(judges) * GUESSES)[:requests], len(server.connections))

    return Case(name, server, prepare, WRONG)


def service_cases(server: Server, sessions: Sequence[Session], snapshot: Snapshot, requests: int) -> list[Case]:
    """Return a case for each result of a verification, and one for enrolment."""
    lanes = len(server.connections)
    everyone = sessions[:requests]
    counters = _lanes_of(good_hotp(sessions[: -(-requests // COUNTERS)], COUNTERS), lanes)
    one_time = deal(good_otp(everyone), lanes)

    def restored(prepared: list[list[bytes]]) -> Callable[[], list[list[bytes]]]:
        def prepare() -> list[list[bytes]]:
            snapshot.restore()
            return prepared

        return prepare

    def good() -> list[list[bytes]]:
        snapshot.restore()
        return deal(good_totp(everyone), lanes)

    def replayed() -> list[list[bytes]]:
        snapshot.restore()
        spent = good_totp(sessions[: -(-requests // GUESSES)])
        server.connections.run(deal(spent, lanes), ACCEPTED)
        return deal((spent * GUESSES)[:requests], lanes)

    def locked() -> list[list[bytes]]:
        snapshot.restore()
        targets = sessions[:_LOCKED_SESSIONS]
        server.connections.run(deal(wrong_totp(targets) * (GUESSES + 1), lanes), WRONG)
        guesses = [verify(session, "totp", "000000") for session in targets]
        return deal((guesses * -(-requests // len(guesses)))[:requests], lanes)

    enrolments = deal([post("/api/v1/session/totp")] * requests, lanes)
    return [
        wrong_case(WRONG_TOTP, server, sessions, snapshot, requests),
        Case("verify: replayed (TOTP)", server, replayed, REPLAYED),
        Case(GOOD_TOTP, server, good, ACCEPTED),
        Case(GOOD_HOTP, server, restored(counters), ACCEPTED),
        Case(GOOD_OTP, server, restored(one_time), ACCEPTED),
        Case("verify: locked (TOTP)", server, locked, LOCKED),
        Case(ENROL, server, lambda: enrolments, ENROLLED),
    ]


def challenge_case(server: Server, accounts: Sequence[Account], snapshot: Snapshot) -> Case:
    """Return the case of a log-in's second step, which accepts a code of any factor."""

    def prepare() -> list[list[bytes]]:
        snapshot.restore()
        return deal(challenge(accounts), len(server.connections))

    return Case(CHALLENGE, server, prepare, ACCEPTED)


def gate_cases(server: Server, cookie: str, requests: int) -> list[Case]:
    """Return the cases of the gate's check, and of a route with a constant answer for comparison."""
    stranger = f"__Host-open_mfa_gate={'x' * 43}"

    def case(name: str, request: bytes, expected: Expected) -> Case:
        lanes = deal([request] * requests, len(server.connections))
        return Case(name, server, lambda: lanes, expected)

    return [
        case("constant (/healthz)", get("/healthz", cookie), Expected(200)),
        case(CHECK, get("/auth/check", cookie), PASSED),
        case("/auth/check: unknown cookie", get("/auth/check", stranger), CLOSED),
        case("/auth/check: no cookie", get("/auth/check"), CLOSED),
    ]


def _lanes_of(groups: Sequence[Sequence[bytes]], lanes: int) -> list[list[bytes]]:
    """Distribute the groups. The codes of one credential stay on one connection, so that their order is kept."""
    return [[request for group in groups[lane::lanes] for request in group] for lane in range(lanes)]
