"""A code is accepted at most once, also if many requests carry it at once (docs/reference/http.md, Acceptance)."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.service.conftest import TWO_BY_EIGHT
from tests.service.sessions import FACTORS, RFC_SECRET, Session, wrong
from tests.service.wire import Answer, Volley
from tests.support.service import Service

CALLERS = 32
ROUNDS = 50
GUESSERS = 200


@pytest.fixture(scope="module")
def volley(service: Service) -> Iterator[Volley]:
    with Volley(service.port, GUESSERS) as connections:
        yield connections


def outcomes(answers: list[Answer]) -> Counter[tuple[int, str]]:
    """Return the number of answers by status and reason or kind of problem."""
    return Counter(
        (answer.status, answer.document.get("reason", answer.slug) if answer.status >= 400 else "")
        for answer in answers
    )


@pytest.mark.parametrize("factor", FACTORS)
def test_a_code_sent_by_32_callers_at_once_is_accepted_exactly_once(
    service: Service, volley: Volley, factor: str
) -> None:
    seen: Counter[tuple[tuple[int, str], int]] = Counter()
    for _ in range(ROUNDS):
        session = Session(service.port)
        code = next(session.good_codes(factor))

        answers = volley.fire([session.verification(factor, code)] * CALLERS)

        seen.update(outcomes(answers).items())

    assert seen == {((200, ""), 1): ROUNDS, ((403, "replayed"), CALLERS - 1): ROUNDS}


@pytest.mark.parametrize("factor", FACTORS)
def test_five_of_200_simultaneous_wrong_codes_are_judged(service: Service, volley: Volley, factor: str) -> None:
    session = Session(service.port)
    code = next(session.good_codes(factor))

    answers = volley.fire([session.verification(factor, wrong(code))] * GUESSERS)

    assert outcomes(answers) == {(403, "wrong"): 5, (429, "locked"): GUESSERS - 5}


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_a_pair_sent_by_32_callers_at_once_resynchronizes_exactly_once(
    service: Service, volley: Volley, factor: str
) -> None:
    session = Session(service.port)
    codes = session.good_codes(factor)
    pair = [next(codes), next(codes)]

    answers = volley.fire([session.request("POST", f"{factor}/resync", {"codes": pair})] * CALLERS)

    assert outcomes(answers) == {(200, ""): 1, (403, "replayed"): CALLERS - 1}


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_one_of_32_simultaneous_enrolments_succeeds(service: Service, volley: Volley, factor: str) -> None:
    session = Session(service.port)
    session.enrol("otp")

    answers = volley.fire([session.request("POST", factor, {})] * CALLERS)

    assert outcomes(answers) == {(201, ""): 1, (409, "already-enrolled"): CALLERS - 1}


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_the_secret_of_the_successful_enrolment_verifies(service: Service, volley: Volley, factor: str) -> None:
    session = Session(service.port)
    session.enrol("otp")
    answers = volley.fire([session.request("POST", factor, {})] * CALLERS)
    (winner,) = [answer for answer in answers if answer.status == 201]

    codes = Session(service.port).good_codes(factor, secret=winner.document["secret"])

    assert session.send("POST", f"{factor}/verify", {"code": next(codes)}).status == 200


def test_one_of_several_codes_issued_at_once_is_valid(service: Service, volley: Volley) -> None:
    session = Session(service.port)
    session.enrol("hotp")
    issued = volley.fire([session.request("POST", "otp", {})] * 8)

    described = session.send("GET", "otp")

    assert outcomes(issued) == {(201, ""): 8}
    assert described.document["status"] == "pending"


def test_verifying_during_deletion_and_enrolment_never_fails(service: Service, volley: Volley) -> None:
    session = Session(service.port)
    code = next(session.good_codes("hotp", secret=RFC_SECRET))
    round_of_requests = [
        session.verification("hotp", code),
        session.request("DELETE", "hotp"),
        session.request("POST", "hotp", {"secret": RFC_SECRET}),
        session.request("GET", "hotp"),
        session.request("POST", "hotp/resync", {"codes": ["755224", "287082"]}),
        session.request("DELETE"),
    ]

    statuses = {answer.status for _ in range(30) for answer in volley.fire(round_of_requests * 4)}

    assert statuses <= {200, 201, 204, 403, 404, 409, 429}


def test_a_code_sent_to_two_instances_at_once_is_accepted_exactly_once(service: Service) -> None:
    session = Session(service.port)
    codes = session.good_codes("hotp")
    seen: Counter[tuple[tuple[int, str], int]] = Counter()
    shared = service.settings["OPEN_MFA_REDIS_URL"]
    with (
        Service(OPEN_MFA_REDIS_URL=shared, **TWO_BY_EIGHT) as other,
        Volley(service.port, 8) as here,
        Volley(other.port, 8) as there,
    ):
        for _ in range(20):
            requests = [session.verification("hotp", next(codes))] * 8
            here.send(requests)
            there.send(requests)
            seen.update(outcomes([*here.receive(), *there.receive()]).items())

    assert seen == {((200, ""), 1): 20, ((403, "replayed"), 15): 20}
