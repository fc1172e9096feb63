"""The choice of a language by Accept-Language (RFC 9110, section 12.5.4)."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.language import LANGUAGES
from presentation.http.framework.accept_language import LONGEST_FIELD, choose_language

WEIGHTS = st.integers(0, 1000).map(lambda thousandths: f"{thousandths / 1000:.3f}")


def chosen(field: str, default: str = "en") -> str:
    return choose_language(field, LANGUAGES, default)


@pytest.mark.parametrize(
    ("field", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE", "de"),
        ("de-AT", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-US,en;q=0.5,de;q=0.9", "en"),
        ("fr-CH, fr;q=0.9, de;q=0.7, en;q=0.8, *;q=0.5", "en"),
        ("fr, de;q=0.1", "de"),
        ("fr", "en"),
        ("en;q=0.7, de;q=0.8", "de"),
        ("en, de", "en"),
        ("de, en", "de"),
        ("de ; q=0.4 , en ; q=0.3", "de"),
        ("*", "en"),
        ("*, de;q=0.5", "en"),
        ("*;q=0.5, de", "de"),
        ("en;q=0, *", "de"),
        ("de;q=0, de-AT", "en"),
        ("de-AT;q=0, de", "de"),
        ("de;q=0, en;q=0", "en"),
        ("de;q=1.000", "de"),
        ("de;Q=1", "de"),
        ("german", "en"),
        ("d", "en"),
    ],
)
def test_the_preferred_language_is_chosen(field: str, language: str) -> None:
    assert chosen(field) == language


@pytest.mark.parametrize("field", ["", "fr", "*", "de-;q=1", "en;q=0"])
def test_another_default_can_be_set(field: str) -> None:
    assert chosen(field, "de") == "de"


def test_a_default_yields_to_a_preference() -> None:
    assert chosen("en-GB", "de") == "en"
    assert chosen("de;q=0, *", "de") == "en"


@pytest.mark.parametrize(
    "field",
    [
        "de;q=2",
        "de;q=-1",
        "de;q=0.0001",
        "de;q=nan",
        "de;q=1e9",
        "de;q=",
        "de;level=1",
        "de_DE",
        "de-*",
        "de\x00",
        "\u0434\u0435",
        "de\uff0den",
        "; ; ;",
        ",,,,",
        "de;q=1;q=1",
        "*de",
        "<script>",
        "de" * 400,
    ],
)
def test_a_malformed_element_is_ignored(field: str) -> None:
    assert chosen(field) == "en"
    assert chosen(f"{field}, de;q=0.1") == "de"


def test_a_field_that_is_too_long_is_ignored() -> None:
    assert chosen("de" + " " * (LONGEST_FIELD - 2)) == "de"
    assert chosen("de" + " " * (LONGEST_FIELD - 1)) == "en"


@given(st.sampled_from(LANGUAGES), WEIGHTS, WEIGHTS)
def test_the_greater_weight_wins_and_the_order_only_decides_between_equals(first: str, one: str, other: str) -> None:
    (second,) = set(LANGUAGES) - {first}
    field = f"{first};q={one}, {second};q={other}"

    assert chosen(field) == (
        "en" if float(one) == float(other) == 0 else first if float(one) >= float(other) else second
    )


@given(st.text(st.sampled_from("deEN-*;q=01. ,\t_x"), max_size=60), st.sampled_from(LANGUAGES))
def test_every_field_leads_to_a_language(field: str, default: str) -> None:
    assert choose_language(field, LANGUAGES, default) in LANGUAGES


@pytest.mark.parametrize(
    "piece", [",", "de,", "a-" * 500, " " * 1000, "*;q=0.", "de;q=0.000,", "-,", "\t;\t,", "a" * 8 + "-"]
)
def test_hostile_fields_take_little_time(piece: str) -> None:
    field = (piece * LONGEST_FIELD)[:LONGEST_FIELD]
    begin = time.process_time()
    for _ in range(10):
        chosen(field)

    assert time.process_time() - begin < 0.5
