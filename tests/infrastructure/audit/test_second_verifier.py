"""A second verifier, written in JavaScript from the page alone, finds the same in the same files."""

import base64
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from infrastructure.observability.audit_chain.anchor import Anchor, read_anchor
from tests.infrastructure.audit import vectors
from tests.infrastructure.audit.trail import AUDIT_KEY, PRIVATE_KEY, START, Process, kinds, verified

VERIFIER = Path(__file__).parent / "verifier/verify.mjs"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="no node")

Trail = tuple[list[list[bytes]], list[Anchor]]
"""The lines of each file, and the anchors."""
Attack = Callable[[Trail, random.Random], Trail]


def second_kinds(files: Sequence[Sequence[bytes]], anchors: Sequence[Anchor], directory: Path) -> tuple[int, set[str]]:
    """Return the exit status and the kinds of findings of the second verifier."""
    assert NODE is not None
    names = []
    for number, lines in enumerate(files):
        names.append(directory / f"file-{number}")
        names[-1].write_bytes(b"".join(lines))
    export = directory / "anchors"
    export.write_text("".join(f"{anchor.text}\n" for anchor in anchors))
    key, private_key = (base64.b64encode(each).decode() for each in (AUDIT_KEY, PRIVATE_KEY))
    arguments = ["--key", key, "--private-key", private_key, "--anchors", str(export), *map(str, names)]
    done = subprocess.run([NODE, str(VERIFIER), *arguments], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, set(re.findall(r"^([a-z-]+) ", done.stdout, re.MULTILINE))


def trail() -> Trail:
    one, three = Process().write(4), Process().write(3)
    three_anchor = three.anchor()
    two = Process(heads=lambda: {**(one.head() or {}), **(three.head() or {})}).write(5)
    anchors = [one.end(), two.anchor(), three_anchor]
    return [one.lines, [*two.lines, *three.lines]], anchors


def nothing(trail: Trail, _: random.Random) -> Trail:
    return trail


def change_a_byte(trail: Trail, randomness: random.Random) -> Trail:
    lines = randomness.choice(trail[0])
    number = randomness.randrange(len(lines))
    place = randomness.randrange(len(lines[number]) - 1)
    changed = bytes([(lines[number][place] + randomness.randrange(1, 256)) % 256])
    lines[number] = lines[number][:place] + changed + lines[number][place + 1 :]
    return trail


def remove_a_line(trail: Trail, randomness: random.Random) -> Trail:
    lines = randomness.choice(trail[0])
    del lines[randomness.randrange(len(lines))]
    return trail


def remove_an_end(trail: Trail, randomness: random.Random) -> Trail:
    lines = randomness.choice(trail[0])
    del lines[randomness.randrange(len(lines)) :]
    return trail


def swap_lines(trail: Trail, randomness: random.Random) -> Trail:
    randomness.shuffle(randomness.choice(trail[0]))
    return trail


def repeat_a_line(trail: Trail, randomness: random.Random) -> Trail:
    lines = randomness.choice(trail[0])
    lines.insert(randomness.randrange(len(lines)), randomness.choice(lines))
    return trail


def remove_a_file(trail: Trail, randomness: random.Random) -> Trail:
    del trail[0][randomness.randrange(2)]
    return trail


def remove_an_anchor(trail: Trail, randomness: random.Random) -> Trail:
    # The first chain ended regularly, so it needs none.
    del trail[1][randomness.randrange(1, len(trail[1]))]
    return trail


def change_an_anchor(trail: Trail, randomness: random.Random) -> Trail:
    number = randomness.randrange(len(trail[1]))
    text = re.sub(r'"seq":(\d)', lambda found: f'"seq":{(int(found[1]) + 1) % 10}', trail[1][number].text)
    trail[1][number] = read_anchor(text)
    return trail


def insert_a_line_without_a_code(trail: Trail, randomness: random.Random) -> Trail:
    lines = randomness.choice(trail[0])
    line = randomness.choice(lines)
    lines.insert(randomness.randrange(len(lines)), line[: line.index(b',"chain":')] + b"}\n")
    return trail


ATTACKS: list[Attack] = [
    nothing,
    change_a_byte,
    remove_a_line,
    remove_an_end,
    swap_lines,
    repeat_a_line,
    remove_a_file,
    remove_an_anchor,
    change_an_anchor,
    insert_a_line_without_a_code,
]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("seed", range(6))
def test_both_verifiers_find_the_same(attack: Attack, seed: int, tmp_path: Path) -> None:
    files, anchors = attack(trail(), random.Random(seed))
    result = verified(*files, exported=anchors, now=START + 3600)
    status, found = second_kinds(files, anchors, tmp_path)
    assert found == kinds(result)
    assert status == (0 if result.is_intact else 1)
    assert result.is_intact is (attack is nothing)


def test_the_second_verifier_accepts_the_vectors_of_the_page(tmp_path: Path) -> None:
    (plain, _, one), (sealed, _, other) = vectors.plain_chain(), vectors.sealed_chain()
    lines = [f"{line}\n".encode() for line in (*plain, *sealed)]
    assert second_kinds([lines], [read_anchor(one), read_anchor(other)], tmp_path) == (1, {"plain"})


def test_there_is_nothing_to_verify_in_an_empty_file(tmp_path: Path) -> None:
    assert second_kinds([[]], [], tmp_path) == (3, set())


def test_the_tests_of_the_second_verifier_pass() -> None:
    assert NODE is not None
    done = subprocess.run(
        [NODE, "--test", str(VERIFIER.with_name("verify.test.mjs"))], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
