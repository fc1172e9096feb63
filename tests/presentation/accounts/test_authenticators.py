"""The authenticators of an account: every resource of a factor, names, limits and the challenge."""

from itertools import count
from typing import Any

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.reference import hotp_value
from tests.presentation.api import ACCOUNTS, Account, document, slug

RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
OTHER_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
TYPES = pytest.mark.parametrize("kind", ["totp", "hotp"])


def added(account: Account, kind: str = "totp", **body: Any) -> dict[str, Any]:
    """Enrol an authenticator."""
    answer = account.post("authenticators", {"type": kind, **body})
    assert answer.status_code == 201
    return document(answer)


def shown(account: Account, enrolled: dict[str, Any], ahead: int = 0) -> str:
    """Return the code that the authenticator shows now, or so many codes later."""
    otp = pyotp.parse_uri(enrolled["uri"])
    counter = enrolled["counter"] if isinstance(otp, pyotp.HOTP) else account.clock.time // 30
    return otp.generate_otp(counter + ahead)


def confirmed(account: Account, kind: str = "totp", **body: Any) -> dict[str, Any]:
    """Enrol an authenticator and confirm it."""
    enrolled = added(account, kind, **body)
    assert account.verify(f"authenticators/{enrolled['id']}", shown(account, enrolled)).status_code == 200
    return enrolled


def listed(account: Account) -> list[dict[str, Any]]:
    return list(document(account.get("authenticators"))["authenticators"])


@TYPES
def test_an_enrolment_has_the_members_of_one_of_the_factor_and_an_id_and_a_name(account: Account, kind: str) -> None:
    first = account.enrol(kind, secret=RFC_SECRET)
    answer = added(account, kind, secret=OTHER_SECRET, name="Tablet")
    assert answer.keys() == first.keys()
    assert answer["id"].startswith(f"{kind}-")
    assert answer["qr"] == f"{ACCOUNTS}/{account.name}/authenticators/{answer['id']}/qr"
    assert (answer["type"], answer["name"], answer["status"]) == (kind, "Tablet", "pending")
    assert (first["id"], first["type"], first["name"]) == (kind, kind, None)


@TYPES
def test_an_authenticator_has_every_resource_of_a_factor(account: Account, kind: str) -> None:
    enrolled = added(account, kind)
    path = f"authenticators/{enrolled['id']}"
    for picture in ("qr", "qr.svg", "qr.png"):
        assert account.get(f"{path}/{picture}").status_code == 200
    assert document(account.verify(path, shown(account, enrolled))) == {
        "verified": True,
        "factor": kind,
        "status": "confirmed",
    }
    assert slug(account.get(f"{path}/qr")) == "already-confirmed"
    codes = [shown(account, enrolled, ahead) for ahead in (5, 6)]
    assert document(account.post(f"{path}/resync", {"codes": codes}))["resynchronized"] is True
    replacement = document(account.post(f"{path}/replacement"))
    assert replacement["id"] == enrolled["id"]
    assert replacement["qr"] == f"{ACCOUNTS}/{account.name}/{path}/replacement/qr"
    assert account.get(f"{path}/replacement/qr.png").status_code == 200
    assert account.delete(f"{path}/replacement").status_code == 204
    replacement = document(account.post(f"{path}/replacement", {"digits": 8}))
    assert account.post(f"{path}/replacement/verify", {"code": shown(account, replacement)}).status_code == 200
    described = document(account.get(path))
    assert (described["digits"], described["replacement"]) == (8, None)
    account.clock.advance(30)
    assert account.post(f"{path}/disable", {"code": shown(account, replacement, 1)}).status_code == 204
    assert slug(account.get(path)) == "not-enrolled"


def test_the_list_describes_each_authenticator_as_its_own_resource_does(account: Account) -> None:
    account.confirmed("totp")
    ids = ["totp", *(confirmed(account, kind, name=kind)["id"] for kind in ("hotp", "totp"))]
    found = listed(account)
    assert [each["id"] for each in found] == ids
    assert found == [document(account.get(f"authenticators/{each}")) for each in ids]
    assert found[0] == document(account.get("totp"))


def test_one_time_codes_and_recovery_codes_are_no_authenticators(account: Account) -> None:
    account.enrol("otp")
    account.recovery_codes()
    assert listed(account) == []


def test_the_account_lists_every_authenticator(account: Account) -> None:
    ids = [added(account)["id"], added(account, "hotp")["id"]]
    account.enrol("totp")
    factors = document(account.get())["factors"]
    assert [(each["factor"], each["id"]) for each in factors] == [("totp", "totp"), ("totp", ids[0]), ("hotp", ids[1])]


@TYPES
def test_the_first_authenticators_have_two_paths(account: Account, kind: str) -> None:
    enrolled = account.enrol(kind)
    assert account.verify(f"authenticators/{kind}", shown(account, enrolled)).status_code == 200
    assert document(account.get(f"authenticators/{kind}")) == document(account.get(kind))
    assert account.delete(f"authenticators/{kind}").status_code == 204
    assert slug(account.get(kind)) == "not-enrolled"


