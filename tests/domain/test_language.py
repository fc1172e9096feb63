"""Language tags, and the fallback of a tag to a language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.language import LANGUAGES, LONGEST_LANGUAGE_TAG, best_language, is_language_tag

SUBTAG = st.text("abcdeABCDE01", min_size=1, max_size=8)


@pytest.mark.parametrize("text", ["de", "de-AT", "DE", "zh-Hant-TW", "sr-Latn", "x-pirate", "i-default", "de-1996"])
def test_language_tags(text: str) -> None:
    assert is_language_tag(text)


@pytest.mark.parametrize(
    "text",
    ["", "*", "de_AT", "de-", "-de", "de--at", "deutschland", "dé", "de ", "de\n", "1a", "de-aaaaaaaaa", "de.txt"],
)
def test_other_texts_are_no_language_tags(text: str) -> None:
    assert not is_language_tag(text)


def test_the_length_of_a_tag_is_limited() -> None:
    tag = "de" + "-1234567" * 4
    assert is_language_tag(tag + "8")
    assert len(tag + "8") == LONGEST_LANGUAGE_TAG
    assert not is_language_tag(tag + "89")


@given(st.sampled_from(LANGUAGES), st.lists(SUBTAG, max_size=4), st.booleans())
def test_a_tag_falls_back_to_its_language(language: str, subtags: list[str], upper: bool) -> None:
    tag = "-".join([language, *subtags])

    assert best_language(tag.upper() if upper else tag, LANGUAGES) == language


@given(st.lists(SUBTAG, min_size=1, max_size=4).map("-".join), st.sets(SUBTAG))
def test_the_language_is_the_longest_beginning_of_the_tag(tag: str, languages: set[str]) -> None:
    known = {language.lower() for language in languages}
    parts = tag.lower().split("-")
    beginnings = ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]

    assert best_language(tag, known) == next((each for each in beginnings if each in known), None)


def test_the_most_specific_language_wins() -> None:
    assert best_language("de-CH-1996", ["de", "de-CH", "en"]) == "de-CH"
    assert best_language("deu", ["de"]) is None
