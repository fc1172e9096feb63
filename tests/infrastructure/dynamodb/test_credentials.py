"""AWS credentials are fetched in the background, and callers wait for them no longer than their deadline."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import NoCredentialsError

from infrastructure.dynamodb.client.credentials import URGENT, RenewedCredentials
from infrastructure.dynamodb.client.errors import NoAnswer
from infrastructure.network import deadline
from tests.support.processes import wait_until


class Source:
    """A source of credentials that end. Their keys have numbers.

    Attributes:
        seconds: until the next credentials end.
        blocked: clear it to let the source hang.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.number = 0
        self.free = threading.Event()
        self.free.set()

    def load(self) -> Any:
        return RefreshableCredentials.create_from_metadata(self.fetch(), self.fetch, "test")

    def fetch(self) -> dict[str, str]:
        self.free.wait(30)
        self.number += 1
        end = datetime.now(UTC) + timedelta(seconds=self.seconds)
        return {"access_key": str(self.number), "secret_key": "s", "token": "t", "expiry_time": end.isoformat()}


def test_static_credentials_are_loaded_once() -> None:
    loaded: list[int] = []

    def load() -> Any:
        loaded.append(1)
        return Credentials("key", "secret")

    credentials = RenewedCredentials(load)
    keys = {credentials.get_frozen_credentials().access_key for _ in range(3)}
    assert (keys, loaded) == ({"key"}, [1])


def test_missing_credentials_are_reported() -> None:
    with pytest.raises(NoCredentialsError):
        RenewedCredentials(lambda: None).get_frozen_credentials()


def test_a_failure_of_the_source_reaches_the_caller_and_the_next_one_tries_again() -> None:
    failures: list[Exception] = [OSError("no metadata")]

    def load() -> Any:
        if failures:
            raise failures.pop()
        return Credentials("key", "secret")

    credentials = RenewedCredentials(load)
    with pytest.raises(OSError, match="no metadata"):
        credentials.get_frozen_credentials()
    assert credentials.get_frozen_credentials().access_key == "key"


def test_a_source_that_hangs_delays_no_caller_beyond_its_deadline() -> None:
    source = Source(3600)
    source.free.clear()
    credentials = RenewedCredentials(source.load)
    start = time.monotonic()
    with deadline.within(0.2), pytest.raises(NoAnswer):
        credentials.get_frozen_credentials()
    assert time.monotonic() - start < deadline.BUDGET
    source.free.set()
    assert credentials.get_frozen_credentials().access_key == "1"


def test_credentials_that_end_soon_are_renewed_while_they_are_used() -> None:
    source = Source(URGENT + 240)
    credentials = RenewedCredentials(source.load)
    first = credentials.get_frozen_credentials().access_key
    source.seconds = 3600
    source.free.clear()
    assert credentials.get_frozen_credentials().access_key == first, "the caller does not wait"
    source.free.set()
    wait_until(lambda: credentials.get_frozen_credentials().access_key != first, "the renewal")


def test_credentials_that_have_ended_are_not_used() -> None:
    source = Source(URGENT / 2)
    credentials = RenewedCredentials(source.load)
    credentials.get_frozen_credentials()
    source.seconds = 3600
    assert credentials.get_frozen_credentials().access_key != "1"
