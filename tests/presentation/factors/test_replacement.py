"""Replacements: a new secret beside the confirmed one (docs/reference/http.md, Factors)."""

from typing import Any

import pyotp
import pytest
from werkzeug.test import TestResponse

from tests.presentation.api import ACCOUNTS, RFC_SECRET, Account, document, other_code, slug
from tests.support.pictures import qr_text

IN_AN_HOUR = "2040-11-22T13:00:00Z"

pytestmark = pytest.mark.parametrize("factor", ["hotp", "totp"])


def replaced(account: Account, factor: str, **body: Any) -> dict[str, Any]:
    answer = account.post(f"{factor}/replacement", body)
    assert answer.status_code == 201, answer.text
    return document(answer)


def swap(account: Account, factor: str, code: str) -> TestResponse:
    return account.post(f"{factor}/replacement/verify", {"code": code})


def test_the_response_to_a_replacement_equals_that_to_an_enrolment(account: Account, factor: str) -> None:
    account.confirmed(factor)

    enrolled = replaced(account, factor, secret=RFC_SECRET, label="new", issuer="Example")

    parameters = {"counter": 0, "look_ahead": 10} if factor == "hotp" else {"interval": 30, "window": 1}
    uri = pyotp.parse_uri(enrolled.pop("uri"))
    assert (uri.secret, uri.name, uri.issuer) == (RFC_SECRET, "new", "Example")
    assert enrolled == parameters | {
        "secret": RFC_SECRET,
        "algorithm": "SHA1",
        "digits": 6,
        "status": "pending",
        "weak": False,
        "qr": f"{ACCOUNTS}/{account.name}/{factor}/replacement/qr",
        "expires_at": IN_AN_HOUR,
        "id": factor,
        "type": factor,
        "name": None,
    }


@pytest.mark.parametrize("name", ["qr", "qr.png"])
def test_the_picture_contains_the_uri_of_the_replacement(account: Account, factor: str, name: str) -> None:
    account.confirmed(factor)
    enrolled = replaced(account, factor)

    picture = account.get(f"{factor}/replacement/{name}", headers={"Accept": "image/png"})

    assert qr_text(picture.data) == enrolled["uri"]


def test_the_picture_of_the_confirmed_secret_stays_hidden(account: Account, factor: str) -> None:
    account.confirmed(factor)
    replaced(account, factor)

    assert slug(account.get(f"{factor}/qr")) == "already-confirmed"


def test_the_former_secret_is_valid_until_the_replacement_is_confirmed(account: Account, factor: str) -> None:
    former = account.confirmed(factor)
    replaced(account, factor)

    assert account.verify(factor, account.good_code(factor, former, 1)).status_code == 200


def test_the_factor_refuses_codes_of_an_unconfirmed_replacement(account: Account, factor: str) -> None:
    account.confirmed(factor)
    new = replaced(account, factor)

    assert document(account.verify(factor, account.good_code(factor, new)))["reason"] == "wrong"


def test_the_first_code_of_the_replacement_confirms_it(account: Account, factor: str) -> None:
    former = account.confirmed(factor)
    new = replaced(account, factor)

    answer = swap(account, factor, account.good_code(factor, new))

    assert (answer.status_code, document(answer)) == (
        200,
        {"verified": True, "factor": factor, "status": "confirmed"},
    )
    assert document(account.verify(factor, account.good_code(factor, former, 1)))["reason"] == "wrong"
    assert account.challenge(account.good_code(factor, new, 1)).status_code == 200


def test_the_code_that_confirmed_the_replacement_is_spent(account: Account, factor: str) -> None:
    account.confirmed(factor)
    code = account.good_code(factor, replaced(account, factor))
    swap(account, factor, code)

    assert document(account.verify(factor, code))["reason"] == "replayed"
    assert slug(swap(account, factor, code)) == "not-enrolled"


def test_no_picture_is_available_after_the_replacement_is_confirmed(account: Account, factor: str) -> None:
    account.confirmed(factor)
    swap(account, factor, account.good_code(factor, replaced(account, factor)))

    assert slug(account.get(f"{factor}/qr")) == "already-confirmed"
    assert slug(account.get(f"{factor}/replacement/qr")) == "not-enrolled"


def test_a_confirmed_replacement_has_its_own_parameters(account: Account, factor: str) -> None:
    account.confirmed(factor)
    new = replaced(account, factor, algorithm="SHA256", label="new")
    moving = new["counter"] if factor == "hotp" else account.clock.now() // 30

    swap(account, factor, pyotp.HOTP(new["secret"], digest="sha256").at(moving))

    described = document(account.get(factor))
    assert (described["algorithm"], described["label"], described["replacement"]) == ("SHA256", "new", None)
    assert (described["status"], described["expires_at"], described["failed_attempts"]) == ("confirmed", None, 0)


def test_the_description_contains_the_replacement_without_its_secret(account: Account, factor: str) -> None:
    account.confirmed(factor)
    new = replaced(account, factor)

    answer = account.get(factor)

    assert document(answer)["replacement"] == {"created_at": "2040-11-22T12:00:00Z", "expires_at": IN_AN_HOUR}
    assert new["secret"] not in answer.text


