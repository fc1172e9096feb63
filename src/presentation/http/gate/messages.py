"""The messages of the log-in page, in the language of the person: why a log-in failed, and what to do."""

from domain.characters import compact, invisible_note
from domain.parameters import DEFAULT_DIGITS
from domain.verdict import Reason
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import Problem
from presentation.http.framework.texts import Texts


def explain(problem: Problem, texts: Texts) -> str:
    """Return why a log-in failed.

    The detail of a rejected code without a reason is already a message of this module.
    """
    wait = problem.headers.get("Retry-After")
    if problem.kind is Problems.CROSS_SITE_REQUEST:
        return texts.gettext("The form came from another page. Open this page yourself and try again.")
    if problem.kind is Problems.CODE_REJECTED:
        return _rejected(problem, texts) if "reason" in problem.members else problem.detail or ""
    if problem.kind is Problems.LOCKED and wait:
        return f"{_locked(texts)} {texts.wait(int(wait))}"
    meaning = texts.gettext(problem.kind.value.meaning)
    return f"{meaning} {texts.wait(int(wait))}" if wait else meaning


def not_accepted(texts: Texts) -> str:
    """Return one text for all failures of accounts, so that nobody learns which accounts and factors exist."""
    return texts.gettext(
        "The account or the code is wrong, or the code was used before. Wait for the next code and try again. After "
        "several wrong codes, wait a few minutes."
    )


def malformed(typed: str, texts: Texts, *, accounts: bool = False) -> str:
    """Return which form a code has.

    Args:
        typed: the text that is not a code.
        texts: the language.
        accounts: whether recovery codes are accepted, too.
    """
    if invisible_note(compact(typed)):
        return texts.gettext("The code has an invisible character. Type the code instead of pasting it.")
    if accounts:
        return texts.gettext("A code has 6 to 10 digits. A recovery code has 16 letters and digits.")
    return texts.ngettext("A code has %(number)s digit.", "A code has %(number)s digits.", DEFAULT_DIGITS)


def unavailable(texts: Texts) -> str:
    """Return that codes cannot be checked."""
    return texts.gettext(
        "The service cannot check codes at the moment, so nobody can log in. Try again in a few seconds."
    )


def _locked(texts: Texts) -> str:
    return texts.gettext("There were too many wrong codes.")


def _rejected(problem: Problem, texts: Texts) -> str:
    if problem.members["reason"] != Reason.WRONG:
        return texts.gettext("This code was used before. Each code is accepted only once. Wait for the next one.")
    wrong = texts.gettext("The code is wrong. Type the code that your authenticator shows now.")
    wait = problem.headers.get("Retry-After")
    if wait:
        return f"{wrong} {_locked(texts)} {texts.wait(int(wait))}"
    left = int(problem.members["attempts_left"])
    attempts = texts.ngettext("%(number)s attempt left.", "%(number)s attempts left.", left)
    return f"{wrong} {attempts}"
