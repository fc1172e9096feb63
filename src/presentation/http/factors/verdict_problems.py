"""The problem documents for codes that were not accepted."""

from typing import Any, Final, TypeVar, assert_never

from application.ports.clock import Clock
from application.timestamps import timestamp
from domain.credential import OutcomeOf
from domain.outcome import AcceptedOutcome, RefusedOutcome
from domain.stored_state import AnyCredential, StoredState
from domain.verdict import Locked, Reason, Rejected
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import Problem

Kind = TypeVar("Kind", bound=AnyCredential)

VERDICT_PROBLEMS: Final = (Problems.CODE_REJECTED, Problems.NOT_ENROLLED, Problems.LOCKED, Problems.RATE_LIMITED)
"""The problems of every operation that judges a code."""
_DETAILS: Final = {
    Reason.WRONG: "The code is wrong. Send the code that the authenticator shows now, or the one that was issued last.",
    Reason.REPLAYED: "The code was used before. Each code is accepted once. Send the next code, or request a new one.",
    Reason.EXPIRED: "The code has expired. Request a new one.",
}


def accepted(outcome: OutcomeOf[Kind], clock: Clock) -> Kind:
    """Return the credential of an accepted outcome. Raise a problem for every other outcome."""
    match outcome:
        case AcceptedOutcome(credential):
            return credential
        case RefusedOutcome() as refused:
            raise problem_of(refused, clock)


def problem_of(refused: RefusedOutcome[StoredState], clock: Clock) -> Problem:
    """Return the problem for a code that was not accepted."""
    now, locked_until = clock.now(), refused.state.failures.locked_until
    match refused.verdict:
        case Locked(until):
            wait = max(1, until - now)
            return Problem(
                Problems.LOCKED,
                f"There were too many wrong codes. Try again in {wait} s.",
                {"locked_until": timestamp(until)},
                {"Retry-After": str(wait)},
            )
        case Rejected(reason, attempts_left):
            members: dict[str, Any] = {"reason": reason.value, "attempts_left": attempts_left}
            headers = {}
            if reason is Reason.WRONG and locked_until > now:
                members["locked_until"] = timestamp(locked_until)
                headers["Retry-After"] = str(locked_until - now)
            return Problem(Problems.CODE_REJECTED, _DETAILS[reason], members, headers)
        case _:
            assert_never(refused.verdict)
