"""`open-mfa doctor` reports the faults of a table of DynamoDB."""

import secrets
import time
from collections.abc import Callable, Iterator

import pytest

from infrastructure.crypto.sealing import EncryptionKey
from infrastructure.dynamodb.url import TableUrl
from infrastructure.settings import Settings
from presentation.cli.doctor.diagnosis import diagnose
from presentation.cli.doctor.finding import Grade
from tests.support.dynamodb import REGION, DynamoServer, patience, running
from tests.support.dynamodb_faults import Answer, FaultyDynamo, Forward, error
from tests.support.settings import settings_with

MUST, WARNING, OK = Grade.MUST_CHANGE, Grade.WARNING, Grade.OK


@pytest.fixture(scope="module")
def moto() -> Iterator[DynamoServer]:
    with running("moto") as server:
        yield server


@pytest.fixture
def faulty(moto: DynamoServer) -> Iterator[FaultyDynamo]:
    with FaultyDynamo(moto) as server, patience():
        yield server


def settings(url: str) -> Settings:
    keys = (EncryptionKey("k1", secrets.token_bytes(32)),)
    return settings_with(encryption_keys=keys, secret_key=secrets.token_urlsafe(32), table=TableUrl.parse(url))


def found(url: str, now: Callable[[], float] = time.time) -> dict[Grade, str]:
    """Return the findings about the table, joined by grade."""
    texts: dict[Grade, list[str]] = {grade: [] for grade in Grade}
    for finding in diagnose(settings(url), now):
        texts[finding.grade].append(finding.text)
    return {grade: "\n".join(each) for grade, each in texts.items()}


def behind(faulty: FaultyDynamo, moto: DynamoServer) -> str:
    table = TableUrl.parse(moto.new_table()).table
    return moto.url_of(table, faulty.port)


def test_a_table_as_documented_has_no_fault(faulty: FaultyDynamo, moto: DynamoServer) -> None:
    findings = found(behind(faulty, moto))
    assert findings[MUST] == ""
    for text in (
        "has the key id (S)",
        "removes items by expires",
        "allows every operation",
        "same time",
        "has no replicas in other regions",
    ):
        assert text in findings[OK]
    assert "enable point-in-time recovery" in findings[WARNING]


def test_point_in_time_recovery_is_noticed(faulty: FaultyDynamo, moto: DynamoServer) -> None:
    url = behind(faulty, moto)
    moto.client.update_continuous_backups(
        TableName=TableUrl.parse(url).table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    assert "can be restored" in found(url)[OK]


def test_the_trial_leaves_nothing(faulty: FaultyDynamo, moto: DynamoServer) -> None:
    url = behind(faulty, moto)
    found(url)
    assert moto.client.scan(TableName=TableUrl.parse(url).table)["Items"] == []


@pytest.mark.parametrize("operation", ["GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem"])
def test_a_forbidden_operation_is_named(faulty: FaultyDynamo, moto: DynamoServer, operation: str) -> None:
    url = behind(faulty, moto)
    faulty.fault = forbidding(operation)
    assert f"does not allow {operation}: allow dynamodb:{operation} in the IAM policy" in found(url)[MUST]


def test_a_forbidden_scan_is_a_warning(faulty: FaultyDynamo, moto: DynamoServer) -> None:
    url = behind(faulty, moto)
    faulty.fault = forbidding("Scan")
    findings = found(url)
    assert findings[MUST] == ""
    assert "does not allow Scan, which `open-mfa reseal`" in findings[WARNING]


def test_descriptions_that_are_forbidden_are_skipped(faulty: FaultyDynamo, moto: DynamoServer) -> None:
    url = behind(faulty, moto)
    names = ("DescribeTable", "DescribeTimeToLive", "DescribeContinuousBackups")
    faulty.fault = forbidding(*names)
    findings = found(url)
    assert findings[MUST] == ""
    assert f"does not allow {', '.join(names)}, so some checks were skipped" in findings[WARNING]


def forbidding(*operations: str) -> Callable[[str, Forward], Answer | None]:
    denied = error("AccessDeniedException")
    return lambda operation, forward: denied if operation in operations else forward()


@pytest.mark.parametrize(
    ("life", "text"),
    [
        ({"Enabled": False, "AttributeName": "expires"}, "keeps expired items forever"),
        ({"Enabled": True, "AttributeName": "ttl"}, "removes items by ttl, which the service does not set"),
    ],
)
def test_a_wrong_ttl_is_named(faulty: FaultyDynamo, moto: DynamoServer, life: dict[str, object], text: str) -> None:
    url = behind(faulty, moto)
    moto.client.update_time_to_live(TableName=TableUrl.parse(url).table, TimeToLiveSpecification=life)
    assert text in found(url)[MUST]


@pytest.mark.parametrize(
    ("names", "key"), [((("id", "N"),), "id (N)"), ((("id", "S"), ("sort", "S")), "id (S), sort (S)")]
)
def test_another_key_is_named(moto: DynamoServer, names: tuple[tuple[str, str], ...], key: str) -> None:
    table = f"other-{secrets.token_hex(4)}"
    moto.client.create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in names],
        KeySchema=[
            {"AttributeName": name, "KeyType": role} for (name, _), role in zip(names, ("HASH", "RANGE"), strict=False)
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    with patience():
        assert "check that its only key is the string `id`" in found(moto.url_of(table))[MUST]


def test_a_clock_that_differs_is_named(faulty: FaultyDynamo, moto: DynamoServer) -> None:
    assert "+120" in found(behind(faulty, moto), lambda: time.time() - 121)[MUST]


def test_a_table_that_does_not_exist_is_named(moto: DynamoServer) -> None:
    with patience():
        findings = found(moto.url_of("no-such-table"))
    assert f"The DynamoDB table no-such-table in {REGION}" in findings[MUST]
    assert "does not exist" in findings[MUST]


def test_replicas_are_named(faulty: FaultyDynamo, moto: DynamoServer) -> None:
    url = behind(faulty, moto)

    def fault(operation: str, forward: Forward) -> Answer:
        done = forward()
        if operation != "DescribeTable":
            return done
        return Answer(200, done.body.replace(b'{"Table": {', b'{"Table": {"Replicas": [{"RegionName": "us-east-1"}], '))

    faulty.fault = fault
    assert "has replicas in us-east-1, and resolves conflicts by the last writer" in found(url)[MUST]


def test_an_endpoint_on_another_machine_needs_tls() -> None:
    url = f"dynamodb://a-table?region={REGION}&endpoint=http://does-not-exist.invalid:8000"
    findings = found(url)
    assert "OPEN_MFA_STORE_URL leads to another machine without TLS" in findings[MUST]
    assert "its name does not resolve" in findings[MUST]
