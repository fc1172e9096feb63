"""The operations of factors, for sessions (docs/reference/http.md, Factors)."""

import base64

import pytest

from domain.parameters import HashAlgorithm
from tests.presentation.api import FACTORS, RFC_CODES, RFC_SECRET, Api, document, other_code, slug

NOW = "2040-11-22T12:00:00Z"
IN_AN_HOUR = "2040-11-22T13:00:00Z"


def test_the_response_to_an_issued_code_has_all_members(api: Api) -> None:
    issued = api.enrol("otp")

    assert issued | {"code": "?"} == {
        "code": "?",
        "digits": 6,
        "expires_at": "2040-11-22T12:05:00Z",
        "delivery": {"channel": "response"},
    }


@pytest.mark.parametrize("digits", [6, 10])
def test_a_one_time_code_has_the_requested_number_of_digits(api: Api, digits: int) -> None:
    assert len(api.enrol("otp", digits=digits)["code"]) == digits


def test_the_response_to_a_hotp_enrolment_has_all_members(api: Api) -> None:
    enrolled = api.enrol("hotp", secret=RFC_SECRET, label="alice@example.com", issuer="Example")

    assert enrolled == {
        "uri": f"otpauth://hotp/Example:alice@example.com?secret={RFC_SECRET}&issuer=Example&algorithm=SHA1&digits=6"
        "&counter=0",
        "secret": RFC_SECRET,
        "algorithm": "SHA1",
        "digits": 6,
        "counter": 0,
        "look_ahead": 10,
        "status": "pending",
        "weak": False,
        "qr": "/api/v1/session/hotp/qr",
        "expires_at": IN_AN_HOUR,
        "id": "hotp",
        "type": "hotp",
        "name": None,
    }


def test_the_response_to_a_totp_enrolment_has_all_members(api: Api) -> None:
    enrolled = api.enrol("totp", secret=RFC_SECRET)

    assert enrolled == {
        "uri": f"otpauth://totp/Open-MFA:session?secret={RFC_SECRET}&issuer=Open-MFA&algorithm=SHA1&digits=6&period=30",
        "secret": RFC_SECRET,
        "algorithm": "SHA1",
        "digits": 6,
        "interval": 30,
        "window": 1,
        "status": "pending",
        "weak": False,
        "qr": "/api/v1/session/totp/qr",
        "expires_at": IN_AN_HOUR,
        "id": "totp",
        "type": "totp",
        "name": None,
    }


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_a_random_secret_has_160_bits(api: Api, factor: str) -> None:
    assert len(base64.b32decode(api.enrol(factor)["secret"])) == 20


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_a_secret_of_128_bits_can_be_supplied(api: Api, factor: str) -> None:
    assert api.enrol(factor, secret="gezd gnbv-gy3tqojqgezdgnbvgy==")["secret"] == "GEZDGNBVGY3TQOJQGEZDGNBVGY"


@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_the_algorithm_of_the_settings_applies_to_new_secrets(algorithm: HashAlgorithm) -> None:
    assert Api(algorithm=algorithm).enrol("totp")["algorithm"] == algorithm


def test_the_algorithm_of_the_request_overrides_that_of_the_settings(api: Api) -> None:
    assert api.enrol("totp", algorithm="SHA512")["algorithm"] == "SHA512"


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_an_existing_factor_cannot_be_enrolled(api: Api, factor: str) -> None:
    api.enrol(factor)
    before = api.snapshot()

    answer = api.post(factor)

    assert (answer.status_code, slug(answer)) == (409, "already-enrolled")
    assert api.snapshot() == before


def test_a_new_code_replaces_the_former_one(api: Api) -> None:
    old = api.enrol("otp")["code"]
    api.enrol("otp")

    assert api.verify("otp", old).status_code == 403


@pytest.mark.parametrize("factor", FACTORS)
def test_a_valid_code_is_accepted(api: Api, factor: str) -> None:
    answer = api.verify(factor, api.good_code(factor, api.enrol(factor)))

    assert (answer.status_code, document(answer)) == (
        200,
        {"verified": True, "factor": factor, "status": "confirmed"},
    )


@pytest.mark.parametrize("factor", FACTORS)
def test_an_accepted_code_is_refused_as_replayed_and_not_counted(api: Api, factor: str) -> None:
    code = api.good_code(factor, api.enrol(factor))
    api.verify(factor, code)

    answer = api.verify(factor, code)
    problem = document(answer)

    assert (answer.status_code, problem["reason"], problem["attempts_left"]) == (403, "replayed", 5)


