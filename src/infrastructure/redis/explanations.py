"""Explanations of Redis' errors for operators. Redis' own texts are not shown, because they can repeat arguments."""

import re
from typing import Final

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TimeoutError,
)
from redis.sentinel import MasterNotFoundError


class TooFewReplicas(RedisError):
    """The write is on the master, but not yet on the demanded number of replicas."""


_BY_TYPE: Final[dict[type[Exception], str]] = {
    AuthenticationError: "refuses the user or the password of OPEN_MFA_REDIS_URL",
    NoPermissionError: "does not let this user run a command that is needed: look at its ACL",
    BusyLoadingError: "is still loading its data",
    MasterNotFoundError: "has no master that its Sentinels agree on, or the service has another name",
    TimeoutError: "does not answer in time",
    ConnectionError: "can't be reached: is it running there, and does its URL say whether it speaks TLS?",
    ReadOnlyError: "is a replica, and takes no writes",
    OutOfMemoryError: "is full: give it more memory (maxmemory)",
    ClusterDownError: "is a Cluster that is down",
    MovedError: "is a node of a Cluster: OPEN_MFA_REDIS_URL must begin with redis+cluster:// or rediss+cluster://",
    RedisClusterException: "is no Cluster, or none of its nodes answers",
    TooFewReplicas: "has not as many replicas at hand as OPEN_MFA_REDIS_WAIT demands",
}
"""The first type that matches counts."""
_BY_TEXT: Final = {
    "NOREPLICAS": "has fewer replicas than its min-replicas-to-write demands: bring them back, or demand fewer",
    "MISCONF": "can't write its data to disk, and takes no writes until it can: look at its log and its disk",
    "DB index is out of range": "has no database of that number: name a lower one, or raise its `databases`",
    "SELECT is not allowed in cluster mode": "is a node of a Cluster: its URL must begin with redis+cluster://",
    "The user executing the script can't run": "does not let this user run a command of a script: look at its ACL",
    "unknown command": "does not know a command that is needed: it is renamed or switched off",
}
"""Explanations by the beginning of the answer, for errors without a type of their own."""
_CODES: Final[dict[type[Exception], str]] = {
    NoPermissionError: "NOPERM",
    ReadOnlyError: "READONLY",
    OutOfMemoryError: "OOM",
    MovedError: "MOVED",
}
"""The codes that redis-py removes from the texts of these errors."""
_CODE: Final = re.compile(r"[A-Z]{3,}(?= )")
_COMMAND: Final = re.compile(r"the '([a-z|-]+)' command")


def explain(error: BaseException) -> str:
    """Return the explanation of an error. It follows the server's name in a sentence."""
    cause = _cause(error)
    if isinstance(error, MasterNotFoundError) and isinstance(cause, AuthenticationError):
        return "has Sentinels that refuse sentinel_username or sentinel_password, or want them"
    text = str(cause)
    command = forbidden_command(cause)
    if command:
        return f"does not let this user run {command}: look at its ACL"
    known = (why for start, why in _BY_TEXT.items() if text.startswith(start))
    return next(known, None) or next(
        (why for kind, why in _BY_TYPE.items() if isinstance(cause, kind)), "refuses a command"
    )


def code_of(error: BaseException) -> str:
    """Return the code of an answer, such as OOM, or the name of the error's type."""
    cause = _cause(error)
    known = next((code for kind, code in _CODES.items() if isinstance(cause, kind)), "")
    if known or not isinstance(cause, ResponseError):
        return known or type(cause).__name__
    found = _CODE.match(str(cause))
    return found[0] if found else "ERR"


def forbidden_command(error: BaseException) -> str:
    """Return the command that the user may not run; empty if the error names none."""
    found = _COMMAND.search(str(error)) if isinstance(error, NoPermissionError) else None
    return found[1].replace("|", " ").upper() if found else ""


def _cause(error: BaseException) -> BaseException:
    """Return the refusal that caused an error: redis-py's own error may only say that no node answers."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AuthenticationError | NoPermissionError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return error
