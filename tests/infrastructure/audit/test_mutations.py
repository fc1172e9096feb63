"""Every change of a byte is found, in the files that the service and the usual log systems write."""

import random

import pytest

from tests.infrastructure.audit.trail import PLAIN_SECRETS, SECRETS, Process, verified

NUMBER = 10_000


def _trail(*, sealed: bool) -> list[bytes]:
    """Return the lines of two processes, mixed. The second one lists the first one and was killed."""
    one = Process(sealed=sealed).write(4)
    one.end()
    two = Process(sealed=sealed, heads=one.head).write(4, account="jürgen")
    return [line for pair in zip(one.lines, [*two.lines, b""], strict=True) for line in pair if line]


@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
def test_all_single_byte_changes_of_lines_are_found(sealed: bool) -> None:
    lines = _trail(sealed=sealed)
    content = b"".join(lines)
    secrets = SECRETS if sealed else PLAIN_SECRETS
    assert verified(content, secrets=secrets).is_intact
    places = [place for place, byte in enumerate(content) if byte != ord("\n")]
    randomness = random.Random(43)
    for _ in range(NUMBER // 2):
        place = randomness.choice(places)
        change = randomness.choice([byte for byte in range(256) if byte != content[place]])
        changed = content[:place] + bytes([change]) + content[place + 1 :]
        assert not verified(changed, secrets=secrets).is_intact, (place, change, content[place - 40 : place + 40])
