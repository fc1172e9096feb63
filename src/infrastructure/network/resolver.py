"""Name resolution that ends at the deadline. The system's resolver has no time-out that a caller can set."""

import socket
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotReady
from typing import Final

from infrastructure.network import deadline
from infrastructure.network.address import is_ip_address
from infrastructure.network.errors import NameNotResolved, ResolverTimeout

_lock: Final = threading.Lock()
_under_way: Final[dict[str, "Future[list[str]]"]] = {}


def resolve(host: str) -> list[str]:
    """Return the IP addresses of a host in the order of the resolver. An IP address is its own only address.

    Raises:
        NameNotResolved: the resolver knows no address of the name.
        ResolverTimeout: the resolver did not answer before the deadline.
    """
    if is_ip_address(host):
        return [host]
    try:
        # `getaddrinfo` does the same, but in another thread, which a busy machine may start too late.
        host.encode("idna")
    except UnicodeError as error:
        raise NameNotResolved("the name does not resolve") from error
    with _lock:
        # Callers that need the same name share one thread, so a resolver that hangs can't accumulate threads.
        future = _under_way.get(host)
        if future is None:
            future = _under_way[host] = Future()
            threading.Thread(target=_look_up, args=(host, future), name="resolver", daemon=True).start()
    try:
        return future.result(timeout=deadline.left())
    except NotReady:
        raise ResolverTimeout("the resolver does not answer") from None
    except OSError as error:
        raise NameNotResolved("the name does not resolve") from error


def _look_up(host: str, future: "Future[list[str]]") -> None:
    try:
        results = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        _end(host)
        future.set_exception(error)
    else:
        _end(host)
        future.set_result(list(dict.fromkeys(str(result[4][0]) for result in results)))


def _end(host: str) -> None:
    with _lock:
        del _under_way[host]