@pytest.mark.parametrize("unknown", ["totp", "totp-0000000000", "totp-removed", "otp", "recovery-codes", "TOTP", "x"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
        ("POST", "/verify", {"code": "123456"}),
        ("POST", "/resync", {"codes": ["123456", "123457"]}),
        ("POST", "/disable", {"code": "123456"}),
        ("POST", "/replacement", {}),
        ("POST", "/replacement/verify", {"code": "123456"}),
        ("DELETE", "/replacement", None),
        ("GET", "/qr", None),
        ("GET", "/replacement/qr.svg", None),
    ],
)
def test_an_unknown_authenticator_is_not_enrolled(
    account: Account, unknown: str, method: str, path: str, body: dict[str, Any] | None
) -> None:
    account.recovery_codes()
    options = {} if body is None else {"json": body}
    assert slug(account.send(method, f"authenticators/{unknown}{path}", **options)) == "not-enrolled"


def test_a_locked_authenticator_stays_locked_after_its_removal(account: Account) -> None:
    enrolled = confirmed(account, secret=RFC_SECRET)
    for _ in range(5):
        account.verify(f"authenticators/{enrolled['id']}", "000000")
    account.delete(f"authenticators/{enrolled['id']}")
    again = added(account, secret=RFC_SECRET)
    answer = account.verify(f"authenticators/{again['id']}", shown(account, again, 1))
    assert (answer.status_code, slug(answer)) == (429, "locked")


def test_a_spent_code_stays_spent_if_its_secret_returns(account: Account) -> None:
    enrolled = confirmed(account, secret=RFC_SECRET)
    account.delete(f"authenticators/{enrolled['id']}")
    again = account.enrol("totp", secret=RFC_SECRET)
    assert document(account.verify("totp", shown(account, again)))["reason"] == "replayed"


# Limits


def test_the_eleventh_authenticator_is_refused(account: Account) -> None:
    account.enrol("totp")
    for _ in range(9):
        added(account)
    for path, body in (("authenticators", {"type": "hotp"}), ("hotp", {})):
        answer = account.post(path, body)
        assert (answer.status_code, slug(answer)) == (409, "too-many-authenticators")
    assert len(listed(account)) == 10


@pytest.mark.parametrize("path", ["totp", "authenticators"])
def test_a_secret_that_another_authenticator_has_is_refused(account: Account, path: str) -> None:
    enrolled = added(account, secret=RFC_SECRET)
    body = {"secret": RFC_SECRET, "digits": 8, **({"type": "totp"} if path == "authenticators" else {})}
    answer = account.post(path, body)
    assert (answer.status_code, slug(answer)) == (409, "already-enrolled")
    assert enrolled["id"] in document(answer)["detail"]
    assert RFC_SECRET not in answer.text


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, ["type"]),
        ({"type": "otp"}, ["type"]),
        ({"type": "recovery-codes", "name": ""}, ["name", "type"]),
        ({"type": 1}, ["type"]),
        ({"type": "hotp", "interval": 60, "window": 2, "derived": True}, ["derived", "interval", "window"]),
        ({"type": "totp", "initial_counter": 1, "look_ahead": 1}, ["initial_counter", "look_ahead"]),
        ({"type": "totp", "confirmed": True, "initial_counter": 1}, ["initial_counter", "secret"]),
        ({"type": "hotp", "confirmed": True, "secret": RFC_SECRET}, ["initial_counter"]),
        ({"type": "totp", "derived": True, "secret": RFC_SECRET}, ["secret"]),
        ({"type": "totp", "name": "a\nb", "digits": 9}, ["digits", "name"]),
        ({"type": "totp", "id": "mine"}, ["id"]),
    ],
    ids=str,
)
def test_invalid_members_are_all_named_and_nothing_is_enrolled(
    account: Account, body: dict[str, Any], wrong: list[str]
) -> None:
    answer = account.post("authenticators", body)
    assert (answer.status_code, sorted(document(answer)["errors"])) == (400, wrong)
    assert listed(account) == []


DEFAULTS = {"interval": 30, "window": 1, "derived": False, "initial_counter": 0, "look_ahead": 10}


@TYPES
def test_a_client_may_send_the_defaults_of_both_types(account: Account, kind: str) -> None:
    enrolled = confirmed(account, kind, **DEFAULTS)
    path = f"authenticators/{enrolled['id']}/replacement"
    assert document(account.post(path, DEFAULTS)).keys() == enrolled.keys()
    assert ("interval" in enrolled, "counter" in enrolled) == (kind == "totp", kind == "hotp")


def test_a_replacement_has_no_members_of_the_other_type(account: Account) -> None:
    path = f"authenticators/{confirmed(account, 'hotp')['id']}/replacement"
    answer = account.post(path, {"interval": 60, "look_ahead": 3})
    assert (answer.status_code, set(document(answer)["errors"])) == (400, {"interval"})
    replacement = document(account.post(path, {"initial_counter": 7, "look_ahead": 3}))
    assert (replacement["counter"], replacement["look_ahead"]) == (7, 3)


