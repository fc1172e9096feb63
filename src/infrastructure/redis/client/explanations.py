"""Explanations of errors for operators. The texts of Redis are not shown, because they can repeat arguments."""

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
    """The master has the write, but fewer replicas have it than `OPEN_MFA_REDIS_WAIT` requires."""


class HandshakeTimeout(builtins.TimeoutError):
    """The server accepts connections, but does not answer the TLS handshake."""


_BY_TYPE: Final[dict[type[Exception], str]] = {
    AuthenticationError: "refuses the user or the password of OPEN_MFA_REDIS_URL",
    NoPermissionError: "does not let this user run a command that the service needs: check the ACL",
    BusyLoadingError: "is still loading its data",
    HandshakeTimeout: "does not answer the TLS handshake in time: check that the port uses TLS",
    TimeoutError: "does not answer in time",
    ssl.SSLCertVerificationError: "has a certificate that this machine does not trust: name its authority in"
    " ssl_ca_certs of OPEN_MFA_REDIS_URL, or give the server a valid certificate for this host",
    ssl.SSLError: "ends the TLS handshake: check that the port uses TLS, and whether the server requires a client"
    " certificate (ssl_certfile)",
    NameNotResolved: "can't be reached: its name does not resolve: check the name and the DNS",
    ResolverTimeout: "can't be reached: the DNS does not answer in time for its name",
    FileNotFoundError: "can't be reached: there is no socket at this path",
    PermissionError: "can't be reached: the operating system does not allow this user to open the connection",
    ConnectionError: "can't be reached: check that it is running there, and whether the port uses TLS",
    InvalidResponse: "does not use the Redis protocol: it is another server, or its port uses TLS",
    ReadOnlyError: "is a replica, which accepts no writes",
    OutOfMemoryError: "is full: increase maxmemory",
    ClusterDownError: "is a Cluster that is down: some slots have no master",
    MovedError: "is a node of a Cluster: OPEN_MFA_REDIS_URL must begin with redis+cluster:// or rediss+cluster://",
    RedisClusterException: "is no Cluster, or none of its nodes answers: check whether their ports use TLS",
    TooFewReplicas: "has fewer connected replicas than OPEN_MFA_REDIS_WAIT requires: restart the replicas, or lower the"
    " setting",
}
"""Explanations by the type of the error. The first type that matches counts. They follow the server's name."""
_BY_TEXT: Final = {
    "Authentication required": "requires a password, but OPEN_MFA_REDIS_URL contains none",
    "AUTH <password> called without any password": "has no password, but OPEN_MFA_REDIS_URL contains one",
    "All slots are not covered": "is a Cluster with slots that no node serves",
    "NOREPLICAS": "has fewer replicas than min-replicas-to-write requires: restart the replicas, or lower the value",
    "MISCONF": "can't save its data to disk, and accepts no writes until it can: check its log and its disk",
    "DB index is out of range": "has no database with this number: use a lower one, or increase its `databases`",
    "SELECT is not allowed in cluster mode": "is a node of a Cluster: the URL must begin with redis+cluster://",
    "The user executing the script can't run": "does not let this user run a command of a script: check the ACL",
    "unknown command": "does not know a command that the service needs: the command is renamed or disabled",
}
"""Explanations by the beginning of the response, for errors without their own type."""
_OF_SENTINELS: Final[dict[type[Exception], str]] = {
    AuthenticationError: "has Sentinels that refuse sentinel_username or sentinel_password, or require them",
    NoPermissionError: "has a Sentinel that {why}",
    ResponseError: "has Sentinels that know no service with this name: check the path of OPEN_MFA_REDIS_URL",
    RedisError: "has no Sentinel that answers: one of them {why}",
}
"""Explanations of the most telling failure of a Sentinel. `{why}` is the explanation of that failure."""
_NO_SENTINEL: Final = "has no Sentinel: a server there is a Redis, so write the ports of the Sentinels"
_NO_MASTER_UP: Final = "has Sentinels, but none of them knows a running master"
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
"""Errors that explain more than the errors that they cause."""
_SERVER: Final = "open_mfa_server"
"""The attribute of an error that names the server."""


def name_server(error: BaseException, server: str) -> None:
    """Record on an error the host and the port of its server. The first record counts."""
    # If the Sentinels fail, the connection has no address yet, or that of a former master.
    if server and not isinstance(error, MasterNotFoundError) and not hasattr(error, _SERVER):
        setattr(error, _SERVER, server)


def server_of(error: BaseException) -> str:
    """Return the host and the port of the server that caused an error; empty if several servers failed."""
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
    """Return the code of an error response, such as OOM, or the name of the type of the error."""
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
