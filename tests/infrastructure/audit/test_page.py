"""The page docs/explanation/audit-trail.md agrees with the code."""

from pathlib import Path

import pytest

from infrastructure.observability.audit_chain import construction
from tests.infrastructure.audit import vectors

PAGE = Path(__file__).parents[3] / "docs/explanation/audit-trail.md"


def test_the_page_contains_the_vectors_that_the_code_computes() -> None:
    assert f"```text\n{vectors.as_text()}\n```" in PAGE.read_text()


def test_the_page_contains_the_form_of_the_end_of_a_line() -> None:
    form = construction.SEAL_FORM.pattern.decode().removesuffix(r"\Z")
    assert f"{form}\\z" in PAGE.read_text()


def test_the_sealed_secret_of_the_page_opens() -> None:
    secret = construction.unseal(vectors.SEALED_SECRET, vectors.PRIVATE_KEY, vectors.SEALED)
    assert secret == vectors.SECRET


@pytest.mark.parametrize("chain", [vectors.PLAIN, vectors.SEALED[::-1]])
def test_a_sealed_secret_opens_only_for_its_own_chain(chain: str) -> None:
    with pytest.raises(ValueError, match="does not open"):
        construction.unseal(vectors.SEALED_SECRET, vectors.PRIVATE_KEY, chain)


def test_a_sealed_secret_opens_only_with_its_own_private_key() -> None:
    with pytest.raises(ValueError, match="does not open"):
        construction.unseal(vectors.SEALED_SECRET, bytes(32), vectors.SEALED)
