"""Secrets that a client supplies, and secrets that are derived (docs/reference/http.md, Accounts only)."""

from typing import Any

import pyotp
import pytest

from infrastructure.crypto.sealing import EncryptionKey
from tests.presentation.api import (
    RFC_CODES,
    RFC_SECRET,
    SESSION,
    Account,
    document,
    slug,
)
from tests.support.pictures import qr_text

MASTER = "a master secret that nobody could guess"


@pytest.mark.parametrize(
    "pasted",
    [
        RFC_SECRET.lower(),
        " ".join(RFC_SECRET[i : i + 4] for i in range(0, 32, 4)),
        f" {RFC_SECRET} ",
        RFC_SECRET + "===",
    ],
)
@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_a_secret_is_accepted_in_the_forms_that_people_paste(account: Account, factor: str, pasted: str) -> None:
    assert account.enrol(factor, secret=pasted)["secret"] == RFC_SECRET


@pytest.mark.parametrize("factor", ["hotp", "totp", "hotp/replacement", "totp/replacement"])
@pytest.mark.parametrize("length", [0, 1, 15, 129])
def test_a_secret_outside_128_to_1024_bits_is_refused(account: Account, factor: str, length: int) -> None:
    if factor.endswith("/replacement"):
        account.confirmed(factor.partition("/")[0])
    secret = pyotp.random_base32(208)[: -(-length * 8 // 5)]

    assert list(document(account.post(factor, {"secret": secret}))["errors"]) == ["secret"]


def test_a_supplied_hotp_secret_continues_at_its_counter(account: Account) -> None:
    account.enrol("hotp", secret=RFC_SECRET, initial_counter=4, look_ahead=0)

    reasons = [document(account.verify("hotp", code)).get("reason") for code in RFC_CODES[3:6]]

    assert reasons == ["wrong", None, None]


def test_a_secret_is_derived_if_a_master_secret_is_set() -> None:
    account = Account(derivation_secret=MASTER)
    enrolled = account.enrol("totp", derived=True)

    assert len(enrolled["secret"]) == 32
    assert account.verify("totp", account.good_code("totp", enrolled)).status_code == 200


def test_a_derived_secret_is_stored_nowhere() -> None:
    account = Account(derivation_secret=MASTER)
    secrets = [account.confirmed("totp", derived=True)["secret"]]
    secrets.append(document(account.post("totp/replacement", {"derived": True}))["secret"])

    stored = b"".join(key + (value or b"") for key, value in account.snapshot().items())

    for secret in secrets:
        assert secret.encode() not in stored
        assert pyotp.TOTP(secret).byte_secret() not in stored
    assert MASTER.encode() not in stored


def test_a_derived_secret_needs_no_encryption_key() -> None:
    account = Account(derivation_secret=MASTER)
    enrolled = account.enrol("totp", derived=True)
    rotated = (EncryptionKey("another", bytes(32)),)
    without = Account(account.redis, account.clock, derivation_secret=MASTER, encryption_keys=rotated)

    assert without.verify("totp", account.good_code("totp", enrolled)).status_code == 200


def test_enrolling_again_derives_another_secret() -> None:
    account = Account(derivation_secret=MASTER)
    secrets = [account.enrol("totp", derived=True)["secret"]]
    for path in ("totp", ""):
        account.delete(path)
        secrets.append(account.enrol("totp", derived=True)["secret"])
    secrets.append(account.of("forum").enrol("totp", derived=True)["secret"])

    assert len(set(secrets)) == 4


def test_a_changed_master_secret_accepts_nothing() -> None:
    account = Account(derivation_secret=MASTER)
    code = account.good_code("totp", account.enrol("totp", derived=True))
    changed = Account(account.redis, account.clock, derivation_secret=MASTER + "!")

    assert slug(changed.verify("totp", code)) == "store-unavailable"


@pytest.mark.parametrize("path", ["totp", "totp/replacement"])
def test_without_a_master_secret_nothing_is_derived(account: Account, path: str) -> None:
    account.confirmed("totp")

    answer = account.post(path, {"derived": True})

    assert (answer.status_code, list(document(answer)["errors"])) == (400, ["derived"])


@pytest.mark.parametrize("path", ["totp", "totp/replacement"])
def test_a_secret_is_either_derived_or_supplied(path: str) -> None:
    account = Account(derivation_secret=MASTER)

    answer = account.post(path, {"derived": True, "secret": RFC_SECRET})

    assert (answer.status_code, list(document(answer)["errors"])) == (400, ["secret"])


@pytest.mark.parametrize("value", [None, "true", 0, 1, 1.0, "yes", [], {}])
def test_derived_is_true_or_false(value: Any) -> None:
    assert list(document(Account(derivation_secret=MASTER).post("totp", {"derived": value}))["errors"]) == ["derived"]


def test_only_totp_of_accounts_is_derived() -> None:
    account = Account(derivation_secret=MASTER)

    answers = [account.post("hotp", {"derived": True}), account.client.post(f"{SESSION}/totp", json={"derived": True})]

    assert [list(document(answer)["errors"]) for answer in answers] == [["derived"], ["derived"]]


def test_the_picture_of_a_derived_secret_contains_the_secret() -> None:
    account = Account(derivation_secret=MASTER)
    enrolled = account.enrol("totp", derived=True)

    assert qr_text(account.get("totp/qr.png").data) == enrolled["uri"]
