"""How a code that was not accepted is answered: never with a 2xx."""

from typing import Any, Final, TypeVar, assert_never

from application.ports.clock import Clock
from domain.credential import OutcomeOf
from domain.outcome import AcceptedOutcome, RefusedOutcome
from domain.stored_state import AnyCredential
from domain.verdict import Locked, Reason, Refusal, Rejected
from presentation.http.factors.serializers import moment
from presentation.http.framework.problems import Problem, Problems

Kind = TypeVar("Kind", bound=AnyCredential)

REFUSALS: Final = (Problems.CODE_REJECTED, Problems.NOT_ENROLLED, Problems.LOCKED)
_REMEDIES: Final = {
    Reason.WRONG: "The code is wrong. Send the one that the authenticator shows now, or that was issued last.",
    Reason.REPLAYED: "The code was used before, and each is good once. Send the next one, or ask for a new one.",
    Reason.EXPIRED: "The code came too late. Ask for a new one.",
}


def accepted(outcome: OutcomeOf[Kind], clock: Clock) -> Kind:
    """Return the credential of an accepted outcome. Raise a problem for every other outcome."""
    match outcome:
        case AcceptedOutcome(credential):
            return credential
        case RefusedOutcome(refusal, state):
            raise _problem(refusal, state.failures.locked_until, clock.now())


def _problem(refusal: Refusal, locked_until: int, now: int) -> Problem:
    match refusal:
        case Locked(until):
            wait = max(1, until - now)
            return Problem(
                Problems.LOCKED,
                f"Too many wrong codes: try again in {wait} s.",
                {"locked_until": moment(until)},
                {"Retry-After": str(wait)},
            )
        case Rejected(reason, attempts_left):
            members: dict[str, Any] = {"reason": reason.value, "attempts_left": attempts_left}
            headers = {}
            if reason is Reason.WRONG and locked_until > now:
                members["locked_until"] = moment(locked_until)
                headers["Retry-After"] = str(locked_until - now)
            return Problem(Problems.CODE_REJECTED, _REMEDIES[reason], members, headers)
        case _:
            assert_never(refusal)
