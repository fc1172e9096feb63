"""Names of hosts, looked up within the deadline: the system's resolver may take as long as it likes."""

import socket
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from ipaddress import ip_address
from typing import Final

from redis.exceptions import ConnectionError, TimeoutError

from infrastructure.network import deadline

_looking: Final = threading.Lock()
_under_way: Final[dict[str, "Future[list[str]]"]] = {}


def addresses(host: str) -> list[str]:
    """The addresses of a host, in the resolver's order.

    Raises:
        ConnectionError: the name leads nowhere.
        TimeoutError: the resolver has not answered before the deadline.
    """
    if is_address(host):
        return [host]
    with _looking:
        # One thread a name: a resolver that hangs must not gather them.
        future = _under_way.get(host)
        if future is None:
            future = _under_way[host] = Future()
            threading.Thread(target=_look_up, args=(host, future), name="resolver", daemon=True).start()
    try:
        return future.result(timeout=deadline.left())
    except NotInTime:
        raise TimeoutError("the resolver does not answer") from None
    except OSError as error:
        raise ConnectionError("the name leads nowhere") from error


def _look_up(host: str, future: "Future[list[str]]") -> None:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        outcome: OSError | None = error if isinstance(error, OSError) else socket.gaierror(str(error))
    else:
        outcome = None
    with _looking:
        del _under_way[host]
    if outcome is None:
        future.set_result(list(dict.fromkeys(str(info[4][0]) for info in found)))
    else:
        future.set_exception(outcome)


def is_address(host: str) -> bool:
    """Return whether the text is an IP address rather than a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
