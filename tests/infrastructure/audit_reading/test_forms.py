"""In every form of log, each audit line is found byte for byte, at its place among other lines."""

import io
import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infrastructure.observability.audit import LOGGER as WRITTEN_LOGGER
from infrastructure.observability.audit_reading import AuditLine, Reading, audit_lines, opened
from infrastructure.observability.audit_reading.contents import LOGGER
from tests.infrastructure.audit_reading.forms import AUDIT_LINES, FORMS, OTHER_LINES


def readings(content: bytes) -> list[Reading]:
    return [*audit_lines(io.BytesIO(content), "log")]


def data_of(found: Sequence[Reading]) -> list[bytes]:
    assert all(isinstance(each, AuditLine) for each in found), found
    return [each.data for each in found]


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=30)
@given(lines=st.lists(AUDIT_LINES, min_size=1, max_size=4))
def test_every_audit_line_survives_every_form_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, form: str, lines: list[bytes]
) -> None:
    path = tmp_path_factory.getbasetemp() / "log"
    path.write_bytes(FORMS[form](lines))

    with opened(str(path)) as stream:
        found = [*audit_lines(stream, str(path))]

    assert data_of(found) == lines
    assert [each.members for each in found if isinstance(each, AuditLine)] == [json.loads(line) for line in lines]


@pytest.mark.parametrize("form", [name for name in FORMS if "gzip" not in name and "S3" not in name])
@settings(max_examples=30)
@given(lines=st.lists(st.tuples(st.booleans(), AUDIT_LINES, OTHER_LINES), min_size=1, max_size=6))
def test_other_lines_are_not_reported_and_do_not_hide_audit_lines(
    form: str, lines: list[tuple[bool, bytes, bytes]]
) -> None:
    content = FORMS[form]([audit if is_audit else other for is_audit, audit, other in lines])

    assert data_of(readings(content)) == [audit for is_audit, audit, _ in lines if is_audit]


@given(st.lists(st.tuples(st.sampled_from([*FORMS]), AUDIT_LINES), min_size=1, max_size=6))
def test_one_file_can_mix_all_forms(lines: list[tuple[str, bytes]]) -> None:
    lines = [(form, line) for form, line in lines if "gzip" not in form and "S3" not in form]

    assert data_of(readings(b"".join(FORMS[form]([line]) for form, line in lines))) == [line for _, line in lines]


@given(st.lists(st.sampled_from([b"other", b"audit"]), min_size=1, max_size=20), AUDIT_LINES)
def test_a_reading_has_the_number_of_its_line(kinds: list[bytes], line: bytes) -> None:
    found = readings(b"".join((line if kind == b"audit" else kind) + b"\n" for kind in kinds))

    assert [each.number for each in found] == [number for number, kind in enumerate(kinds, 1) if kind == b"audit"]
    assert {each.source for each in found} <= {"log"}


def test_the_reader_looks_for_the_logger_that_the_service_writes() -> None:
    assert LOGGER == WRITTEN_LOGGER
