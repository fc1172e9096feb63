"""Logs: JSON lines that name the call and repeat no secret."""

import json
import logging

import pytest

from application.errors import StoreUnavailable
from application.log_level import SharedLogLevel
from application.ports.events import Purpose
from application.request_context import Call, current_call
from domain.owner import CredentialId, Factor, Owner, OwnerKind
from domain.verdict import Accepted
from infrastructure.observability.audit import AuditTrail
from infrastructure.observability.logs import (
    FIELDS,
    SERVICE,
    JsonFormatter,
    LogLevelFollower,
    configure_logging,
    set_level,
)
from infrastructure.observability.metrics import Metrics
from tests.support.written import written


def formatted(message: str, **extra: object) -> dict[str, object]:
    record = logging.getLogger("open_mfa.test").makeRecord(
        "open_mfa.test", logging.INFO, __file__, 1, message, (), None, extra={FIELDS: extra}
    )
    line: dict[str, object] = json.loads(JsonFormatter().format(record))
    return line


def test_a_line_has_time_level_logger_message_and_extras() -> None:
    line = formatted("hello", factor="totp")

    assert {name: line[name] for name in ("level", "logger", "message", "factor")} == {
        "level": "INFO",
        "logger": "open_mfa.test",
        "message": "hello",
        "factor": "totp",
    }
    assert str(line["time"]).endswith("Z")


def test_a_line_names_the_call() -> None:
    token = current_call.set(Call("request-7", "203.0.113.7"))
    try:
        line = formatted("hello")
    finally:
        current_call.reset(token)

    assert (line["request_id"], line["address"]) == ("request-7", "203.0.113.7")


def test_a_line_break_can_not_forge_another_line() -> None:
    record = logging.makeLogRecord({"msg": 'a\n{"level":"INFO"}', "name": "open_mfa"})

    assert "\n" not in JsonFormatter().format(record)


def test_an_exceptions_message_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    try:
        try:
            int("hunter2")
        except ValueError as cause:
            raise KeyError("hunter3") from cause
    except KeyError:
        logging.getLogger(SERVICE).exception("failed")

    lines = written(capsys)

    assert "hunter" not in lines
    assert "builtins.KeyError" in json.loads(lines)["exception"]
    assert "builtins.ValueError" in json.loads(lines)["exception"]


def test_the_audit_trail_is_written_at_any_level(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("CRITICAL")

    AuditTrail(Metrics()).judged(Purpose.VERIFY, CredentialId(Owner(OwnerKind.SESSION, "a"), Factor.TOTP), Accepted())
    logging.getLogger("open_mfa.http").error("not this")

    assert [json.loads(line)["message"] for line in written(capsys).splitlines()] == ["judged"]


def test_libraries_stay_quiet_at_debug(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("DEBUG")

    logging.getLogger("redis").debug("SET secret")
    logging.getLogger("open_mfa.http").debug("this")

    assert [json.loads(line)["message"] for line in written(capsys).splitlines()] == ["this"]


class Levels:
    """A shared level that can be away."""

    def __init__(self, level: str | None) -> None:
        self.level = level
        self.away = False

    def read(self) -> str | None:
        if self.away:
            raise StoreUnavailable
        return self.level

    def write(self, level: str) -> None:
        self.level = level


def test_a_process_follows_the_shared_level() -> None:
    LogLevelFollower(SharedLogLevel(Levels("DEBUG"), "INFO")).look()

    assert logging.getLogger(SERVICE).level == logging.DEBUG


def test_a_process_falls_back_to_its_default_where_no_level_is_shared() -> None:
    set_level("DEBUG")

    LogLevelFollower(SharedLogLevel(Levels(None), "WARNING")).look()

    assert logging.getLogger(SERVICE).level == logging.WARNING


def test_a_process_keeps_its_level_while_the_store_is_away() -> None:
    levels = Levels("INFO")
    levels.away = True
    set_level("ERROR")

    LogLevelFollower(SharedLogLevel(levels, "DEBUG")).look()

    assert logging.getLogger(SERVICE).level == logging.ERROR


def test_what_is_no_level_is_not_followed() -> None:
    LogLevelFollower(SharedLogLevel(Levels("LOUD"), "WARNING")).look()

    assert logging.getLogger(SERVICE).level == logging.WARNING
