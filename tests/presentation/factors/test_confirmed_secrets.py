"""Secrets that another system has confirmed, and weak ones (docs/reference/http.md, Enrolment)."""

import base64
from typing import Any

import pytest

from tests.domain.reference import hotp_value
from tests.presentation.api import RFC_CODES, RFC_SECRET, Account, Api, document, slug
from tests.support.fakes import NOON

WEAK_SECRET = "JBSWY3DPEHPK3PXP"
"""80 bits."""
COUNTER = {"hotp": {"initial_counter": 4}, "totp": {}}
BOTH = pytest.mark.parametrize("factor", ["hotp", "totp"])


@pytest.fixture(params=["session", "account"])
def owner(request: pytest.FixtureRequest) -> Api:
    return Api() if request.param == "session" else Account()


def brought(factor: str, **body: Any) -> dict[str, Any]:
    """Return the body of an import."""
    return {"secret": RFC_SECRET, "confirmed": True, **COUNTER[factor], **body}


@BOTH
def test_a_confirmed_secret_counts_at_once(owner: Api, factor: str) -> None:
    enrolled = owner.enrol(factor, **brought(factor))
    described = document(owner.get(factor))

    assert (enrolled["status"], enrolled["weak"]) == ("confirmed", False)
    assert (described["status"], described["weak"]) == ("confirmed", False)
    assert (described["confirmed_at"], described["last_used_at"]) == ("2040-11-22T12:00:00Z", None)
    assert slug(owner.get(f"{factor}/qr")) == "already-confirmed"


def test_a_challenge_accepts_a_code_of_a_confirmed_secret(account: Account) -> None:
    enrolled = account.enrol("totp", **brought("totp"))
    account.clock.advance(60)

    assert account.challenge(account.good_code("totp", enrolled)).status_code == 200


@pytest.mark.parametrize("ahead", [-1, 0, 1])
def test_a_code_that_the_other_system_can_have_accepted_is_refused(account: Account, ahead: int) -> None:
    code = account.good_code("totp", account.enrol("totp", **brought("totp")), ahead)

    for _ in range(4):
        problem = document(account.challenge(code))
        assert (problem["reason"], problem["attempts_left"]) == ("replayed", 5)
        account.clock.advance(29)


def test_a_confirmed_hotp_secret_continues_at_its_counter(owner: Api) -> None:
    owner.enrol("hotp", **brought("hotp"), look_ahead=0)

    answers = [document(owner.verify("hotp", code)) for code in RFC_CODES[3:6]]

    assert [answer.get("reason", "accepted") for answer in answers] == ["replayed", "accepted", "accepted"]


@BOTH
def test_the_same_confirmed_secret_again_is_refused_and_changes_nothing(owner: Api, factor: str) -> None:
    owner.enrol(factor, **brought(factor))
    before = owner.snapshot()

    answer = owner.post(factor, brought(factor))

    assert (answer.status_code, slug(answer)) == (409, "already-enrolled")
    assert owner.snapshot() == before


@BOTH
def test_a_pending_credential_is_not_overwritten(owner: Api, factor: str) -> None:
    owner.enrol(factor)
    before = owner.snapshot()

    assert owner.post(factor, brought(factor)).status_code == 409
    assert owner.snapshot() == before


