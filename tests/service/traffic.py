"""Callers that keep verifying codes while Redis or the service fails."""

import threading
import time
from collections import Counter
from http.client import HTTPException
from typing import NamedTuple, Self

from tests.service.sessions import Session
from tests.service.wire import Answer, Wire


class Call(NamedTuple):
    """A verification. `status` is 0 if it was sent but not answered."""

    caller: int
    code: str
    began: float
    seconds: float
    status: int


class Traffic:
    """Callers with one HOTP credential each. They send every code twice, each time on a new connection."""

    def __init__(self, port: int, callers: int) -> None:
        self.calls: list[Call] = []
        self._port = port
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._verify, args=(number,)) for number in range(callers)]
        self._ready = threading.Barrier(callers + 1)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def since(self, moment: float) -> list[Call]:
        """Return the calls that began after a time on the monotonic clock."""
        return [call for call in self.calls if call.began >= moment]

    def accepted(self) -> Counter[tuple[int, str]]:
        """Return how often each code was accepted."""
        return Counter((call.caller, call.code) for call in self.calls if call.status == 200)

    def _verify(self, caller: int) -> None:
        session = Session(self._port)
        codes = session.good_codes("hotp")
        code = next(codes)
        self._ready.wait()
        while not self._stopped.is_set():
            statuses = [self._call(caller, session, code) for _ in range(2)]
            # If an answer was lost, its code may be spent or not. The next code is valid in both cases.
            if 200 in statuses or 403 in statuses:
                code = next(codes)

    def _call(self, caller: int, session: Session, code: str) -> int:
        began = time.monotonic()
        try:
            wire = Wire(self._port)
        except OSError:
            return -1  # without a listener, nothing was sent and nothing can be lost
        with wire:
            try:
                answer: Answer | None = wire.ask(session.verification("hotp", code))
            except (OSError, HTTPException):
                answer = None
        status = 0 if answer is None else answer.status
        self.calls.append(Call(caller, code, began, time.monotonic() - began, status))
        return status
