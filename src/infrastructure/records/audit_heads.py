"""The newest heads of the audit trail, as one text."""

from collections.abc import Sequence

from application.ports.audit_anchors import MOST_HEADS


def heads_in(text: str | None) -> Sequence[str]:
    """Return the heads in a text."""
    return [] if text is None else text.split()[:MOST_HEADS]


def with_head(text: str | None, chain: str, head: str) -> str:
    """Return a text with a head of a chain at its beginning, instead of a former head of this chain."""
    others = [each for each in heads_in(text) if not each.startswith(chain)]
    return " ".join([head, *others][:MOST_HEADS])
