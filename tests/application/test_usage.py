"""The limits of a tenant: which requests they count, and what a refused request leaves unchanged."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from application.challenge import ChallengeRequest
from application.enrolment import EnrolRequest
from application.errors import AuditUnavailable, LimitReached, RecipientNotAllowed, StoreUnavailable, TooManySends
from application.issuing import IssueCodeRequest
from application.ports.delivery import Channel
from application.verification import ResynchronizeRequest, VerifyRequest
from domain.errors import AlreadyEnrolled, InvalidSecret, NotEnrolled
from domain.owner import Owner, OwnerKind
from domain.parameters import HotpParameters, TotpParameters
from domain.secret import SharedSecret
from domain.usage import LimitName, UsageLimits
from domain.verdict import Accepted
from tests.application.account import WRONG, WRONG_RECOVERY_CODE, Account
from tests.application.rig import HOTP, OTP, RECOVERY_CODES, TOTP
from tests.domain.examples import ALICE, STEP, code_of

CHALLENGES, ENROLMENTS = "tenant:shop:challenges_per_second", "tenant:shop:enrolments_per_day"


class Counters:
    """Counters whose windows end only when a test ends them. A deferred count is made at once."""

    def __init__(self) -> None:
        self.sums = Counter[str]()
        self.seconds: dict[str, int] = {}
        self.left = 1000.4
        self.calls = 0
        self.failing = False

    def count(self, key: str, seconds: int) -> int:
        self.calls += 1
        if self.failing:
            raise StoreUnavailable
        self.seconds[key] = seconds
        self.sums[key] += 1
        return self.sums[key]

    def count_with_next_command(self, key: str, seconds: int, receive: Callable[[int], None]) -> None:
        receive(self.count(key, seconds))

    def count_now(self) -> None:
        """Do nothing, because no count waits."""

    def window_left(self, _key: str) -> float:
        return self.left


class Tenant(Account):
    """The account of Alice at a tenant with limits."""

    def __init__(self) -> None:
        self.counters = Counters()
        super().__init__(counters=self.counters)

    def limit(self, **limits: int) -> None:
        """Set the limits, and forget what was counted before."""
        self.policies.policy = replace(self.policies.policy, limits=UsageLimits(**limits))
        self.counters.sums.clear()


@pytest.fixture
def tenant() -> Tenant:
    return Tenant()


# Requests that can judge a code

JUDGING: dict[str, Callable[[Tenant], object]] = {
    "challenge": lambda tenant: tenant.challenged(WRONG),
    "verify": lambda tenant: tenant.sends(TOTP, WRONG),
    "verify a one-time code": lambda tenant: tenant.sends(OTP, WRONG),
    "verify a recovery code": lambda tenant: tenant.sends(RECOVERY_CODES, WRONG_RECOVERY_CODE),
    "resynchronize": lambda tenant: tenant.resynchronize.execute(ResynchronizeRequest(HOTP, WRONG, WRONG)),
    "disable": lambda tenant: tenant.disable.execute(VerifyRequest(HOTP, WRONG)),
    "confirm a replacement": lambda tenant: tenant.swaps(HOTP, WRONG),
}


def with_everything(tenant: Tenant) -> None:
    tenant.has_both()
    tenant.has_recovery_codes()
    tenant.gets_replacement(HOTP)
    tenant.issued()


@pytest.mark.parametrize("request_", JUDGING.values(), ids=JUDGING)
def test_a_request_that_can_judge_a_code_counts_once(tenant: Tenant, request_: Callable[[Tenant], object]) -> None:
    with_everything(tenant)
    tenant.limit(challenges_per_second=100)
    request_(tenant)

    assert tenant.counters.sums == {CHALLENGES: 1}
    assert tenant.counters.seconds[CHALLENGES] == 1


@pytest.mark.parametrize("request_", JUDGING.values(), ids=JUDGING)
def test_beyond_the_limit_nothing_is_judged_or_counted(tenant: Tenant, request_: Callable[[Tenant], object]) -> None:
    with_everything(tenant)
    tenant.limit(challenges_per_second=1)
    tenant.sends(TOTP, WRONG)
    events, committed = list(tenant.events.all), tenant.repository.committed

    with pytest.raises(LimitReached) as caught:
        request_(tenant)

    assert (caught.value.limit, caught.value.wait) == (LimitName.CHALLENGES, 1)
    assert tenant.events.all == events
    assert tenant.repository.committed == committed
    assert tenant.refusals.all == [("shop", LimitName.CHALLENGES, 1)]


def test_a_good_code_that_a_limit_has_refused_is_still_good(tenant: Tenant) -> None:
    totp = tenant.has_totp()
    good = code_of(totp, STEP)
    tenant.limit(challenges_per_second=1)
    tenant.challenged(WRONG)
    for _ in range(3):
        with pytest.raises(LimitReached):
            tenant.challenged(good)
    tenant.counters.sums.clear()
    tenant.monotonic += 0.1

    assert tenant.challenged(good).outcome.verdict == Accepted()


def test_an_account_without_a_factor_counts_too(tenant: Tenant) -> None:
    tenant.limit(challenges_per_second=1)
    with pytest.raises(NotEnrolled):
        tenant.challenged(WRONG)
    with pytest.raises(LimitReached):
        tenant.challenged(WRONG)


def test_after_a_refusal_the_store_is_not_asked_for_a_tenth_of_a_second(tenant: Tenant) -> None:
    tenant.has_totp()
    tenant.limit(challenges_per_second=1)
    tenant.challenged(WRONG)
    for moment in (5.0, 5.05, 5.099):
        tenant.monotonic = moment
        with pytest.raises(LimitReached):
            tenant.challenged(WRONG)
    calls = tenant.counters.calls
    tenant.counters.sums.clear()
    tenant.monotonic = 5.101
    tenant.challenged(WRONG)

    assert calls == tenant.counters.calls - 1
    assert len(tenant.refusals.all) == 3


def test_the_limit_of_one_tenant_does_not_refuse_another(tenant: Tenant) -> None:
    tenant.limit(challenges_per_second=1)
    for _ in range(2):
        with pytest.raises((NotEnrolled, LimitReached)):
            tenant.challenged(WRONG)
    with pytest.raises(NotEnrolled):
        tenant.challenge.execute(ChallengeRequest(Owner.of_account("forum", "alice"), WRONG))


@pytest.mark.parametrize("owner", [Owner(OwnerKind.SESSION, "s"), Owner(OwnerKind.GATE, "g")])
def test_an_owner_without_a_tenant_is_not_counted(tenant: Tenant, owner: Owner) -> None:
    tenant.limit(challenges_per_second=1, enrolments_per_day=1)
    for suffix in ("", "0000000001"):
        credential = tenant.enrol.execute(EnrolRequest(owner, None, TotpParameters(), suffix=suffix))
        tenant.sends(credential.id, WRONG)

    assert tenant.counters.calls == 0


def test_a_tenant_without_limits_is_not_counted(tenant: Tenant) -> None:
    with_everything(tenant)
    for request_ in JUDGING.values():
        request_(tenant)

    assert tenant.counters.calls == 0


def test_without_room_in_the_audit_trail_nothing_is_counted(tenant: Tenant) -> None:
    tenant.limit(challenges_per_second=1)
    tenant.events.full = True
    with pytest.raises(AuditUnavailable):
        tenant.challenged(WRONG)

    assert tenant.counters.calls == 0


# Enrolments

ENROLLING: dict[str, Callable[[Tenant], object]] = {
    "enrol": lambda tenant: tenant.enrol.execute(EnrolRequest(ALICE, None, TotpParameters())),
    "add": lambda tenant: tenant.enrol.add(EnrolRequest(ALICE, None, TotpParameters())),
    "replace": lambda tenant: tenant.gets_replacement(HOTP),
    "issue recovery codes": lambda tenant: tenant.has_recovery_codes(),
}


@pytest.mark.parametrize("request_", ENROLLING.values(), ids=ENROLLING)
def test_a_new_secret_counts_once_even_if_it_loses_a_race(tenant: Tenant, request_: Callable[[Tenant], object]) -> None:
    tenant.has_hotp()
    tenant.limit(enrolments_per_day=100)
    tenant.repository.rivals = [lambda: tenant.submit(HOTP, "000000")] * 2
    request_(tenant)

    assert tenant.counters.sums == {ENROLMENTS: 1}
    assert tenant.counters.seconds[ENROLMENTS] == 86400


@pytest.mark.parametrize("request_", ENROLLING.values(), ids=ENROLLING)
def test_beyond_the_limit_nothing_is_enrolled(tenant: Tenant, request_: Callable[[Tenant], object]) -> None:
    tenant.has_hotp()
    tenant.limit(enrolments_per_day=1)
    tenant.enrol.add(EnrolRequest(ALICE, None, HotpParameters()))
    before, events = tenant.repository.load_all(ALICE).snapshots, list(tenant.events.all)

    with pytest.raises(LimitReached) as caught:
        request_(tenant)

    assert (caught.value.limit, caught.value.wait) == (LimitName.ENROLMENTS, 1001)
    assert tenant.repository.load_all(ALICE).snapshots == before
    assert tenant.events.all == events


def test_a_refused_enrolment_does_not_count(tenant: Tenant) -> None:
    tenant.has_totp()
    tenant.limit(enrolments_per_day=1)
    weak = SharedSecret(b"0123456789", weak=True)
    for _ in range(3):
        with pytest.raises(AlreadyEnrolled):
            tenant.enrolled_totp()
        with pytest.raises(NotEnrolled):
            tenant.gets_replacement(HOTP)
        with pytest.raises(InvalidSecret):
            tenant.enrol.execute(EnrolRequest(ALICE, None, HotpParameters(), secret=weak))

    assert tenant.counters.calls == 0


def test_the_wait_for_the_next_day_becomes_shorter_without_a_question_to_the_store(tenant: Tenant) -> None:
    tenant.limit(enrolments_per_day=1)
    tenant.has_recovery_codes()
    waits = []
    for moment in (0.0, 4.0, 9.9, 10.1):
        tenant.monotonic = moment
        with pytest.raises(LimitReached) as caught:
            tenant.has_recovery_codes()
        waits.append((caught.value.wait, tenant.counters.calls))

    assert waits == [(1001, 2), (997, 2), (991, 2), (1001, 3)]


def test_if_the_count_fails_nothing_is_enrolled(tenant: Tenant) -> None:
    tenant.limit(enrolments_per_day=1)
    tenant.counters.failing = True
    for request_ in (ENROLLING["enrol"], ENROLLING["issue recovery codes"]):
        with pytest.raises(StoreUnavailable):
            request_(tenant)

    assert tenant.repository.load_all(ALICE).snapshots == {}


def test_if_the_count_fails_no_code_is_judged(tenant: Tenant) -> None:
    totp = tenant.has_totp()
    tenant.limit(challenges_per_second=100)
    tenant.counters.failing = True
    with pytest.raises(StoreUnavailable):
        tenant.challenged(code_of(totp, STEP))
    tenant.counters.failing = False

    assert tenant.challenged(code_of(totp, STEP)).outcome.verdict == Accepted()


# Sent codes


def send(tenant: Tenant, to: str = "alice@example.org") -> object:
    return tenant.issue.execute(IssueCodeRequest(ALICE, None, 6, 300, Channel.EMAIL, to))


def test_the_limit_of_the_tenant_is_counted_with_the_other_limits(tenant: Tenant) -> None:
    tenant.limit(sends_per_day=7)
    send(tenant)
    tenant.issued()

    assert tenant.outbox.admitted == [7]


@pytest.mark.parametrize(("limit", "recorded"), [(LimitName.SENDS, [("shop", LimitName.SENDS, 77)]), (None, [])])
def test_a_refused_send_names_the_limit_of_the_tenant(
    tenant: Tenant, limit: LimitName | None, recorded: list[object]
) -> None:
    tenant.outbox.wait, tenant.outbox.limit = 77, limit
    with pytest.raises(TooManySends) as caught:
        send(tenant)

    assert (caught.value.wait, caught.value.limit) == (77, limit)
    assert tenant.refusals.all == recorded


def test_a_recipient_that_is_not_allowed_is_refused_before_anything_is_counted_or_stored(tenant: Tenant) -> None:
    former = tenant.issued()
    tenant.policies.policy = replace(tenant.policies.policy, recipients=("@example.com", "@example.net"))
    with pytest.raises(RecipientNotAllowed):
        send(tenant)

    assert (tenant.outbox.admitted, tenant.outbox.messages) == ([], [])
    assert tenant.submit(OTP, former.code.text).verdict == Accepted()


def test_an_allowed_recipient_gets_the_code(tenant: Tenant) -> None:
    tenant.policies.policy = replace(tenant.policies.policy, recipients=("@example.com", "@example.org"))
    send(tenant)

    assert [message.to for message in tenant.outbox.messages] == ["alice@example.org"]
