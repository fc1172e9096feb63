"""Every request to a limited operation counts exactly once, whatever its response.

The count travels with the first read of the store (`RateLimits.by_kind`). The oracle is a service that counts each
request on its own, before anything else.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from limits import parse_many
from redis.exceptions import ResponseError

from application.errors import AuditUnavailable
from infrastructure.observability.audit import AuditTrail
from infrastructure.redis.client import gateway
from presentation.http.framework.access import Guards, Limit
from presentation.http.framework.rate_limit import RateLimits
from tests.presentation.api import SESSION, Api, slug

LIMITS = ("4 per 30 seconds", "3 per 30 seconds; 5 per hour")
SENT = {"delivery": {"channel": "email", "to": "ada@example.org"}}
OPERATIONS: dict[tuple[str, str], list[Any]] = {
    **{("POST", factor): [{}] for factor in ("totp", "hotp")},
    ("POST", "otp"): [{}, SENT],
    **{("POST", f"{factor}/verify"): [{"code": "000000"}, {"code": "0"}] for factor in ("totp", "hotp", "otp")},
    ("POST", "totp/resync"): [{"codes": ["000000", "111111"]}],
    ("POST", "hotp/replacement"): [{}],
    ("POST", "hotp/replacement/verify"): [{"code": "000000"}],
    ("GET", "totp/qr"): [None],
    ("GET", "hotp/replacement/qr.png"): [None],
    # These are not limited, but may run on the same thread.
    ("GET", "totp"): [None],
    ("DELETE", "totp"): [None],
}
BAD_BODIES = ["[]", "{", '{"unknown": 1}', ""]
HEADERS = [{"Sec-Fetch-Site": "cross-site"}, {"Accept": "text/plain"}, {"Content-Type": "text/plain"}]


@dataclass(frozen=True)
class Step:
    """A request, and its circumstance."""

    method: str
    path: str
    body: str | None
    headers: dict[str, str]
    circumstance: str


@st.composite
def steps(draw: st.DrawFn) -> Step:
    """Return a request that is valid in most respects."""
    method, path = draw(st.sampled_from(list(OPERATIONS)))
    body = draw(st.sampled_from(OPERATIONS[method, path]))
    text = None if body is None else json.dumps(body)
    flaw = draw(st.sampled_from(["none", "none", "none", "body", "headers"]))
    if flaw == "body" and text is not None:
        text = draw(st.sampled_from(BAD_BODIES))
    headers = {} if text is None else {"Content-Type": "application/json"}
    if flaw == "headers":
        headers |= draw(st.sampled_from(HEADERS))
    return Step(
        method, path, text, headers, draw(st.sampled_from(["", "", "new client", "full log", "no scripts", "no store"]))
    )


def count_at_once(self: RateLimits) -> Mapping[Limit, Guards]:
    """Return guards that count before anything else."""
    return {
        Limit.CODE_CHECKS: (partial(self._count, "checks", self._limits),),
        Limit.ENROLMENTS: (partial(self._count, "enrolments", self._looser),),
    }


def service(limits: str, oracle: bool) -> Api:
    with pytest.MonkeyPatch.context() as patch:
        if oracle:
            patch.setattr(RateLimits, "by_kind", count_at_once)
        return Api(rate_limit=tuple(parse_many(limits)))


SERVICES = {(limits, oracle): service(limits, oracle) for limits in LIMITS for oracle in (False, True)}


def outcome(api: Api, step: Step) -> tuple[int, str, bool, dict[bytes, bytes | None]]:
    """Send a request. Return its response, and all counters after it."""
    client = api.another() if step.circumstance == "new client" else api.client
    with pytest.MonkeyPatch.context() as patch:
        if step.circumstance == "full log":
            patch.setattr(AuditTrail, "require_room", refuse)
        if step.circumstance == "no scripts":
            api.redis.script_flush()
        if step.circumstance == "no store":
            patch.setattr(gateway, "send", fail)
        answer = client.open(f"{SESSION}/{step.path}", method=step.method, data=step.body, headers=step.headers)
    counters = {key: value for key, value in api.snapshot().items() if key.startswith(b"open-mfa:rate")}
    return answer.status_code, slug(answer), "Retry-After" in answer.headers, counters


def refuse(_: AuditTrail) -> None:
    raise AuditUnavailable


def fail(*_: object) -> NoReturn:
    raise ResponseError("OOM command not allowed")


@pytest.mark.parametrize("limits", LIMITS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sequence=st.lists(steps(), min_size=1, max_size=10))
def test_every_request_counts_as_if_it_were_counted_first(limits: str, sequence: list[Step]) -> None:
    api, oracle = SERVICES[limits, False], SERVICES[limits, True]
    for each in (api, oracle):
        each.reset()

    assert [outcome(api, step) for step in sequence] == [outcome(oracle, step) for step in sequence]