def test_a_code_of_the_former_secret_does_not_confirm_the_replacement_and_counts_as_wrong(
    account: Account, factor: str
) -> None:
    former = account.confirmed(factor)
    replaced(account, factor)

    problem = document(swap(account, factor, account.good_code(factor, former, 1)))

    assert (problem["reason"], problem["attempts_left"]) == ("wrong", 4)
    assert document(account.get(factor))["failed_attempts"] == 1


def test_wrong_codes_of_the_replacement_lock_the_factor(account: Account, factor: str) -> None:
    former = account.confirmed(factor)
    good = account.good_code(factor, replaced(account, factor))
    for _ in range(5):
        swap(account, factor, other_code(good))

    assert slug(swap(account, factor, good)) == "locked"
    assert slug(account.verify(factor, account.good_code(factor, former, 1))) == "locked"


def test_replacing_does_not_end_a_lock(account: Account, factor: str) -> None:
    account.confirmed(factor)
    account.fail(factor, "000000", 5)

    new = replaced(account, factor)

    assert slug(swap(account, factor, account.good_code(factor, new))) == "locked"


def test_dropping_the_replacement_keeps_the_confirmed_secret(account: Account, factor: str) -> None:
    former = account.confirmed(factor)
    new = replaced(account, factor)

    dropped = [account.delete(f"{factor}/replacement"), account.delete(f"{factor}/replacement")]

    assert [(answer.status_code, slug(answer)) for answer in dropped] == [(204, ""), (404, "not-enrolled")]
    assert slug(swap(account, factor, account.good_code(factor, new))) == "not-enrolled"
    assert account.verify(factor, account.good_code(factor, former, 1)).status_code == 200


def test_an_unconfirmed_replacement_expires_after_an_hour(account: Account, factor: str) -> None:
    former = account.confirmed(factor)
    new = replaced(account, factor)
    account.clock.advance(3600)

    assert slug(swap(account, factor, account.good_code(factor, new))) == "not-enrolled"
    assert slug(account.get(f"{factor}/replacement/qr")) == "not-enrolled"
    assert document(account.get(factor))["replacement"] is None
    assert account.verify(factor, account.good_code(factor, former, 1)).status_code == 200


def test_a_replacement_can_be_confirmed_until_one_second_before_its_end(account: Account, factor: str) -> None:
    account.confirmed(factor)
    new = replaced(account, factor)
    account.clock.advance(3599)

    assert swap(account, factor, account.good_code(factor, new)).status_code == 200


def test_another_replacement_can_be_enrolled_after_the_first_has_expired(account: Account, factor: str) -> None:
    account.confirmed(factor)
    replaced(account, factor)
    account.clock.advance(3600)

    assert account.post(f"{factor}/replacement").status_code == 201


def test_there_is_one_replacement_at_a_time(account: Account, factor: str) -> None:
    account.confirmed(factor)
    new = replaced(account, factor)

    answer = account.post(f"{factor}/replacement")

    assert (answer.status_code, slug(answer)) == (409, "already-enrolled")
    assert swap(account, factor, account.good_code(factor, new)).status_code == 200


def test_a_pending_factor_cannot_be_replaced(account: Account, factor: str) -> None:
    account.enrol(factor)

    answer = account.post(f"{factor}/replacement")

    assert (answer.status_code, slug(answer)) == (409, "already-enrolled")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", ""), ("POST", "/verify"), ("DELETE", ""), ("GET", "/qr"), ("GET", "/qr.png")]
)
def test_a_missing_factor_cannot_be_replaced(account: Account, factor: str, method: str, path: str) -> None:
    body = {"code": "123456"} if path == "/verify" else {}

    assert slug(account.send(method, f"{factor}/replacement{path}", json=body)) == "not-enrolled"


def test_deleting_the_factor_deletes_its_replacement(account: Account, factor: str) -> None:
    account.confirmed(factor)
    new = replaced(account, factor)
    account.delete(factor)

    assert slug(swap(account, factor, account.good_code(factor, new))) == "not-enrolled"
    assert document(account.get())["factors"] == []


def test_a_replacement_with_another_number_of_digits_is_judged_by_its_own_parameters(
    account: Account, factor: str
) -> None:
    account.confirmed(factor)
    replaced(account, factor, digits=8)

    assert swap(account, factor, "123456").status_code == 400
    assert document(swap(account, factor, "12345678"))["reason"] == "wrong"


def test_resynchronizing_keeps_the_replacement(account: Account, factor: str) -> None:
    former = account.confirmed(factor)
    new = replaced(account, factor)

    pair = [account.good_code(factor, former, ahead) for ahead in (5, 6)]

    assert account.post(f"{factor}/resync", {"codes": pair}).status_code == 200
    assert swap(account, factor, account.good_code(factor, new)).status_code == 200


def test_a_secret_cannot_replace_itself_because_its_spent_codes_would_become_valid(
    account: Account, factor: str
) -> None:
    former = account.confirmed(factor)

    answer = account.post(f"{factor}/replacement", {"secret": former["secret"]})

    assert (answer.status_code, list(document(answer)["errors"])) == (400, ["secret"])
    assert slug(swap(account, factor, account.good_code(factor, former))) == "not-enrolled"
