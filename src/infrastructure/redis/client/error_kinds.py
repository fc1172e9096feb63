"""The kinds of errors of Redis, for the circuit breaker."""

from typing import Final

from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterDownError,
    ClusterError,
    ConnectionError,
    MasterDownError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    TimeoutError,
    TryAgainError,
)

from infrastructure.network.circuit_breaker import ErrorKinds
from infrastructure.redis.client.explanations import TooFewReplicas

_TRANSIENT: Final = (
    AskError,
    ClusterDownError,
    ClusterError,
    ConnectionError,
    MasterDownError,
    ReadOnlyError,
    RedisClusterException,
    TimeoutError,
    TooFewReplicas,
    TryAgainError,
)
"""Errors that end by themselves after a fail-over or a restart."""


def is_transient(error: Exception) -> bool:
    """Return whether it makes sense to retry after an error."""
    # redis-py's `AuthenticationError` is a `ConnectionError`.
    return isinstance(error, _TRANSIENT) and not isinstance(error, AuthenticationError)


ERRORS: Final = ErrorKinds((RedisError, RedisClusterException), TimeoutError, is_transient)
"""The errors of redis-py: `RedisClusterException` is no `RedisError`."""
