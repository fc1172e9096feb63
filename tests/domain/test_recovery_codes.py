"""Recovery codes: parsed as users type them, each accepted once, and no stored value is accepted."""

import base64
import traceback
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.code import Code
from domain.errors import InvalidValue, MalformedCode
from domain.failures import DEFAULT_LOCKS, NO_FAILURES, Failures
from domain.outcome import RefusedOutcome
from domain.recovery_codes import ALPHABET, RecoveryCode, RecoveryCodes
from domain.stored_state import Outcome
from domain.verdict import Accepted, Locked, Reason, Rejected
from tests.domain.examples import ALGORITHM, RECOVERY_TEXTS, recovery_codes
from tests.domain.test_characters import MARKS, SEPARATORS
from tests.support.fakes import NOON

TEXTS = st.text(ALPHABET, min_size=16, max_size=16)
ALL = [RecoveryCode(text) for text in RECOVERY_TEXTS]
FIRST, SECOND, _ = ALL
WRONG = RecoveryCode("7777777777777777")


def submit(credential: RecoveryCodes, code: Code, now: int = NOON) -> Outcome:
    return credential.judge(code, now, ALGORITHM, DEFAULT_LOCKS)


def after(credential: RecoveryCodes, *codes: Code) -> RecoveryCodes:
    for code in codes:
        left = submit(credential, code).state
        assert isinstance(left, RecoveryCodes)
        credential = left
    return credential


# Parsing


@given(TEXTS)
def test_a_displayed_code_can_be_typed(text: str) -> None:
    code = RecoveryCode(text)

    assert RecoveryCode.parse(code.grouped) == code


@given(TEXTS, st.data())
def test_case_and_separators_at_any_position_do_not_change_a_code(text: str, data: st.DataObject) -> None:
    gaps = data.draw(st.lists(st.text(SEPARATORS, max_size=2), min_size=16, max_size=16))
    lowered = data.draw(st.lists(st.booleans(), min_size=16, max_size=16))

    typed = "".join(
        gap + (letter.lower() if lower else letter) for gap, letter, lower in zip(gaps, text, lowered, strict=True)
    )
    mark = data.draw(st.sampled_from(MARKS))

    assert RecoveryCode.parse(mark + typed + mark) == RecoveryCode(text)


@pytest.mark.parametrize(("typed", "meant"), [("I", "1"), ("i", "1"), ("L", "1"), ("l", "1"), ("O", "0"), ("o", "0")])
def test_letters_that_look_like_digits_are_those_digits(typed: str, meant: str) -> None:
    assert RecoveryCode.parse("K7QM-2X9D-4HPW-8RT" + typed) == RecoveryCode("K7QM2X9D4HPW8RT" + meant)


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("", id="empty"),
        pytest.param("K7QM-2X9D-4HPW-8RT", id="a character short"),
        pytest.param("K7QM-2X9D-4HPW-8RTC0", id="a character long"),
        pytest.param("K7QM-2X9D-4HPW-8RTU", id="U, which no code has"),
        pytest.param("K7QM_2X9D_4HPW_8RTC", id="underscores"),
        pytest.param("K7QM2X9D4HPW8RT\u017f", id="long s, whose capital is S"),
        pytest.param("K7QM2X9D4HPW8RT\u0131", id="dotless i, whose capital is I"),
        pytest.param("\u212a7QM2X9D4HPW8RTC", id="Kelvin sign, which looks like K"),
        pytest.param("K7QM2X9D4HPW8RT\u0421", id="Cyrillic letter, which looks like C"),
        pytest.param("\uff2b7QM2X9D4HPW8RTC", id="full-width letter"),
        pytest.param("K7QM2X9D4HPW8RT\u0663", id="Arabic digit"),
        pytest.param("K7QM2X9D4HPW8RT\ufb01", id="ligature"),
    ],
)
def test_other_texts_are_no_recovery_codes(typed: str) -> None:
    with pytest.raises(MalformedCode):
        RecoveryCode.parse(typed)


@given(st.text() | st.text(ALPHABET + "ilou-\u017f\u0131\u212a\u0421", min_size=14, max_size=18))
def test_any_text_is_a_code_of_the_alphabet_or_malformed(typed: str) -> None:
    try:
        code = RecoveryCode.parse(typed)
    except MalformedCode:
        return

    assert len(code.text) == 16
    assert set(code.text) <= set(ALPHABET)


@given(TEXTS, st.integers(0, 15), st.characters(min_codepoint=128, exclude_characters="\u00a0\u2009\u202f\u2010\u2011"))
def test_no_character_beyond_ascii_stands_for_one_of_a_code(text: str, position: int, strange: str) -> None:
    with pytest.raises(MalformedCode):
        RecoveryCode.parse(text[:position] + strange + text[position + 1 :])


