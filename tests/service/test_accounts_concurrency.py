"""The operations of accounts accept a code at most once, also if many requests arrive at the same time."""

from collections import Counter
from collections.abc import Iterator

import pyotp
import pytest

from tests.service.accounts import KEYS, Account, good_code
from tests.service.conftest import TWO_BY_EIGHT
from tests.service.sessions import wrong
from tests.service.test_concurrency import outcomes
from tests.service.wire import Volley
from tests.support.redis_server import RedisServer
from tests.support.service import Service

CALLERS = 32
ROUNDS = 20
GUESSERS = 200
RECOVERY = "recovery-codes"

Seen = Counter[tuple[tuple[int, str], int]]


@pytest.fixture(scope="module")
def accounts(redis_server: RedisServer) -> Iterator[Service]:
    with Service(OPEN_MFA_REDIS_URL=redis_server.url, **KEYS, **TWO_BY_EIGHT) as running:
        yield running


@pytest.fixture(scope="module")
def volley(accounts: Service) -> Iterator[Volley]:
    with Volley(accounts.port, GUESSERS) as connections:
        yield connections


def replayed_but_once(seen: Seen) -> bool:
    return seen == {((200, ""), 1): ROUNDS, ((403, "replayed"), CALLERS - 1): ROUNDS}


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_a_challenged_code_is_accepted_exactly_once(accounts: Service, volley: Volley, factor: str) -> None:
    seen: Seen = Counter()
    for _ in range(ROUNDS):
        account = Account(accounts.port)
        code = good_code(account.confirmed(factor), 1)

        seen.update(outcomes(volley.fire([account.submission("challenge", code)] * CALLERS)).items())

    assert replayed_but_once(seen)


