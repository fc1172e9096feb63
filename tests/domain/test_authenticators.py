"""The rules for all authenticators of an owner together."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.authenticators import MOST_AUTHENTICATORS, Authenticators, check_authenticator_name
from domain.credential import Credential, Lifecycle
from domain.errors import DuplicateSecret, InvalidValue, SameSecretEnrolled, TooManyAuthenticators
from domain.failures import NO_FAILURES, Failures
from domain.former_secret import FORMER_SECRETS_OF_REMOVED, FormerSecret
from domain.owner import AUTHENTICATOR_ID, CredentialId, Factor
from domain.parameters import HashAlgorithm
from domain.recovery_codes import ALPHABET
from domain.secret import SharedSecret
from domain.secret_credential import SecretCredential
from domain.tombstone import Tombstone
from tests.domain.examples import ALICE, BOB, SECRET, hotp, one_time_code, recovery_codes, totp
from tests.support.fakes import NOON

OTHER = SharedSecret(b"another secret of 160")
SUFFIXES = st.text(ALPHABET.lower(), min_size=10, max_size=10)


def additional(credential: SecretCredential, number: int = 0) -> SecretCredential:
    return replace(credential, id=replace(credential.id, suffix=f"{number:010d}"))


def confirmed(credential: SecretCredential) -> SecretCredential:
    return replace(credential, lifecycle=Lifecycle.starting(NOON, None).used(NOON))


# Ids


@given(st.sampled_from([Factor.TOTP, Factor.HOTP]), SUFFIXES | st.just(""))
def test_the_id_of_an_authenticator_determines_its_credential(factor: Factor, suffix: str) -> None:
    credential_id = CredentialId(ALICE, factor, suffix)
    assert CredentialId.of_authenticator(ALICE, credential_id.authenticator) == credential_id


@pytest.mark.parametrize("text", ["otp", "recovery-codes", "totp-removed", "totp-", "totp-00000", "TOTP", "", "totp\n"])
def test_other_texts_are_no_ids(text: str) -> None:
    with pytest.raises(InvalidValue):
        CredentialId.of_authenticator(ALICE, text)


@given(st.text(max_size=20) | st.from_regex(AUTHENTICATOR_ID))
def test_no_authenticator_has_the_id_of_removed_ones_or_of_another_factor(text: str) -> None:
    try:
        credential_id = CredentialId.of_authenticator(ALICE, text)
    except InvalidValue:
        return
    assert credential_id.authenticator == text
    assert credential_id not in {credential_id.removed, *(CredentialId(ALICE, each) for each in ("otp", "recovery"))}


# The number of authenticators


@pytest.mark.parametrize("unreadable", [0, 3])
def test_an_owner_has_room_for_ten_authenticators(unreadable: int) -> None:
    others = [CredentialId(ALICE, Factor.HOTP, f"{number:010d}") for number in range(unreadable)]
    states = [additional(totp(), number) for number in range(MOST_AUTHENTICATORS - unreadable)]
    Authenticators(states[1:], NOON, others).require_room()
    with pytest.raises(TooManyAuthenticators):
        Authenticators(states, NOON, others).require_room()


def test_tombstones_and_credentials_of_other_factors_take_no_room() -> None:
    states = [additional(totp(), number) for number in range(MOST_AUTHENTICATORS - 1)]
    removed = Tombstone(id=totp().id.removed, failures=Failures(1), expires_at=None)
    unreadable = [CredentialId(ALICE, Factor.OTP)]
    Authenticators([*states, removed, one_time_code(), recovery_codes()], NOON, unreadable).require_room()


# Equal secrets


@pytest.mark.parametrize(("old", "new"), [(6, 6), (6, 8), (8, 6)])
def test_no_two_authenticators_have_the_same_secret(old: int, new: int) -> None:
    for known, request in [
        (totp(digits=old), additional(totp(digits=new))),
        (additional(totp(digits=old)), totp(digits=new)),
        (additional(hotp(digits=old)), additional(hotp(9, digits=new), 1)),
    ]:
        with pytest.raises(DuplicateSecret) as raised:
            Authenticators([known], NOON).require_new_secret(request)
        assert raised.value.authenticator == known.id.authenticator


def test_a_confirmed_authenticator_with_the_same_codes_is_reported_as_such() -> None:
    with pytest.raises(SameSecretEnrolled):
        Authenticators([confirmed(totp())], NOON).require_new_secret(additional(totp()))


@pytest.mark.parametrize("known", [totp(), confirmed(totp(digits=8))], ids=["pending", "more digits"])
def test_another_authenticator_with_the_secret_is_not_reported_as_the_same(known: SecretCredential) -> None:
    with pytest.raises(DuplicateSecret) as raised:
        Authenticators([known], NOON).require_new_secret(additional(totp()))
    assert not isinstance(raised.value, SameSecretEnrolled)


def test_keys_with_the_same_codes_are_the_same_secret() -> None:
    longer = SharedSecret(SECRET.key + b"\0")
    with pytest.raises(DuplicateSecret):
        Authenticators([totp()], NOON).require_new_secret(additional(totp(secret=longer)))


@pytest.mark.parametrize(
    "other",
    [
        additional(hotp()),
        additional(totp(secret=OTHER)),
        additional(totp(interval=60)),
        additional(totp(algorithm=HashAlgorithm.SHA256)),
        totp(),
    ],
    ids=["factor", "secret", "interval", "hash", "itself"],
)
def test_an_authenticator_with_other_codes_is_allowed(other: SecretCredential) -> None:
    Authenticators([totp()], NOON).require_new_secret(other)


@pytest.mark.parametrize("now", [NOON, NOON + 3600 + 59])
def test_the_secret_of_a_replacement_counts_a_minute_longer_than_it_is_valid(now: int) -> None:
    replacement = replace(totp(secret=OTHER), lifecycle=Lifecycle(created_at=NOON, expires_at=NOON + 3600))
    known = replace(confirmed(totp()), replacement=replacement)
    with pytest.raises(DuplicateSecret):
        Authenticators([known], now).require_new_secret(additional(totp(secret=OTHER)))
    Authenticators([known], NOON + 3660).require_new_secret(additional(totp(secret=OTHER)))


def test_the_digest_of_a_secret_is_the_same_for_all_authenticators_of_an_owner_and_factor() -> None:
    bobs = replace(totp(), id=CredentialId(BOB, Factor.TOTP))
    assert totp().digest == additional(totp()).digest == additional(totp(), 1).digest
    assert len({totp().digest, bobs.digest, hotp().digest}) == 3


# Memory of removed authenticators


def test_failures_of_removed_authenticators_of_the_factor_are_inherited() -> None:
    states: list[Credential | Tombstone] = [
        Tombstone(id=totp().id, failures=Failures(2, NOON + 9), expires_at=None),
        Tombstone(id=totp().id.removed, failures=Failures(7, NOON + 3), expires_at=None),
        Tombstone(id=hotp().id, failures=Failures(9, NOON + 99), expires_at=None),
        additional(totp(failures=Failures(8))),
    ]
    assert Authenticators(states, NOON).inherited_failures(Factor.TOTP) == Failures(7, NOON + 9)


FAILURES = st.builds(Failures, st.integers(0, 20), st.integers(NOON - 9, NOON + 900))
FORMER = st.builds(
    FormerSecret,
    st.binary(min_size=8, max_size=8),
    st.integers(NOON // 30 - 40, NOON // 30),
    st.sampled_from([None, 30]),
)


@st.composite
def removed(draw: st.DrawFn) -> Tombstone:
    former = tuple(draw(st.lists(FORMER, max_size=4, unique_by=lambda secret: secret.digest)))
    return Tombstone.after(additional(totp()).id, draw(FAILURES), NOON - draw(st.integers(0, 3599)), former)


@given(removed(), removed(), st.integers(NOON, NOON + 7200))
def test_a_joined_tombstone_forgets_nothing_that_one_of_the_two_remembers(
    first: Tombstone, second: Tombstone, now: int
) -> None:
    joined = first.joined(second, NOON)
    for each in (first, second):
        if each.expires_at is not None and now >= each.expires_at:
            continue
        assert joined.expires_at is None or now < joined.expires_at
        failures = each.at(now).failures
        if failures != NO_FAILURES:
            assert joined.at(now).failures.stricter(failures) == joined.at(now).failures
        for secret in each.former:
            if secret.until is None or now < secret.until:
                assert any(kept.digest == secret.digest and kept.last >= secret.last for kept in joined.former)


@given(st.lists(removed(), min_size=2, max_size=12))
def test_the_memory_of_removed_authenticators_is_bounded(all_removed: list[Tombstone]) -> None:
    joined = all_removed[0]
    for each in all_removed[1:]:
        joined = joined.joined(each, NOON)
    assert len(joined.former) <= FORMER_SECRETS_OF_REMOVED
    latest = [secret.digest for secret in all_removed[-1].former if secret.until is None or secret.until > NOON]
    assert [secret.digest for secret in joined.former][: len(latest)] == latest


# Names


@pytest.mark.parametrize("name", ["Phone", "a", "é" * 64, "Work: token 🔑", "می‌خواهم"])
def test_a_name_is_kept_as_it_is(name: str) -> None:
    assert check_authenticator_name(name) == name


@pytest.mark.parametrize("name", ["", " ", "a" * 65, "a\nb", "a\0b", "\u202eabc", "\ud800"])
def test_a_name_that_people_cannot_read_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue):
        check_authenticator_name(name)