@pytest.mark.parametrize("factor", FACTORS)
def test_a_wrong_code_is_refused_and_counted(api: Api, factor: str) -> None:
    code = other_code(api.good_code(factor, api.enrol(factor)))

    answer = api.verify(factor, code)
    problem = document(answer)

    assert (answer.status_code, slug(answer)) == (403, "code-rejected")
    assert (problem["reason"], problem["attempts_left"]) == ("wrong", 4)


def test_an_expired_code_is_refused_and_not_counted(api: Api) -> None:
    code = api.enrol("otp", lifetime=30)["code"]
    api.clock.advance(30)

    problem = document(api.verify("otp", code))

    assert (problem["reason"], problem["attempts_left"]) == ("expired", 5)


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_after_the_fifth_wrong_code_even_a_valid_one_is_refused(api: Api, factor: str) -> None:
    enrolled = api.enrol(factor)
    code = api.good_code(factor, enrolled)
    api.fail(factor, code, 5)

    answer = api.verify(factor, code)

    assert (answer.status_code, slug(answer)) == (429, "locked")
    assert answer.headers["Retry-After"] == "30"
    assert document(answer)["locked_until"] == "2040-11-22T12:00:30Z"


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_a_valid_code_is_accepted_after_the_lock(api: Api, factor: str) -> None:
    enrolled = api.enrol(factor)
    api.fail(factor, api.good_code(factor, enrolled), 5)
    api.clock.advance(30)

    assert api.verify(factor, api.good_code(factor, enrolled)).status_code == 200


def test_each_further_failure_doubles_the_lock_up_to_15_minutes(api: Api) -> None:
    code = api.good_code("hotp", api.enrol("hotp"))
    api.fail("hotp", code, 4)
    waits = []
    for _ in range(7):
        api.fail("hotp", code, 1)
        waits.append(int(api.verify("hotp", code).headers["Retry-After"]))
        api.clock.advance(waits[-1])

    assert waits == [30, 60, 120, 240, 480, 900, 900]


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_deleting_and_enrolling_again_does_not_end_a_lock(api: Api, factor: str) -> None:
    api.fail(factor, api.good_code(factor, api.enrol(factor)), 5)
    api.delete(factor)

    answer = api.verify(factor, api.good_code(factor, api.enrol(factor)))

    assert slug(answer) == "locked"


def test_the_fifth_wrong_code_makes_a_one_time_code_invalid(api: Api) -> None:
    code = api.enrol("otp")["code"]
    api.fail("otp", code, 5)
    api.clock.advance(30)

    assert slug(api.verify("otp", code)) == "not-enrolled"


def test_an_accepted_code_clears_the_count(api: Api) -> None:
    enrolled = api.enrol("hotp")
    api.fail("hotp", api.good_code("hotp", enrolled), 4)
    api.verify("hotp", api.good_code("hotp", enrolled))

    assert document(api.get("hotp"))["failed_attempts"] == 0


@pytest.mark.parametrize("path", ["otp/verify", "hotp/verify", "totp/verify"])
def test_a_missing_factor_cannot_be_verified(api: Api, path: str) -> None:
    answer = api.post(path, {"code": "123456"})

    assert (answer.status_code, slug(answer)) == (404, "not-enrolled")


def test_a_hotp_pair_far_ahead_resynchronizes(api: Api) -> None:
    enrolled = api.enrol("hotp")
    pair = [api.good_code("hotp", enrolled, 900), api.good_code("hotp", enrolled, 901)]

    answer = api.post("hotp/resync", {"codes": pair})

    assert document(answer) == {"resynchronized": True, "factor": "hotp", "status": "confirmed", "counter": 902}


def test_a_totp_pair_outside_of_the_window_resynchronizes_and_its_drift_is_stored(api: Api) -> None:
    enrolled = api.enrol("totp")
    pair = [api.good_code("totp", enrolled, -11), api.good_code("totp", enrolled, -10)]

    answer = api.post("totp/resync", {"codes": pair})

    assert document(answer) == {"resynchronized": True, "factor": "totp", "status": "confirmed", "drift": -10}


@pytest.mark.parametrize(("factor", "first"), [("hotp", 500), ("totp", 5)])
def test_after_resynchronizing_both_codes_are_spent(api: Api, factor: str, first: int) -> None:
    enrolled = api.enrol(factor)
    pair = [api.good_code(factor, enrolled, first), api.good_code(factor, enrolled, first + 1)]
    api.post(f"{factor}/resync", {"codes": pair})

    assert [document(api.verify(factor, code)).get("reason") for code in pair] == ["replayed", "replayed"]