@TYPES
def test_a_confirmed_secret_counts_at_once(account: Account, kind: str) -> None:
    counter = {"initial_counter": 5} if kind == "hotp" else {}
    enrolled = added(account, kind, secret=RFC_SECRET, confirmed=True, **counter)
    assert enrolled["status"] == "confirmed"
    account.clock.advance(90)
    code = shown(account, enrolled) if kind == "totp" else hotp_value(b"12345678901234567890", 5)
    assert document(account.challenge(code))["authenticator"] == enrolled["id"]


# Names


@given(st.text(max_size=80) | st.sampled_from(["Phone", "é" * 64, "a: b", "🔑"]))
def test_a_name_is_kept_as_it_is_or_refused(name: str) -> None:
    account = Account()
    answer = account.post("authenticators", {"type": "totp", "name": name})
    if answer.status_code == 201:
        (found,) = listed(account)
        assert found["name"] == name
        assert 1 <= len(name) <= 64
    else:
        assert (answer.status_code, set(document(answer)["errors"])) == (400, {"name"})


@pytest.mark.parametrize("which", ["totp", "additional"])
def test_an_authenticator_can_be_renamed(account: Account, which: str) -> None:
    enrolled = account.confirmed("totp") if which == "totp" else confirmed(account, name="Phone")
    path = f"authenticators/{enrolled['id']}"
    before = document(account.get(path))
    answer = account.send("PATCH", path, json={"name": "Old phone"})
    assert (answer.status_code, document(answer)) == (200, before | {"name": "Old phone"})
    assert document(account.get(path)) == document(answer)
    assert document(account.challenge(shown(account, enrolled, 1)))["verified"] is True
    assert document(account.get(path))["name"] == "Old phone"


@pytest.mark.parametrize("body", [{}, {"name": None}, {"name": 1}, {"name": " "}, {"name": "a", "digits": 6}, []])
def test_an_invalid_name_changes_nothing(account: Account, body: Any) -> None:
    path = f"authenticators/{added(account, name='Phone')['id']}"
    before = account.snapshot()
    assert account.send("PATCH", path, json=body).status_code == 400
    assert account.snapshot() == before


def test_a_replaced_authenticator_keeps_its_name(account: Account) -> None:
    path = f"authenticators/{confirmed(account, name='Phone')['id']}"
    replacement = document(account.post(f"{path}/replacement"))
    account.post(f"{path}/replacement/verify", {"code": shown(account, replacement, 1)})
    assert document(account.get(path))["name"] == "Phone"


# The challenge


def test_a_challenge_names_the_authenticator_that_accepts_the_code(account: Account) -> None:
    account.confirmed("totp")
    for enrolled in [confirmed(account), confirmed(account, "hotp")]:
        assert document(account.challenge(shown(account, enrolled, 1))) == {
            "verified": True,
            "factor": enrolled["type"],
            "authenticator": enrolled["id"],
        }


def test_a_challenge_asks_only_the_selected_authenticator(account: Account) -> None:
    first, second = account.confirmed("totp"), confirmed(account)
    code = shown(account, second, 1)
    assert slug(account.challenge(code, authenticator="totp")) == "code-rejected"
    assert document(account.get(f"authenticators/{second['id']}"))["failed_attempts"] == 0
    assert account.challenge(code, authenticator=second["id"]).status_code == 200
    assert account.challenge(shown(account, first, 1), authenticator="totp", factor="totp").status_code == 200


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"authenticator": "hotp"}, "not-enrolled"),
        ({"authenticator": "totp-0000000000"}, "not-enrolled"),
        ({"authenticator": "totp", "factor": "hotp"}, "not-enrolled"),
        ({"authenticator": "otp"}, "invalid-request"),
        ({"authenticator": "totp\n"}, "not-enrolled"),
        ({"authenticator": ""}, "invalid-request"),
        ({"authenticator": None}, "invalid-request"),
        ({"authenticator": 7}, "invalid-request"),
    ],
    ids=str,
)
def test_an_authenticator_that_cannot_be_selected(account: Account, selection: dict[str, Any], expected: str) -> None:
    account.confirmed("totp")
    assert slug(account.challenge("123456", **selection)) == expected
    assert document(account.get("totp"))["failed_attempts"] == 0


def test_a_wrong_code_is_counted_by_every_authenticator_that_judged_it(account: Account) -> None:
    account.confirmed("totp")
    enrolled = [confirmed(account), confirmed(account, "hotp"), confirmed(account, digits=8)]
    good = {shown(account, each, ahead) for each in [*enrolled, account.confirmed("hotp")] for ahead in range(20)}
    wrong = next(code for code in (f"{number:06d}" for number in count()) if code not in good)
    account.challenge(wrong)
    counts = {each["id"]: each["failed_attempts"] for each in listed(account)}
    assert counts.pop(enrolled[2]["id"]) == 0
    assert set(counts.values()) == {1}
