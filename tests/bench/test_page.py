"""The capacity page shows the saved results."""

import re

import pytest
from bench.options import PAGE, PUBLISHED
from bench.page import NoSuchSection, render
from bench.tables.markdown import table
from bench.tables.planning import size_of

from bench import results, tables

PARTS = results.load(PUBLISHED)


def test_the_tables_of_the_page_are_those_of_the_saved_results() -> None:
    page = PAGE.read_text()

    # After a change of a table, `python -m bench --tables` writes the page again.
    assert render(page, tables.sections(PARTS)) == page


def test_the_page_has_every_table() -> None:
    shown = re.findall(r"<!-- begin ([a-z-]+) -->", PAGE.read_text())

    assert sorted(shown) == sorted(tables.sections(PARTS).keys() - {"peer"})


def test_prose_outside_of_the_sections_stays() -> None:
    page = "before\n<!-- begin a -->\nold\n<!-- end a -->\nbetween\n<!-- begin b -->\n<!-- end b -->\nafter\n"
    expected = (
        "before\n<!-- begin a -->\n\nA\n\n<!-- end a -->\nbetween\n<!-- begin b -->\n\nB\n\n<!-- end b -->\nafter\n"
    )

    assert render(page, {"a": "A", "b": "B", "c": "unused"}) == expected
    assert render(expected, {"a": "A", "b": "B"}) == expected


def test_a_section_without_a_table_is_an_error() -> None:
    with pytest.raises(NoSuchSection, match="no table a was measured"):
        render("<!-- begin a -->\n<!-- end a -->", {"b": "B"})


def test_the_columns_of_a_table_are_aligned() -> None:
    assert table(["name", "n"], [["a", "1"], ["long name", "100"]]).splitlines() == [
        "| name      |   n |",
        "|-----------|----:|",
        "| a         |   1 |",
        "| long name | 100 |",
    ]


@pytest.mark.parametrize(
    ("size", "text"), [(999, "999.0 B"), (2_340_000, "2.3 MB"), (2.34e9, "2.3 GB"), (2.34e12, "2,340.0 GB")]
)
def test_sizes_have_decimal_units(size: float, text: str) -> None:
    assert size_of(size) == text


def test_numbers_are_saved_with_five_digits() -> None:
    assert results.rounded({"a": [1234.5678, 3], "b": (0.000123456,)}) == {"a": [1234.6, 3], "b": [0.00012346]}