@pytest.mark.parametrize(("factor", "first"), [("hotp", 500), ("totp", 5)])
def test_after_resynchronizing_the_next_code_is_accepted(api: Api, factor: str, first: int) -> None:
    enrolled = api.enrol(factor)
    codes = [api.good_code(factor, enrolled, first + ahead) for ahead in range(3)]
    api.post(f"{factor}/resync", {"codes": codes[:2]})

    assert api.verify(factor, codes[2]).status_code == 200


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_a_wrong_pair_counts_as_one_wrong_code(api: Api, factor: str) -> None:
    code = other_code(api.good_code(factor, api.enrol(factor)))

    problem = document(api.post(f"{factor}/resync", {"codes": [code, code]}))

    assert (problem["reason"], problem["attempts_left"]) == ("wrong", 4)


def test_one_time_codes_cannot_be_resynchronized(api: Api) -> None:
    assert slug(api.post("otp/resync", {"codes": ["123456", "234567"]})) == "not-found"


def test_the_description_of_a_one_time_code_has_all_members(api: Api) -> None:
    api.enrol("otp")

    assert document(api.get("otp")) == {
        "factor": "otp",
        "status": "pending",
        "digits": 6,
        "created_at": NOW,
        "confirmed_at": None,
        "last_used_at": None,
        "failed_attempts": 0,
        "locked_until": None,
        "expires_at": "2040-11-22T12:05:00Z",
    }


def test_the_description_of_a_used_hotp_credential_has_all_members(api: Api) -> None:
    api.enrol("hotp", secret=RFC_SECRET, initial_counter=2, look_ahead=0, digits=6, label="a", issuer="b")
    api.clock.advance(60)
    api.verify("hotp", RFC_CODES[2])
    api.clock.advance(60)
    api.fail("hotp", "000000", 5)

    assert document(api.get("hotp")) == {
        "factor": "hotp",
        "id": "hotp",
        "type": "hotp",
        "name": None,
        "status": "confirmed",
        "algorithm": "SHA1",
        "digits": 6,
        "counter": 3,
        "look_ahead": 0,
        "created_at": NOW,
        "confirmed_at": "2040-11-22T12:01:00Z",
        "last_used_at": "2040-11-22T12:01:00Z",
        "failed_attempts": 5,
        "locked_until": "2040-11-22T12:02:30Z",
        "expires_at": IN_AN_HOUR,
        "weak": False,
        "label": "a",
        "issuer": "b",
        "replacement": None,
    }


def test_the_description_of_a_totp_credential_has_all_members(api: Api) -> None:
    api.enrol("totp", interval=60, window=0, algorithm="SHA256", digits=8)

    assert document(api.get("totp")) == {
        "factor": "totp",
        "id": "totp",
        "type": "totp",
        "name": None,
        "status": "pending",
        "algorithm": "SHA256",
        "digits": 8,
        "interval": 60,
        "window": 0,
        "drift": 0,
        "created_at": NOW,
        "confirmed_at": None,
        "last_used_at": None,
        "failed_attempts": 0,
        "locked_until": None,
        "expires_at": IN_AN_HOUR,
        "weak": False,
        "label": None,
        "issuer": None,
        "replacement": None,
    }


@pytest.mark.parametrize("factor", FACTORS)
def test_no_description_contains_the_secret_or_the_code(api: Api, factor: str) -> None:
    enrolled = api.enrol(factor)
    hidden = enrolled["code"] if factor == "otp" else enrolled["secret"]

    assert hidden not in api.get(factor).text + api.get().text


@pytest.mark.parametrize("factor", FACTORS)
def test_a_missing_factor_cannot_be_described(api: Api, factor: str) -> None:
    answer = api.get(factor)

    assert (answer.status_code, slug(answer)) == (404, "not-enrolled")


@pytest.mark.parametrize("factor", FACTORS)
def test_deleting_removes_the_factor(api: Api, factor: str) -> None:
    api.enrol(factor)

    assert (api.delete(factor).status_code, api.get(factor).status_code) == (204, 404)


@pytest.mark.parametrize("factor", FACTORS)
def test_a_missing_factor_cannot_be_deleted(api: Api, factor: str) -> None:
    api.enrol(factor)
    api.delete(factor)

    assert slug(api.delete(factor)) == "not-enrolled"


def test_one_response_lists_all_credentials(api: Api) -> None:
    for factor in FACTORS:
        api.enrol(factor)
        api.clock.advance(10)

    listed = document(api.get())

    assert listed == {
        "factors": [document(api.get(factor)) for factor in FACTORS],
        "expires_at": "2040-11-22T13:00:20Z",
    }


def test_a_stored_record_cannot_be_moved_to_another_session(api: Api) -> None:
    code = api.good_code("totp", api.enrol("totp"))
    ((key, value),) = api.snapshot().items()
    api.client = api.another()
    api.enrol("totp")
    (other,) = set(api.snapshot()) - {key}
    api.redis.set(other, value or b"")

    assert slug(api.verify("totp", code)) == "store-unavailable"