@pytest.mark.parametrize("path", ["challenge", f"{RECOVERY}/verify"])
def test_a_recovery_code_is_accepted_exactly_once(accounts: Service, volley: Volley, path: str) -> None:
    account = Account(accounts.port)
    seen: Seen = Counter()
    for _ in range(ROUNDS // 10):
        for code in account.recovery_codes():
            seen.update(outcomes(volley.fire([account.submission(path, code)] * CALLERS)).items())

    assert replayed_but_once(seen)


def test_all_recovery_codes_at_once_are_accepted_once_each(accounts: Service, volley: Volley) -> None:
    account = Account(accounts.port)
    codes = account.recovery_codes()

    answers = volley.fire([account.submission(f"{RECOVERY}/verify", code) for code in codes * 3])

    assert outcomes(answers) == {(200, ""): 10, (403, "replayed"): 20}
    assert sorted(answer.document["remaining"] for answer in answers if answer.status == 200) == list(range(10))


def test_a_code_and_a_recovery_code_at_once_are_accepted_once_each(accounts: Service, volley: Volley) -> None:
    seen: Seen = Counter()
    for _ in range(ROUNDS):
        account = Account(accounts.port)
        code = good_code(account.confirmed("totp"), 1)
        recovery = account.recovery_codes()[0]
        pair = [account.submission("challenge", each) for each in (code, recovery)]

        answers = volley.fire(pair * (CALLERS // 2))

        for half in (answers[::2], answers[1::2]):
            seen.update(outcomes(half).items())

    assert seen == {((200, ""), 1): ROUNDS * 2, ((403, "replayed"), CALLERS // 2 - 1): ROUNDS * 2}


def test_one_of_many_imports_at_once_is_stored_and_counts_at_once(accounts: Service, volley: Volley) -> None:
    for _ in range(ROUNDS):
        account = Account(accounts.port)
        secret = pyotp.random_base32()
        imported = {"secret": secret, "confirmed": True, "initial_counter": 7}

        answers = volley.fire([account.request("POST", "hotp", imported)] * CALLERS)

        assert outcomes(answers) == {(201, ""): 1, (409, "already-enrolled"): CALLERS - 1}
        code = pyotp.HOTP(secret).at(7)
        judged = volley.fire([account.submission("challenge", code)] * CALLERS)
        assert outcomes(judged) == {(200, ""): 1, (403, "replayed"): CALLERS - 1}


def test_a_code_sent_to_every_operation_is_accepted_exactly_once(accounts: Service, volley: Volley) -> None:
    accepted = []
    for _ in range(ROUNDS):
        account = Account(accounts.port)
        code = good_code(account.confirmed("totp"), 1)
        paths = ("challenge", "totp/verify", "totp/disable", "challenge")

        answers = volley.fire([account.submission(path, code) for path in paths] * (CALLERS // 4))

        accepted.append(sum(answer.status < 300 for answer in answers))

    assert accepted == [1] * ROUNDS


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_the_first_code_confirms_exactly_once(accounts: Service, volley: Volley, factor: str) -> None:
    seen: Seen = Counter()
    for _ in range(ROUNDS):
        account = Account(accounts.port)
        code = good_code(account.enrol(factor))

        seen.update(outcomes(volley.fire([account.submission(f"{factor}/verify", code)] * CALLERS)).items())

    assert replayed_but_once(seen)


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_a_replacement_is_confirmed_exactly_once_and_ends_the_former_secret(
    accounts: Service, volley: Volley, factor: str
) -> None:
    seen: Seen = Counter()
    for _ in range(ROUNDS):
        account = Account(accounts.port)
        former = account.confirmed(factor)
        new = account.enrol(f"{factor}/replacement")
        swap = account.submission(f"{factor}/replacement/verify", good_code(new))

        seen.update(outcomes(volley.fire([swap] * CALLERS)).items())

        assert account.submit(f"{factor}/verify", good_code(former, 1)).document["reason"] == "wrong"
        assert account.submit("challenge", good_code(new, 1)).status == 200

    assert seen == {((200, ""), 1): ROUNDS, ((404, "not-enrolled"), CALLERS - 1): ROUNDS}


def test_during_a_replacement_each_code_is_accepted_at_most_once(accounts: Service, volley: Volley) -> None:
    for _ in range(ROUNDS):
        account = Account(accounts.port)
        former = account.confirmed("totp")
        new = account.enrol("totp/replacement")
        requests = [
            account.submission("totp/replacement/verify", good_code(new)),
            account.submission("challenge", good_code(former, 1)),
        ]

        answers = volley.fire(requests * (CALLERS // 2))

        swapped, challenged = outcomes(answers[::2]), outcomes(answers[1::2])
        assert swapped[200, ""] + swapped[429, "locked"] > 0
        assert swapped[200, ""] <= 1
        assert challenged[200, ""] <= 1


def test_one_of_32_simultaneous_replacements_is_enrolled(accounts: Service, volley: Volley) -> None:
    account = Account(accounts.port)
    account.confirmed("totp")

    answers = volley.fire([account.request("POST", "totp/replacement", {})] * CALLERS)

    assert outcomes(answers) == {(201, ""): 1, (409, "already-enrolled"): CALLERS - 1}


@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_a_valid_code_disables_exactly_once(accounts: Service, volley: Volley, factor: str) -> None:
    seen: Seen = Counter()
    for _ in range(ROUNDS):
        account = Account(accounts.port)
        code = good_code(account.confirmed(factor), 1)

        seen.update(outcomes(volley.fire([account.submission(f"{factor}/disable", code)] * CALLERS)).items())

    assert seen == {((204, ""), 1): ROUNDS, ((404, "not-enrolled"), CALLERS - 1): ROUNDS}


@pytest.mark.parametrize("path", ["challenge", "totp/disable", "totp/verify"])
def test_five_of_200_simultaneous_wrong_codes_are_judged(accounts: Service, volley: Volley, path: str) -> None:
    account = Account(accounts.port)
    code = wrong(good_code(account.confirmed("totp"), 1))

    answers = volley.fire([account.submission(path, code)] * GUESSERS)

    assert outcomes(answers) == {(403, "wrong"): 5, (429, "locked"): GUESSERS - 5}


def test_each_of_two_factors_judges_five_of_200_simultaneous_wrong_codes(accounts: Service, volley: Volley) -> None:
    account = Account(accounts.port)
    code = wrong(good_code(account.confirmed("totp"), 1))
    account.confirmed("hotp")

    outcome = outcomes(volley.fire([account.submission("challenge", code)] * GUESSERS))

    described = account.send("GET").document["factors"]
    assert [factor["failed_attempts"] for factor in described] == [5, 5]
    assert set(outcome) == {(403, "wrong"), (429, "locked")}
    assert outcome[403, "wrong"] <= 10


def test_five_of_200_simultaneous_wrong_recovery_codes_are_judged(accounts: Service, volley: Volley) -> None:
    account = Account(accounts.port)
    account.confirmed("totp")
    account.recovery_codes()

    answers = volley.fire([account.submission("challenge", "0" * 16)] * GUESSERS)

    assert outcomes(answers) == {(403, "wrong"): 5, (429, "locked"): GUESSERS - 5}
    assert account.send("GET", "totp").document["failed_attempts"] == 0


def test_one_of_several_sets_of_recovery_codes_issued_at_once_remains(accounts: Service, volley: Volley) -> None:
    account = Account(accounts.port)
    answers = volley.fire([account.request("POST", RECOVERY)] * 4)

    good = [account.submit("challenge", answer.document["codes"][0]).status for answer in answers]

    assert sorted(good) == [200, 403, 403, 403]


def test_two_tenants_at_once_do_not_affect_each_other(accounts: Service, volley: Volley) -> None:
    mine, theirs = Account(accounts.port, "shared"), Account(accounts.port, "shared", "forum")
    good = good_code(theirs.confirmed("totp"), 1)
    bad = wrong(good_code(mine.confirmed("totp"), 1))
    requests = [mine.submission("challenge", bad), theirs.submission("challenge", good)]

    answers = volley.fire(requests * (CALLERS // 2))

    assert outcomes(answers[::2]) == {(403, "wrong"): 5, (429, "locked"): CALLERS // 2 - 5}
    assert outcomes(answers[1::2]) == {(200, ""): 1, (403, "replayed"): CALLERS // 2 - 1}


def test_all_changes_of_an_account_at_once_never_fail(accounts: Service, volley: Volley) -> None:
    account = Account(accounts.port)
    new = account.confirmed("totp")
    requests = [
        account.submission("challenge", good_code(new, 1)),
        account.submission("totp/disable", good_code(new, 1)),
        account.request("POST", "totp", {}),
        account.request("POST", "totp/replacement", {}),
        account.request("DELETE", "totp/replacement"),
        account.request("POST", "unlock"),
        account.request("POST", RECOVERY),
        account.request("GET"),
        account.request("DELETE", RECOVERY),
        account.request("DELETE"),
    ]

    statuses = {answer.status for _ in range(10) for answer in volley.fire(requests * 4)}

    assert statuses <= {200, 201, 204, 400, 403, 404, 409, 429}
