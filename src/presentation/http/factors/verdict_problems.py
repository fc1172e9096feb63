"""How a code that was not accepted is answered: never with a 2xx."""

from typing import Any, Final, NoReturn

from application.ports.clock import Clock
from application.verification import Outcome
from domain.credential import StoredState
from domain.verdict import Accepted, Locked, Reason, Rejected
from presentation.http.factors.serializers import moment
from presentation.http.framework.problems import Problem, Problems

REFUSALS: Final = (Problems.CODE_REJECTED, Problems.NOT_ENROLLED, Problems.LOCKED)
_REMEDIES: Final = {
    Reason.WRONG: "The code is wrong. Send the one that the authenticator shows now, or that was issued last.",
    Reason.REPLAYED: "The code was used before, and each is good once. Send the next one, or ask for a new one.",
    Reason.EXPIRED: "The code came too late. Ask for a new one.",
}


def accepted(outcome: Outcome, clock: Clock) -> StoredState:
    """The state that an accepted code left; every other outcome raises a problem."""
    if not isinstance(outcome.verdict, Accepted):
        _refuse(outcome, clock.now())
    return outcome.state


def _refuse(outcome: Outcome, now: int) -> NoReturn:
    match outcome.verdict:
        case Locked(until):
            wait = max(1, until - now)
            raise Problem(
                Problems.LOCKED,
                f"Too many wrong codes: try again in {wait} s.",
                {"locked_until": moment(until)},
                {"Retry-After": str(wait)},
            )
        case Rejected(reason, attempts_left):
            members: dict[str, Any] = {"reason": reason.value, "attempts_left": attempts_left}
            headers = {}
            until = outcome.state.failures.locked_until
            if reason is Reason.WRONG and until > now:
                members["locked_until"] = moment(until)
                headers["Retry-After"] = str(until - now)
            raise Problem(Problems.CODE_REJECTED, _REMEDIES[reason], members, headers)
    raise TypeError(type(outcome.verdict).__name__)
