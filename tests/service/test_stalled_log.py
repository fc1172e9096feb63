"""While the reader of stderr is stalled, the service serves but judges no code. It recovers without a restart."""

import fcntl
import json
import os
import select
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

from tests.service.sessions import Session, wrong
from tests.service.wire import once, request
from tests.support.processes import PATIENCE, die_with_parent, wait_until
from tests.support.redis_server import RedisServer
from tests.support.service import Service

F_SETPIPE_SZ = 1031
"""A constant of Linux. `fcntl` has had it since Python 3.12."""
ONE_WORKER = {"WEB_CONCURRENCY": "1", "THREADS": "8"}


class PipedService(Service):
    """A service whose stderr is a pipe. Only the test reads it."""

    def start(self) -> None:
        self.reading, writing = os.pipe()
        fcntl.fcntl(writing, F_SETPIPE_SZ, 4096)
        self.read = b""
        self.process = subprocess.Popen(
            [str(Path(sys.executable).with_name("open-mfa")), "serve"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=writing,
            env=os.environ | self.settings,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - it only calls prctl
        )
        os.close(writing)
        wait_until(self.answers, "the service's start")

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        os.close(self.reading)

    def answers(self) -> bool:
        if self.process.poll() is not None:
            self.drain()
            raise ChildProcessError(self.read.decode())
        return super().answers()

    def drain(self) -> None:
        """Read all available bytes."""
        while select.select([self.reading], [], [], 0)[0]:
            if not (taken := os.read(self.reading, 1 << 16)):
                return
            self.read += taken

    def drained(self) -> bool:
        """Read the pipe and return True, for conditions that need the pipe to be read."""
        self.drain()
        return True

    def judged(self) -> set[str]:
        """Return the ids of the requests whose code was judged, according to the audit trail so far."""
        self.drain()
        lines = [json.loads(line) for line in self.read.rpartition(b"\n")[0].splitlines() if line.startswith(b"{")]
        return {line["request_id"] for line in lines if line["message"] == "judged"}


def guess(session: Session, code: str) -> tuple[int, str]:
    """Send a code, and return the status and the id of the request."""
    request_id = uuid4().hex
    raw = request("POST", "/api/v1/session/hotp/verify", {"code": code}, session.headers | {"X-Request-ID": request_id})
    return once(session.port, raw).status, request_id


def test_no_code_is_judged_while_the_log_is_stalled_and_codes_are_judged_afterwards(redis_server: RedisServer) -> None:
    with PipedService(OPEN_MFA_REDIS_URL=redis_server.url, **ONE_WORKER) as service:
        session = Session(service.port)
        codes = session.good_codes("hotp")
        spent = next(codes)
        assert guess(session, spent)[0] == 200
        good = next(codes)

        # A replay costs no attempt, so one session can fill the pipe and the queue.
        answers: list[tuple[int, str]] = []
        with ThreadPoolExecutor(8) as pool:
            while 503 not in {status for status, _ in answers}:
                answers += pool.map(guess, [session] * 64, [spent] * 64)
        assert set(Counter(status for status, _ in answers)) == {403, 503}
        assert once(service.port, request("GET", "/healthz"), "GET").status == 200
        assert once(service.port, request("GET", "/readyz"), "GET").status == 503
        assert [guess(session, wrong(good))[0] for _ in range(10)] == [503] * 10
        assert guess(session, good)[0] == 503

        service.drain()
        wait_until(lambda: once(service.port, request("GET", "/readyz"), "GET").status == 200, "healing")
        refused = session.send("POST", "hotp/verify", {"code": wrong(good)})
        status, request_id = guess(session, good)
        expected = {request_id, *(each for status, each in answers if status == 403)}
        wait_until(lambda: expected <= service.judged(), "the audit trail")
        judged = service.judged()

    # None of the guesses that got 503 was counted, and the valid code among them was not spent.
    assert refused.document["attempts_left"] == 4
    assert status == 200
    assert not judged & {each for status, each in answers if status == 503}


def test_a_service_with_an_unread_stderr_ends_in_time(redis_server: RedisServer) -> None:
    with PipedService(OPEN_MFA_REDIS_URL=redis_server.url, **ONE_WORKER) as service:
        session = Session(service.port)
        spent = next(session.good_codes("hotp"))
        while guess(session, spent)[0] != 503:
            pass
        service.process.terminate()

        assert service.process.wait(PATIENCE) == 0


def test_a_stopping_service_writes_the_log_lines_of_all_its_responses(redis_server: RedisServer) -> None:
    with PipedService(OPEN_MFA_REDIS_URL=redis_server.url, **ONE_WORKER) as service:
        session = Session(service.port)
        spent = next(session.good_codes("hotp"))
        with ThreadPoolExecutor(8) as pool:
            answered = {request_id for _, request_id in pool.map(guess, [session] * 40, [spent] * 40)}
        service.process.terminate()
        wait_until(lambda: service.drained() and service.process.poll() is not None, "the end")

        assert answered - service.judged() == set()
