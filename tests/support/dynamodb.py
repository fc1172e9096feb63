"""Stand-ins for Amazon DynamoDB: moto and dynalite, which share no code. Each runs as a process of its own."""

import itertools
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from infrastructure.dynamodb.client import table
from infrastructure.dynamodb.client.connection import Connection
from infrastructure.dynamodb.client.items import EXPIRES, KEY
from infrastructure.dynamodb.client.table import Table
from infrastructure.dynamodb.url import TableUrl
from infrastructure.network import deadline
from tests.support.processes import free_port, spawn, stop, wait_until, wait_until_started

ROOT = Path(__file__).parents[2]
DYNALITE = ROOT / "tests/node_modules/dynalite/cli.js"
REGION = "eu-central-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
"""The environment of a process that uses a stand-in. Stand-ins accept any credentials."""
STAND_INS = ("moto", "dynalite")
LONG = 60.0
"""Seconds."""
_numbers = itertools.count()


class DynamoServer:
    """A stand-in. `with` starts and ends it.

    Attributes:
        name: `moto` or `dynalite`.
        port: its port on the loopback interface.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = free_port()
        self._log = Path(tempfile.mkstemp(prefix=f"open-mfa-{name}-")[1])

    def __enter__(self) -> Self:
        command = {
            "moto": [sys.executable, str(ROOT / "tests/support/moto_server.py"), str(self.port)],
            "dynalite": ["node", str(DYNALITE), "--port", str(self.port), "--createTableMs", "0"],
        }[self.name]
        self.process = spawn(command, self._log)
        wait_until_started(self.process, self._answers, f"the start of {self.name}", self._log)
        return self

    def __exit__(self, *_: object) -> None:
        stop(self.process, kill=True)
        self._log.unlink()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def new_table(self) -> str:
        """Create a table as the documentation describes it, and return its URL."""
        name, client = f"open-mfa-{next(_numbers)}", self.client
        client.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "S"}],
            KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        wait_until(lambda: client.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE", "the table")
        if self.name == "moto":
            # dynalite does not know this operation.
            client.update_time_to_live(
                TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": EXPIRES}
            )
        return self.url_of(name)

    def url_of(self, table: str, port: int | None = None) -> str:
        """Return the URL of a table, as a setting; with a port, through a proxy."""
        return f"dynamodb://{table}?region={REGION}&endpoint=http://127.0.0.1:{port or self.port}"

    @cached_property
    def client(self) -> Any:
        """botocore's own client, which can create tables and damage items."""
        import botocore.session  # noqa: PLC0415 - most tests do not need it

        return botocore.session.Session().create_client("dynamodb", region_name=REGION, endpoint_url=self.endpoint)

    def _answers(self) -> bool:
        try:
            urlopen(self.endpoint, timeout=5).close()
        except HTTPError as error:
            error.close()
            return True
        except (URLError, OSError):
            return False
        return True


@contextmanager
def running(name: str) -> Iterator[DynamoServer]:
    """Run a stand-in. Skip the test if it is not installed; fail it in CI."""
    if name == "dynalite" and not DYNALITE.exists():
        reason = "dynalite is not installed: run make tests/node_modules/.package-lock.json, which needs npm"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in CREDENTIALS.items():
            patch.setenv(variable, value)
        with DynamoServer(name) as server:
            yield server


def open_table(url: str) -> Table:
    """Return a table, opened as the service opens it. The tables of a server share a client, which is slow to make."""
    parsed = TableUrl.parse(url)
    return Table(parsed, _connection(parsed.endpoint))


@contextmanager
def patience() -> Iterator[None]:
    """Give calls and requests more time than the service does, because a busy machine delays the stand-ins."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "ATTEMPT", LONG)
        patch.setattr(table, "LONG_ATTEMPT", LONG)
        patch.setattr(deadline, "BUDGET", LONG)
        yield


@cache
def _connection(endpoint: str | None) -> Connection:
    return Connection(TableUrl("any", REGION, endpoint))
