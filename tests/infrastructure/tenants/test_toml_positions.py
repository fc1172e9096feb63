"""The positions of keys in TOML documents."""

import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import given

from infrastructure.tenants.toml_positions import Path, Position, positions_in
from tests.infrastructure.tenants.documents import documents


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield (*path, key)
        yield from paths(each, (*path, key))


@given(documents())
def test_each_key_of_a_document_has_the_position_at_which_it_was_written(
    document: tuple[str, dict[Path, Position]],
) -> None:
    text, positions = document

    found = positions_in(text)

    assert set(found) == set(paths(tomllib.loads(text)))
    assert found == positions