@BOTH
def test_a_weak_secret_is_accepted_if_the_request_says_so_and_shown_as_weak(owner: Api, factor: str) -> None:
    enrolled = owner.enrol(factor, **brought(factor, secret=WEAK_SECRET, weak_secret="accept"))
    owner.clock.advance(60)

    assert (enrolled["secret"], enrolled["weak"]) == (WEAK_SECRET, True)
    assert document(owner.get(factor))["weak"] is True
    assert document(owner.get())["factors"][0]["weak"] is True
    # pyotp itself computes no codes of weak secrets.
    code = hotp_value(base64.b32decode(WEAK_SECRET), 4 if factor == "hotp" else owner.clock.now() // 30)
    assert owner.verify(factor, code).status_code == 200
    assert document(owner.get(factor))["weak"] is True


@BOTH
def test_a_strong_secret_is_not_weak_even_if_the_request_accepts_weak_ones(owner: Api, factor: str) -> None:
    assert owner.enrol(factor, **brought(factor, weak_secret="accept"))["weak"] is False


def test_a_weak_secret_can_be_replaced_by_a_strong_one(account: Account) -> None:
    account.enrol("totp", **brought("totp", secret=WEAK_SECRET, weak_secret="accept"))
    new = document(account.post("totp/replacement"))

    assert account.post("totp/replacement/verify", {"code": account.good_code("totp", new)}).status_code == 200
    assert document(account.get("totp"))["weak"] is False


ACCEPTED = {"confirmed": True, "weak_secret": "accept"}


@pytest.mark.parametrize(
    ("body", "members"),
    [
        ({"confirmed": True}, ["secret"]),
        ({"confirmed": True, "digits": 9}, ["digits", "secret"]),
        ({"confirmed": 1, "secret": RFC_SECRET}, ["confirmed"]),
        ({"confirmed": "true", "secret": RFC_SECRET}, ["confirmed"]),
        ({"confirmed": None, "secret": RFC_SECRET}, ["confirmed"]),
        ({"secret": WEAK_SECRET}, ["secret"]),
        ({"secret": WEAK_SECRET, "confirmed": False}, ["secret"]),
        ({"secret": WEAK_SECRET, "confirmed": True}, ["secret"]),
        ({"secret": WEAK_SECRET, "digits": 9}, ["digits", "secret"]),
        ({"secret": WEAK_SECRET, "weak_secret": "accept"}, ["weak_secret"]),
        ({"secret": RFC_SECRET, "weak_secret": "accept"}, ["weak_secret"]),
        ({"weak_secret": "accept"}, ["weak_secret"]),
        ({"secret": WEAK_SECRET, "confirmed": True, "weak_secret": "yes"}, ["secret", "weak_secret"]),
        ({"secret": WEAK_SECRET, "confirmed": True, "weak_secret": True}, ["secret", "weak_secret"]),
        ({"secret": "A" * 15, **ACCEPTED}, ["secret"]),
        ({"secret": "A" * 13, **ACCEPTED}, ["secret"]),
        ({"secret": "", **ACCEPTED}, ["secret"]),
        ({"secret": 7, **ACCEPTED}, ["secret"]),
    ],
    ids=str,
)
@BOTH
def test_a_request_that_does_not_say_enough_is_refused(
    owner: Api, factor: str, body: dict[str, Any], members: list[str]
) -> None:
    answer = owner.post(factor, {**COUNTER[factor], **body})

    assert (answer.status_code, sorted(document(answer)["errors"])) == (400, members)
    assert WEAK_SECRET not in answer.text
    assert owner.snapshot() == {}


def test_a_confirmed_hotp_secret_requires_its_counter(owner: Api) -> None:
    answers = [owner.post("hotp", {"confirmed": True, **body}) for body in ({"secret": RFC_SECRET}, {})]

    assert [set(document(answer)["errors"]) for answer in answers] == [
        {"initial_counter"},
        {"secret", "initial_counter"},
    ]


def test_a_derived_secret_cannot_be_confirmed() -> None:
    account = Account(derivation_secret="a master secret that nobody could guess")

    answers = [
        account.post("totp", {"derived": True, "confirmed": True}),
        account.post("totp", {"derived": True, "confirmed": True, "secret": RFC_SECRET}),
    ]

    assert [set(document(answer)["errors"]) for answer in answers] == [{"secret"}, {"secret"}]


@BOTH
@pytest.mark.parametrize("member", [{"confirmed": True}, {"confirmed": False}, {"weak_secret": "accept"}], ids=str)
def test_only_a_code_confirms_a_replacement(account: Account, factor: str, member: dict[str, Any]) -> None:
    account.confirmed(factor)
    before = account.snapshot()

    answer = account.post(f"{factor}/replacement", {"secret": RFC_SECRET, **member})

    assert (answer.status_code, list(document(answer)["errors"])) == (400, list(member))
    assert account.snapshot() == before


def test_a_weak_secret_cannot_be_a_replacement(account: Account) -> None:
    account.confirmed("totp")

    assert list(document(account.post("totp/replacement", {"secret": WEAK_SECRET}))["errors"]) == ["secret"]


@BOTH
def test_failures_of_a_deleted_credential_count_for_a_confirmed_secret(owner: Api, factor: str) -> None:
    owner.fail(factor, owner.good_code(factor, owner.enrol(factor)), 5)
    owner.delete(factor)
    enrolled = owner.enrol(factor, **brought(factor))

    assert slug(owner.verify(factor, owner.good_code(factor, enrolled))) == "locked"


def test_a_confirmed_secret_of_a_session_ends_with_the_session() -> None:
    api = Api()
    enrolled = api.enrol("totp", **brought("totp"))
    api.clock.advance(3600)

    assert enrolled["expires_at"] == "2040-11-22T13:00:00Z"
    assert api.verify("totp", api.good_code("totp", enrolled)).status_code == 404
    assert api.clock.now() == NOON + 3600


def test_the_metrics_count_weak_secrets() -> None:
    account = Account()
    account.enrol("hotp", **brought("hotp"))
    account.enrol("totp", **brought("totp", secret=WEAK_SECRET, weak_secret="accept"))

    text = account.client.get("/metrics").text

    assert 'open_mfa_weak_secrets_total{factor="totp"} 1.0' in text
    assert 'open_mfa_weak_secrets_total{factor="hotp"}' not in text
