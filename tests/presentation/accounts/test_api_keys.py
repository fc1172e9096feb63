"""The API key of a request: mistyped and expired keys, metrics, log lines and the audit trail."""

import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.api_key import Scope, digest_of
from domain.api_key_format import ALPHABET
from infrastructure.observability.logs import configure_logging
from infrastructure.observability.metrics import FRESH, Metrics
from tests.presentation.accounts.scoped_keys import EXPIRED, KEYS, TENANTS_FILE, UNKNOWN, ScopedAccount, key_table
from tests.presentation.api import SESSION, Account, Api, document, slug
from tests.support.fakes import NOON
from tests.support.written import written

DAY = 86400
Lines = Callable[[], list[dict[str, Any]]]
MIDNIGHT = NOON - 12 * 3600
"""The end of the expired keys: 2040-11-22T00:00:00Z."""
KEY = KEYS[Scope.VERIFY]


@pytest.fixture
def account() -> ScopedAccount:
    return ScopedAccount()


def detail(account: Account) -> str:
    return str(document(account.get())["detail"])


def test_a_key_is_valid_until_it_expires_and_then_the_response_says_since_when(account: ScopedAccount) -> None:
    holder = account.holder(EXPIRED[Scope.VERIFY])
    account.clock.time = MIDNIGHT - 1
    before = holder.get().status_code
    account.clock.time = MIDNIGHT
    after = holder.get()

    assert before == 200
    assert (after.status_code, slug(after)) == (401, "unauthenticated")
    assert 'The API key "old-verify" expired at 2040-11-22T00:00:00Z.' in document(after)["detail"]
    assert after.headers["WWW-Authenticate"].endswith('error="invalid_token"')


def test_an_unknown_key_learns_nothing_about_expired_keys(account: ScopedAccount) -> None:
    told, nothing = (document(account.holder(key).get()) for key in (UNKNOWN, ""))

    assert told["detail"] == nothing["detail"]


@given(st.integers(min_value=5, max_value=42), st.sampled_from(ALPHABET))
def test_a_mistyped_key_is_reported_as_mistyped(place: int, letter: str) -> None:
    account = _shared[0]
    mistyped = KEY[:place] + letter + KEY[place + 1 :]

    answer = account.holder(mistyped).get()

    if mistyped == KEY:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, slug(answer)) == (401, "unauthenticated")
        assert "mistyped" in document(answer)["detail"]
        assert answer.headers["WWW-Authenticate"].endswith('error="invalid_token"')


_shared = [ScopedAccount()]


@pytest.mark.parametrize("key", [UNKNOWN, "x" * 36, KEY[1:], KEY.upper(), f"X{KEY}"])
def test_a_key_that_is_not_mistyped_is_only_unknown(account: ScopedAccount, key: str) -> None:
    assert "mistyped" not in detail(account.holder(key))


