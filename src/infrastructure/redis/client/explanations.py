"""Explanations of Redis' errors for operators. Redis' own texts are not shown, because they can repeat arguments."""

import builtins
import re
import ssl
from typing import Final

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    InvalidResponse,
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

from infrastructure.network.errors import NameNotResolved, ResolverTimeout


class TooFewReplicas(RedisError):
    """The write is on the master, but not yet on the demanded number of replicas."""


class HandshakeTimeout(builtins.TimeoutError):
    """The server accepts connections, but does not answer the TLS handshake."""


_BY_TYPE: Final[dict[type[Exception], str]] = {
    AuthenticationError: "refuses the user or the password of OPEN_MFA_REDIS_URL",
    NoPermissionError: "does not let this user run a command that is needed: look at its ACL",
    BusyLoadingError: "is still loading its data",
    HandshakeTimeout: "does not answer the TLS handshake in time: does it speak TLS?",
    TimeoutError: "does not answer in time",
    ssl.SSLCertVerificationError: "has a certificate that this machine does not trust: name its authority in"
    " ssl_ca_certs of OPEN_MFA_REDIS_URL, or let the server have a valid certificate for this host",
    ssl.SSLError: "ends the TLS handshake: does it speak TLS, or want a certificate of the client (ssl_certfile)?",
    NameNotResolved: "can't be reached: its name does not resolve, so check the name and the DNS",
    ResolverTimeout: "can't be reached: the DNS does not answer in time for its name",
    FileNotFoundError: "can't be reached: there is no socket of this path",
    PermissionError: "can't be reached: this user may not open the connection",
    ConnectionError: "can't be reached: is it running there, and does its URL say whether it speaks TLS?",
    InvalidResponse: "does not speak the protocol of Redis: is it another server, or does it speak TLS?",
    ReadOnlyError: "is a replica, and takes no writes",
    OutOfMemoryError: "is full: give it more memory (maxmemory)",
    ClusterDownError: "is a Cluster that is down",
    MovedError: "is a node of a Cluster: OPEN_MFA_REDIS_URL must begin with redis+cluster:// or rediss+cluster://",
    RedisClusterException: "is no Cluster, or none of its nodes answers: does its URL say whether they speak TLS?",
    TooFewReplicas: "has not as many replicas at hand as OPEN_MFA_REDIS_WAIT demands",
}
"""The first type that matches counts."""
_BY_TEXT: Final = {
    "Authentication required": "wants a password, and OPEN_MFA_REDIS_URL names none",
    "AUTH <password> called without any password": "has no password, but OPEN_MFA_REDIS_URL names one",
    "All slots are not covered": "is a Cluster with slots that no node serves",
    "NOREPLICAS": "has fewer replicas than its min-replicas-to-write demands: bring them back, or demand fewer",
    "MISCONF": "can't write its data to disk, and takes no writes until it can: look at its log and its disk",
    "DB index is out of range": "has no database of that number: name a lower one, or raise its `databases`",
    "SELECT is not allowed in cluster mode": "is a node of a Cluster: its URL must begin with redis+cluster://",
    "The user executing the script can't run": "does not let this user run a command of a script: look at its ACL",
    "unknown command": "does not know a command that is needed: it is renamed or switched off",
}
"""Explanations by the beginning of the answer, for errors without a type of their own."""
_OF_SENTINELS: Final[dict[type[Exception], str]] = {
    AuthenticationError: "has Sentinels that refuse sentinel_username or sentinel_password, or want them",
    NoPermissionError: "has a Sentinel that {why}",
    ResponseError: "has Sentinels that know no service of this name: look at the path of OPEN_MFA_REDIS_URL",
    RedisError: "has no Sentinel that can be asked: one of them {why}",
}
"""Explanations of the failure of the most telling Sentinel. `{why}` is its own explanation."""
_NO_SENTINEL: Final = "has no Sentinel: a server there is a Redis, so name the Sentinels' ports"
_NO_MASTER_UP: Final = "has Sentinels, but none of them names a master that is up"
_CODES: Final[dict[type[Exception], str]] = {
    NoPermissionError: "NOPERM",
    ReadOnlyError: "READONLY",
    OutOfMemoryError: "OOM",
    MovedError: "MOVED",
}
"""The codes that redis-py removes from the texts of these errors."""
_CODE: Final = re.compile(r"[A-Z]{3,}(?= )")
_COMMAND: Final = re.compile(r"the '([a-z|-]+)' command")
_TELLING: Final = (
    AuthenticationError,
    NoPermissionError,
    HandshakeTimeout,
    ssl.SSLError,
    NameNotResolved,
    ResolverTimeout,
    FileNotFoundError,
    PermissionError,
    InvalidResponse,
)
"""Errors that say more than the errors that they cause."""
_SERVER: Final = "open_mfa_server"
"""The attribute of an error that names the server."""


def name_server(error: BaseException, server: str) -> None:
    """Record on an error the host and port that it came from. The first record counts."""
    # If the Sentinels fail, the connection still has the address of no master, or of a former one.
    if server and not isinstance(error, MasterNotFoundError) and not hasattr(error, _SERVER):
        setattr(error, _SERVER, server)


def server_of(error: BaseException) -> str:
    """Return host and port of the server that an error came from; empty if several servers failed."""
    return str(getattr(error, _SERVER, ""))


def explain(error: BaseException) -> str:
    """Return the explanation of an error. It follows the server's name in a sentence."""
    cause = _cause(error)
    if isinstance(error, MasterNotFoundError):
        return _explain_sentinels(error.__cause__)
    command = forbidden_command(cause)
    if command:
        return f"does not let this user run {command}: allow {permission(command)} in its ACL"
    text = str(cause)
    known = (why for start, why in _BY_TEXT.items() if text.startswith(start))
    return next(known, None) or next(
        (why for kind, why in _BY_TYPE.items() if isinstance(cause, kind)), "refuses a command"
    )


def _explain_sentinels(failure: BaseException | None) -> str:
    if failure is None:
        return _NO_MASTER_UP
    if is_unknown_command(failure):
        return _NO_SENTINEL
    return next(why for kind, why in _OF_SENTINELS.items() if isinstance(failure, kind)).format(why=explain(failure))


def code_of(error: BaseException) -> str:
    """Return the code of an answer, such as OOM, or the name of the error's type."""
    cause = _cause(error)
    known = next((code for kind, code in _CODES.items() if isinstance(cause, kind)), "")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"{type(cause).__name__}: {cause.verify_message}"
    if known or not isinstance(cause, ResponseError):
        return known or type(cause).__name__
    found = _CODE.match(str(cause))
    return found[0] if found else "ERR"


def forbidden_command(error: BaseException | None) -> str:
    """Return the command that the user may not run; empty if the error names none."""
    found = _COMMAND.search(str(error)) if isinstance(error, NoPermissionError) else None
    return found[1].replace("|", " ").upper() if found else ""


def permission(command: str) -> str:
    """Return the rule of an ACL that allows a command."""
    return f"+{command.lower().replace(' ', '|')}"


def is_unknown_command(error: BaseException) -> bool:
    """Return whether the server does not know the command."""
    return isinstance(error, ResponseError) and str(error).startswith("unknown command")


def _cause(error: BaseException) -> BaseException:
    """Return the most telling error that led to an error: redis-py's own may only say that no node answers."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _TELLING):
            return cause
        cause = cause.__cause__ or cause.__context__
    return error