@pytest.mark.parametrize("typed", ["K7QM-2X9D-4HPW-8RTU", "K7QM2X9D4HPW8RTC0"])
def test_the_error_does_not_repeat_a_malformed_code(typed: str) -> None:
    with pytest.raises(MalformedCode) as raised:
        RecoveryCode.parse(typed)

    shown = "".join(traceback.format_exception_only(raised.value))
    assert typed[:4] not in shown
    assert raised.value.__cause__ is raised.value.__context__ is None


def test_a_code_hides_from_repr() -> None:
    assert FIRST.text not in f"{FIRST!r} {FIRST}"


# Judging


def test_every_code_of_the_set_is_valid_in_any_order() -> None:
    credential = recovery_codes()
    for code in reversed(ALL):
        outcome = submit(credential, code)
        assert outcome.verdict == Accepted()
        credential = after(credential, code)

    assert credential.remaining == 0


@given(st.lists(st.sampled_from(ALL), max_size=12))
def test_each_code_is_accepted_once(codes: list[RecoveryCode]) -> None:
    credential, accepted = recovery_codes(), []
    for code in codes:
        if submit(credential, code).verdict == Accepted():
            accepted.append(code)
        credential = after(credential, code)

    assert sorted(accepted, key=codes.index) == list(dict.fromkeys(codes))
    assert credential.remaining == len(ALL) - len(accepted)


def test_a_spent_code_is_a_replay_and_changes_nothing() -> None:
    credential = after(recovery_codes(), FIRST)

    outcome = submit(credential, FIRST)

    assert outcome.verdict == Rejected(Reason.REPLAYED, 5)
    assert outcome.state is credential


def test_a_spent_code_does_not_affect_the_others() -> None:
    assert submit(after(recovery_codes(), FIRST), SECOND).verdict == Accepted()


def test_a_wrong_code_is_counted_and_spends_none() -> None:
    outcome = submit(recovery_codes(), WRONG)

    assert outcome == RefusedOutcome(Rejected(Reason.WRONG, 4), recovery_codes(failures=Failures(1)))


def test_the_fifth_wrong_code_locks_and_does_not_remove_the_codes() -> None:
    credential = after(recovery_codes(), *[WRONG] * 5)

    assert submit(credential, FIRST, NOON + 29).verdict == Locked(NOON + 30)
    assert submit(credential, FIRST, NOON + 30).verdict == Accepted()


def test_an_accepted_code_clears_the_failures() -> None:
    assert after(recovery_codes(failures=Failures(4)), FIRST).failures == NO_FAILURES


def test_a_set_that_is_used_up_still_counts_wrong_codes() -> None:
    assert submit(after(recovery_codes(), *ALL), WRONG).verdict == Rejected(Reason.WRONG, 4)


@given(TEXTS)
def test_a_code_that_is_not_in_the_set_is_wrong(text: str) -> None:
    if text not in RECOVERY_TEXTS:
        assert submit(recovery_codes(), RecoveryCode(text)).verdict == Rejected(Reason.WRONG, 4)


def test_no_spelling_of_a_stored_digest_is_accepted() -> None:
    credential = recovery_codes()
    for digest in credential.digests:
        spellings = [digest.hex(), base64.b32encode(digest).decode(), base64.b64encode(digest).decode()]
        for text in [*spellings, *(spelling[:16].upper() for spelling in spellings)]:
            assert submit(credential, RecoveryCode(text)).verdict == Rejected(Reason.WRONG, 4)


def test_a_code_is_valid_only_under_the_secret_of_its_set() -> None:
    credential = recovery_codes()
    moved = replace(credential, secret=replace(credential.secret, key=b"another secret of 20"))

    assert submit(moved, FIRST).verdict == Rejected(Reason.WRONG, 4)


@pytest.mark.parametrize("digits", ["123456", "12345678", "1234567890"])
def test_digits_are_no_recovery_code(digits: str) -> None:
    with pytest.raises(MalformedCode):
        submit(recovery_codes(), Code(digits))


# The set


@pytest.mark.parametrize("size", [1, 2, 20])
def test_a_set_may_have_any_size(size: int) -> None:
    credential = replace(recovery_codes(), digests=tuple(bytes([n]) * 16 for n in range(size)))

    assert credential.remaining == size


@pytest.mark.parametrize("spent", [0b1000, -1])
def test_no_more_codes_can_be_spent_than_there_are(spent: int) -> None:
    with pytest.raises(InvalidValue):
        recovery_codes(spent=spent)


@pytest.mark.parametrize("length", [0, 15, 17, 32])
def test_a_digest_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(InvalidValue):
        replace(recovery_codes(), digests=(bytes(length),))


def test_no_repr_depends_on_the_secret() -> None:
    assert recovery_codes().secret.key.decode() not in repr(recovery_codes())
