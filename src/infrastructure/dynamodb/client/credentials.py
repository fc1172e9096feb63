"""AWS credentials, fetched and renewed in the background.

botocore fetches them from the environment, a file, the metadata service of a machine or a container, or from STS. Some
of these answer over the network, with time-outs that are longer than the deadline of a request.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotReady
from typing import Any, Final

from botocore.credentials import Credentials, ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import NoCredentialsError

from infrastructure.dynamodb.client.errors import NoAnswer
from infrastructure.network import deadline

URGENT: Final = 60
"""Seconds before their end in which credentials are no longer used."""


class RenewedCredentials(Credentials):  # type: ignore[misc] # botocore has no types
    """The credentials that another thread fetches. Callers wait for them until their deadline.

    Args:
        load: returns the source of the credentials; None if there is none.
    """

    def __init__(self, load: Callable[[], Credentials | None]) -> None:
        super().__init__("", "")
        self._load = load
        self._source: Credentials | None = None
        self._current: ReadOnlyCredentials | None = None
        self._renewal: Future[None] | None = None
        self._lock = threading.Lock()

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return the current credentials. botocore calls this for each signature.

        Raises:
            NoCredentialsError: there are none.
            NoAnswer: they did not arrive before the deadline.
        """
        if self._current is None or _ends_within(self._source, URGENT):
            try:
                self._renewing().result(timeout=deadline.left())
            except NotReady:
                raise NoAnswer("can't be used: the AWS credentials of the service do not arrive in time", "") from None
        elif _ends_within(self._source, None):
            self._renewing()
        if self._current is None:
            raise NoCredentialsError
        return self._current

    def get_deferred_property(self, property_name: str) -> Callable[[], str | None]:
        """Return a function that returns one part of the credentials."""
        return lambda: getattr(self.get_frozen_credentials(), property_name, None)

    def _renewing(self) -> "Future[None]":
        with self._lock:
            if self._renewal is None:
                self._renewal = Future()
                thread = threading.Thread(target=self._renew, args=(self._renewal,), name="credentials", daemon=True)
                thread.start()
            return self._renewal

    def _renew(self, renewal: "Future[None]") -> None:
        try:
            source = self._source or self._load()
            current = None if source is None else source.get_frozen_credentials()
        except Exception as error:  # noqa: BLE001 - the waiting callers get it
            failure: Exception | None = error
        else:
            failure, self._source, self._current = None, source, current
        with self._lock:
            self._renewal = None
        if failure is None:
            renewal.set_result(None)
        else:
            renewal.set_exception(failure)


class Provider:
    """The component of a botocore session that provides its credentials."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def load_credentials(self) -> Credentials:
        """Return the credentials."""
        return self._credentials


def _ends_within(source: Any, seconds: int | None) -> bool:
    """Return whether credentials end within some seconds; with None, whether it is time to renew them."""
    return isinstance(source, RefreshableCredentials) and bool(source.refresh_needed(seconds))
