"""The threat model names a test behind each promise."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.documents import page, rows, section

TESTS = Path(__file__).parents[1]
ROWS = rows(section(page("explanation/security"), "Threat model"))


@cache
def declared_in(path: str) -> dict[str, set[str]]:
    """Return the tests of a file, and for each the names of its marks."""
    tree = ast.parse((TESTS / path).read_text())
    return {
        each.name: {
            name.attr for mark in each.decorator_list for name in ast.walk(mark) if isinstance(name, ast.Attribute)
        }
        for each in tree.body
        if isinstance(each, ast.FunctionDef)
    }


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_each_promise_names_tests_that_exist_and_run(row: list[str]) -> None:
    _, promise, cell = row
    names = re.findall(r"`([^`]+)`", cell)

    assert promise
    assert names
    for name in names:
        path, _, test = name.partition("::")
        marks = declared_in(path).get(test)
        assert marks is not None, f"{name} does not exist"
        assert not marks & {"skip", "xfail"}, f"{name} does not run"