def test_every_key_is_compared_in_constant_time_even_after_a_match(
    account: ScopedAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[bytes] = []
    compare = hmac.compare_digest

    def counting(known: bytes, sent: bytes) -> bool:
        compared.append(known)
        return compare(known, sent)

    monkeypatch.setattr(hmac, "compare_digest", counting)
    orders = []
    for key in (*KEYS.values(), *EXPIRED.values(), UNKNOWN, ""):
        compared.clear()
        account.holder(key).get()
        orders.append([*compared])

    assert orders == [[digest_of(key) for key in (*KEYS.values(), *EXPIRED.values())]] * len(orders)


def series(api: Api, name: str) -> dict[tuple[str, ...], float]:
    """Return the values of a metric by the values of its labels, in the order of their names."""
    found = {}
    for line in api.client.get("/metrics").text.splitlines():
        if line.startswith(f"{name}{{"):
            labels, _, value = line.removeprefix(f"{name}{{").rpartition("} ")
            found[tuple(each.partition('="')[2].rstrip('"') for each in labels.split(","))] = float(value)
    return found


def test_each_key_has_a_count_from_the_start(account: ScopedAccount) -> None:
    assert series(account, "open_mfa_api_key_requests_total") == {
        (name, "shop"): 0 for name in ("verify", "enrol", "manage", "old-verify", "old-enrol", "old-manage")
    }


def test_requests_are_counted_for_their_key_even_if_the_scope_is_missing(account: ScopedAccount) -> None:
    holder = account.holder(KEY)
    holder.get()
    holder.delete("totp")
    account.get()

    counts = series(account, "open_mfa_api_key_requests_total")

    assert {key: value for key, value in counts.items() if value} == {("verify", "shop"): 2, ("manage", "shop"): 1}


def test_refused_requests_are_counted_by_their_reason(account: ScopedAccount) -> None:
    for key in (UNKNOWN, UNKNOWN, "", KEY[:-1] + "!", EXPIRED[Scope.ENROL]):
        account.holder(key).get()
    account.holder(KEY).delete("totp")

    assert series(account, "open_mfa_api_key_refusals_total") == {
        ("", "unknown", ""): 3,
        ("", "mistyped", ""): 1,
        ("old-enrol", "expired", "shop"): 1,
        ("verify", "scope", "shop"): 1,
    }


def test_the_expiry_of_keys_that_expire_is_a_metric(account: ScopedAccount) -> None:
    assert series(account, "open_mfa_api_key_expiry_timestamp_seconds") == {
        (f"old-{scope}", "shop"): MIDNIGHT for scope in Scope
    }


def test_requests_cannot_add_labels() -> None:
    account = ScopedAccount(metrics=Metrics(monotonic=count(step=FRESH).__next__))
    for number in range(20):
        account.holder(f"omfa_{number}" * 9).get()
        account.holder(f"{number}" * 40).get()

    assert len(series(account, "open_mfa_api_key_refusals_total")) == 2


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    configure_logging("INFO")
    capsys.readouterr()
    return lambda: [json.loads(line) for line in written(capsys).splitlines()]


def test_audit_lines_name_the_key_of_the_request(account: ScopedAccount, lines: Lines) -> None:
    account.enrol("totp")
    account.holder(KEY).verify("totp", "000000")

    assert [(line["message"], line["key"]) for line in lines()] == [("enrolled", "manage"), ("judged", "verify")]


def test_audit_lines_of_sessions_name_no_key(account: ScopedAccount, lines: Lines) -> None:
    account.get()
    account.client.post(f"{SESSION}/totp", json={})

    assert ["key" in line for line in lines()] == [False]


EXPIRES = int(datetime(2041, 1, 1, tzinfo=UTC).timestamp())
EXPIRING = TENANTS_FILE + key_table("soon", "k" * 40, Scope.VERIFY, "expires = 2041-01-01")


def test_a_key_in_use_is_logged_once_a_day_from_30_days_before_it_expires(lines: Lines) -> None:
    holder = ScopedAccount(tenants_file=EXPIRING).holder("k" * 40)
    logged: list[int] = []

    def use_at(*times: int) -> None:
        for time in times:
            holder.clock.time = time
            holder.get()
        logged.append(len([line for line in lines() if line["logger"] == "open_mfa.keys"]))

    use_at(EXPIRES - 30 * DAY - 1)
    use_at(EXPIRES - 30 * DAY, EXPIRES - 30 * DAY, EXPIRES - 29 * DAY - 1)
    use_at(EXPIRES - 29 * DAY, EXPIRES - 29 * DAY + 1)
    use_at(EXPIRES - 1, EXPIRES, EXPIRES + 10)
    use_at(EXPIRES + DAY, EXPIRES + DAY + 5)

    assert logged == [0, 1, 1, 1, 1]


def test_the_line_about_a_key_that_expires_names_it_and_contains_no_key(lines: Lines) -> None:
    holder = ScopedAccount(tenants_file=EXPIRING).holder("k" * 40)
    told = []
    for time in (EXPIRES - DAY, EXPIRES + DAY):
        holder.clock.time = time
        holder.get()
        told += [line for line in lines() if line["logger"] == "open_mfa.keys"]

    names = {"tenant": "shop", "key": "soon", "expires_at": "2041-01-01T00:00:00Z", "level": "WARNING"}
    assert [each | names for each in told] == told
    assert [each["message"] for each in told] == [
        "an API key in use expires soon",
        "an API key that is in use has expired",
    ]
    assert "k" * 40 not in json.dumps(told)
