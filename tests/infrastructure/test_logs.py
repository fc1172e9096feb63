"""Log lines name the request and contain no secret. Processes follow the shared log level."""

import json
import logging

import pytest

from application.errors import StoreUnavailable
from application.log_level import SharedLogLevel
from application.ports.events import Purpose
from application.request_context import FIELDS, RequestContext, current_request
from domain.owner import CredentialId, Factor, Owner, OwnerKind
from domain.verdict import Accepted
from infrastructure.observability.audit import AuditTrail
from infrastructure.observability.level_follower import LogLevelFollower
from infrastructure.observability.logs import (
    SERVICE,
    LineFormatter,
    configure_logging,
    set_level,
)
from infrastructure.observability.metrics import Metrics
from tests.support.written import written


def formatted(message: str, **extra: object) -> dict[str, object]:
    record = logging.getLogger("open_mfa.test").makeRecord(
        "open_mfa.test", logging.INFO, __file__, 1, message, (), None, extra={FIELDS: extra}
    )
    line: dict[str, object] = json.loads(LineFormatter().format(record))
    return line


def test_a_line_has_the_time_the_level_the_logger_the_message_and_the_fields() -> None:
    line = formatted("hello", factor="totp")

    assert {name: line[name] for name in ("level", "logger", "message", "factor")} == {
        "level": "INFO",
        "logger": "open_mfa.test",
        "message": "hello",
        "factor": "totp",
    }
    assert str(line["time"]).endswith("Z")


def test_a_line_names_the_request() -> None:
    token = current_request.set(RequestContext("request-7", "203.0.113.7"))
    try:
        line = formatted("hello")
    finally:
        current_request.reset(token)

    assert (line["request_id"], line["address"]) == ("request-7", "203.0.113.7")


def test_a_line_break_in_a_message_does_not_begin_another_line() -> None:
    record = logging.makeLogRecord({"msg": 'a\n{"level":"INFO"}', "name": "open_mfa"})

    assert "\n" not in LineFormatter().format(record)


def test_the_message_of_an_exception_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
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


def test_libraries_write_no_debug_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("DEBUG")

    logging.getLogger("redis").debug("SET secret")
    logging.getLogger("open_mfa.http").debug("this")

    assert [json.loads(line)["message"] for line in written(capsys).splitlines()] == ["this"]


class Levels:
    """A shared level that can be unavailable."""

    def __init__(self, level: str | None) -> None:
        self.level = level
        self.unavailable = False

    def read(self) -> str | None:
        if self.unavailable:
            raise StoreUnavailable
        return self.level

    def write(self, level: str) -> None:
        self.level = level


def test_a_process_follows_the_shared_level() -> None:
    LogLevelFollower(SharedLogLevel(Levels("DEBUG"), "INFO")).follow_now()

    assert logging.getLogger(SERVICE).level == logging.DEBUG


def test_without_a_shared_level_a_process_has_the_level_of_its_settings() -> None:
    set_level("DEBUG")

    LogLevelFollower(SharedLogLevel(Levels(None), "WARNING")).follow_now()

    assert logging.getLogger(SERVICE).level == logging.WARNING


def test_a_process_keeps_its_level_while_the_store_is_unavailable() -> None:
    levels = Levels("INFO")
    levels.unavailable = True
    set_level("ERROR")

    LogLevelFollower(SharedLogLevel(levels, "DEBUG")).follow_now()

    assert logging.getLogger(SERVICE).level == logging.ERROR


def test_an_unknown_shared_level_is_ignored() -> None:
    LogLevelFollower(SharedLogLevel(Levels("LOUD"), "WARNING")).follow_now()

    assert logging.getLogger(SERVICE).level == logging.WARNING
