"""Findings about the table of DynamoDB that stores the state."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from application.errors import StoreUnavailable
from infrastructure.crypto.derivation import HkdfDerivation
from infrastructure.crypto.sealing import KeyRing
from infrastructure.dynamodb.url import TableUrl
from infrastructure.records.codec import RecordCodec
from infrastructure.settings import Settings
from infrastructure.system import SystemClock
from presentation.cli.doctor.credentials import check_credentials
from presentation.cli.doctor.finding import Finding, Grade

if TYPE_CHECKING:
    from infrastructure.dynamodb.diagnostics.inspection import Inspection

LARGEST_CLOCK_DIFFERENCE: Final = 1.0
"""Seconds."""
_KEY: Final = "id (S)"
_EXPIRES: Final = "expires"
_UNNEEDED: Final = {"Scan": "`open-mfa reseal`, the export, the list of accounts and the search for weak secrets"}
_ONE_REGION: Final = "has no replicas in other regions, where the same code could be accepted again"


def check_table(settings: Settings, now: Callable[[], float], grave: Grade) -> Iterator[Finding]:
    """Yield the findings about the table that the settings name.

    Args:
        settings: the settings. They name a table.
        now: returns Unix time in seconds.
        grave: the grade of findings that matter only in production.
    """
    # botocore takes half a second to load, and is not installed everywhere.
    from infrastructure.dynamodb.client.connection import Connection  # noqa: PLC0415
    from infrastructure.dynamodb.client.table import Table  # noqa: PLC0415
    from infrastructure.dynamodb.diagnostics.inspection import inspect  # noqa: PLC0415
    from infrastructure.dynamodb.stores.credentials import DynamoCredentialRepository  # noqa: PLC0415

    url = settings.dynamodb.table
    if url is None:
        raise ValueError("the settings name no table")
    table = Table(url, Connection(url))
    codec = RecordCodec(KeyRing(settings.keys.encryption_keys), HkdfDerivation(settings.keys.derivation_secret))
    yield _transport(url, grave)
    try:
        for finding in check_inspection(inspect(table, now), grave):
            yield Finding(finding.grade, f"The DynamoDB table {url} {finding.text}")
        yield from check_credentials(DynamoCredentialRepository(table, codec, SystemClock()), time.monotonic)
    except StoreUnavailable as error:
        yield Finding(Grade.MUST_CHANGE, str(error))
    finally:
        table.close()


def _transport(url: TableUrl, grave: Grade) -> Finding:
    if url.is_unencrypted:
        text = "OPEN_MFA_STORE_URL leads to another machine without TLS: use an endpoint that begins with https"
        return Finding(grave, text)
    return Finding(Grade.OK, "OPEN_MFA_STORE_URL uses TLS, or leads to this machine")


def check_inspection(found: "Inspection", grave: Grade) -> Iterator[Finding]:
    """Yield the findings about a table. The caller puts its name before their texts.

    Args:
        found: the report about the table.
        grave: the grade of findings that matter only in production.
    """
    must, ok = Grade.MUST_CHANGE, Grade.OK
    if found.description is not None:
        if found.key == _KEY:
            yield Finding(ok, f"has the key {_KEY}")
        else:
            yield Finding(must, f"has the key {found.key}, but needs {_KEY}: create another table")
    if found.replicas:
        names = ", ".join(found.replicas)
        yield Finding(must, f"has replicas in {names}, and resolves conflicts by the last writer: remove them")
    else:
        yield Finding(ok, _ONE_REGION)
    yield from _life(found.time_to_live, grave)
    yield from _recovery(found.recovery)
    yield from _permissions(found)
    if abs(found.clock_ahead) > LARGEST_CLOCK_DIFFERENCE:
        text = f"has a clock that is {found.clock_ahead:+.1f} s off this machine's: synchronize this machine with NTP"
        yield Finding(must, text)
    elif "GetItem" not in found.forbidden:
        yield Finding(ok, "has the same time as this machine")


def _life(attribute: str | None, grave: Grade) -> Iterator[Finding]:
    remedy = f"enable the TTL with the attribute {_EXPIRES}"
    if attribute == _EXPIRES:
        yield Finding(Grade.OK, f"removes items by {_EXPIRES}")
    elif attribute == "":
        yield Finding(grave, f"keeps expired items forever: {remedy}")
    elif attribute is not None:
        yield Finding(grave, f"removes items by {attribute}, which the service does not set: {remedy}")


def _recovery(recovers: bool | None) -> Iterator[Finding]:
    if recovers:
        yield Finding(Grade.OK, "can be restored to any second of the last weeks")
    elif recovers is not None:
        yield Finding(Grade.WARNING, "cannot be restored after a mistake: enable point-in-time recovery")


def _permissions(found: "Inspection") -> Iterator[Finding]:
    needed = [name for name in found.forbidden if name not in _UNNEEDED]
    for name in found.forbidden:
        if name in _UNNEEDED:
            text = f"does not allow {name}, which {_UNNEEDED[name]} needs: allow dynamodb:{name} in the IAM policy"
            yield Finding(Grade.WARNING, text)
    if needed:
        allow = ", ".join(f"dynamodb:{name}" for name in needed)
        yield Finding(Grade.MUST_CHANGE, f"does not allow {', '.join(needed)}: allow {allow} in the IAM policy")
    if not found.forbidden:
        yield Finding(Grade.OK, "allows every operation that the service needs")
    answers = {
        "DescribeTable": found.description,
        "DescribeTimeToLive": found.time_to_live,
        "DescribeContinuousBackups": found.recovery,
    }
    unread = [name for name, answer in answers.items() if answer is None]
    if unread:
        text = f"does not allow {', '.join(unread)}, so some checks were skipped: allow them, or check these yourself"
        yield Finding(Grade.WARNING, text)
