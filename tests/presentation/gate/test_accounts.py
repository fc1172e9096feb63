"""Log-ins at the gate with an account (docs/reference/http.md, Gate)."""

import pyotp
import pytest

from tests.presentation.api import GATE_COOKIE as COOKIE
from tests.presentation.api import Api
from tests.presentation.gate.support import MOST, TENANT, check, code, junk, log_in, token, wrong


class TestAccounts:
    """Log-ins with an account."""

    @pytest.fixture
    def staff(self, only_staff: Api) -> Api:
        only_staff.reset()
        return only_staff

    def enrolled(self, api: Api, key: str = "s") -> pyotp.TOTP:
        headers = {"Authorization": f"Bearer {key * 32}"}
        account = "/api/v1/accounts/alice"
        secret = api.client.post(f"{account}/totp", json={}, headers=headers).get_json()["secret"]
        totp = pyotp.TOTP(secret)
        confirmed = api.client.post(
            f"{account}/totp/verify", json={"code": totp.at(api.clock.now() - 30)}, headers=headers
        )
        assert confirmed.status_code == 200
        return totp

    @pytest.mark.parametrize("end", [" ", "\u200b", "\ufeff", "\u00a0\u2060", "\u200e\t"])
    def test_white_space_around_the_account_is_ignored_as_around_a_code(self, staff: Api, end: str) -> None:
        totp = self.enrolled(staff)

        answer = log_in(staff, totp.at(staff.clock.now()), account=f"{end}alice{end}")

        assert answer.status_code == 303

    def test_the_application_gets_the_account_name(self, staff: Api) -> None:
        totp = self.enrolled(staff)

        assert log_in(staff, totp.at(staff.clock.now()), account=" alice ").status_code == 303
        assert check(staff).headers["Remote-User"] == "alice"

    def test_a_recovery_code_logs_in(self, staff: Api) -> None:
        self.enrolled(staff)
        headers = {"Authorization": f"Bearer {'s' * 32}"}
        codes = staff.client.post("/api/v1/accounts/alice/recovery-codes", headers=headers).get_json()["codes"]

        assert log_in(staff, codes[0].lower(), account="alice").status_code == 303

    def test_an_account_of_another_tenant_does_not_pass(self, staff: Api) -> None:
        totp = self.enrolled(staff, "k")

        assert log_in(staff, totp.at(staff.clock.now()), account="alice").status_code == 403

    @pytest.mark.parametrize("account", ["nobody", "a b", "../alice", "alice\r\nX: y", "é", "a" * 129, "shop:alice"])
    def test_an_unknown_account_and_a_wrong_code_get_the_same_response(self, staff: Api, account: str) -> None:
        self.enrolled(staff)

        answer = log_in(staff, "123456", account=account)

        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers

    def test_all_refused_log_ins_get_the_same_page(self, staff: Api) -> None:
        """An attacker learns neither which accounts exist nor which factors they have."""
        totp = self.enrolled(staff)
        spent, good = totp.at(staff.clock.now() - 30), totp.at(staff.clock.now())
        guess = next(each for each in ("000000", "111111", "222222") if each not in {spent, good})
        sent = [("nobody", guess), ("nobody", "1234567"), ("nobody", "ABCD-EFGH-JKMN-PQRS"), ("a b", guess)]
        sent += [("alice", spent), ("alice", "1234567"), ("alice", "ABCD-EFGH-JKMN-PQRS"), ("everybody", guess)]
        sent += [("alice", guess)] * 7 + [("alice", good)]

        answers = [log_in(staff, typed, account=account) for account, typed in sent]

        assert {answer.status_code for answer in answers} == {403}
        # The pages differ only in the account, which they repeat.
        pages = [
            answer.text.replace(f'value="{account}"', "") for answer, (account, _) in zip(answers, sent, strict=True)
        ]
        assert len(set(pages)) == 1
        assert {"Retry-After" in answer.headers for answer in answers} == {False}
        alice, nobody = (log_in(staff, "12a", account=account).text for account in ("alice", "nobody"))
        assert alice.replace("alice", "nobody") == nobody

    def test_a_request_with_tokens_of_two_users_does_not_pass(self, staff: Api) -> None:
        """One user may have planted their cookie in the browser of the other, who would then act under their name."""
        totp = self.enrolled(staff)
        tokens = []
        for fields in ({"account": "alice"}, {}):
            typed = totp.at(staff.clock.now()) if fields else code(staff)
            browser = Api(staff.redis, staff.clock, **TENANT)
            assert log_in(browser, typed, **fields).status_code == 303
            tokens.append(token(browser))
        other = {"Cookie": "; ".join(f"{COOKIE}={each}" for each in tokens)}
        unknown = {"Cookie": f"{COOKIE}={'x' * 43}; {COOKIE}={tokens[0]}"}

        assert check(Api(staff.redis, staff.clock, **TENANT), headers=other).status_code == 401
        assert check(Api(staff.redis, staff.clock, **TENANT), headers=unknown).headers["Remote-User"] == "alice"

    @pytest.mark.parametrize("number", [0, 3, 4, MOST])
    def test_no_number_of_planted_cookies_replaces_the_users_log_in(self, staff: Api, number: int) -> None:
        totp = self.enrolled(staff)
        log_in(staff, totp.at(staff.clock.now()), account="alice")
        alice = token(staff)
        staff.client = staff.another()
        log_in(staff, code(staff))
        planted = token(staff)

        for cookies in (
            [*junk(number), planted, alice],
            [planted, *junk(number), alice],
            [alice, *junk(number), planted],
        ):
            header = {"Cookie": "; ".join(f"{COOKIE}={each}" for each in cookies)}
            answer = check(Api(staff.redis, staff.clock, **TENANT), headers=header)
            assert (answer.status_code, answer.headers.get("Remote-User")) == (401, None)

    def test_a_log_in_with_another_account_replaces_the_former_one(self, staff: Api) -> None:
        totp = self.enrolled(staff)
        log_in(staff, code(staff))
        shared = token(staff)

        refused = log_in(staff, "000000", account="alice")
        assert (refused.status_code, check(staff).headers["Remote-User"]) == (403, "everybody")
        accepted = log_in(staff, totp.at(staff.clock.now()), account="alice")
        alice = token(staff)
        again = log_in(staff, totp.at(staff.clock.now()), account="alice")

        assert (accepted.status_code, again.status_code) == (303, 303)
        assert check(staff).headers["Remote-User"] == "alice"
        assert (
            check(Api(staff.redis, staff.clock, **TENANT), headers={"Cookie": f"{COOKIE}={shared}"}).status_code == 401
        )
        assert log_in(staff, wrong(staff)).status_code == 403, "without an account, the shared secret judges the code"
        log_in(staff, code(staff, 1))
        assert check(staff).headers["Remote-User"] == "everybody"
        assert (
            check(Api(staff.redis, staff.clock, **TENANT), headers={"Cookie": f"{COOKIE}={alice}"}).status_code == 401
        )

    def test_a_log_in_ends_the_former_log_ins_of_the_request(self, staff: Api) -> None:
        totp = self.enrolled(staff)
        log_in(staff, code(staff))
        former = token(staff)
        planted = {"Cookie": f"{COOKIE}={'x' * 43}; {COOKIE}={former}"}
        browser = Api(staff.redis, staff.clock, **TENANT)
        log_in(browser, totp.at(staff.clock.now()), account="alice", headers=planted)  # type: ignore[arg-type]

        assert (
            check(Api(staff.redis, staff.clock, **TENANT), headers={"Cookie": f"{COOKIE}={former}"}).status_code == 401
        )

    def test_no_account_passes_as_everybody(self, staff: Api) -> None:
        headers = {"Authorization": f"Bearer {'s' * 32}"}
        path = "/api/v1/accounts/everybody/totp"
        totp = pyotp.TOTP(staff.client.post(path, json={}, headers=headers).get_json()["secret"])
        now = staff.clock.now()
        staff.client.post(f"{path}/verify", json={"code": totp.at(now - 30)}, headers=headers)

        assert log_in(staff, totp.at(now), account="everybody").status_code == 403

    def test_accounts_of_another_tenant_have_not_passed(self, staff: Api) -> None:
        totp = self.enrolled(staff)
        log_in(staff, totp.at(staff.clock.now()), account="alice")
        other = Api(staff.redis, staff.clock, **(TENANT | {"gate_tenant": "shop"}))

        assert check(other, headers={"Cookie": f"{COOKIE}={token(staff)}"}).status_code == 401

    def test_without_an_account_the_code_of_the_shared_secret_counts(self, staff: Api) -> None:
        assert log_in(staff, code(staff)).status_code == 303
        assert check(staff).headers["Remote-User"] == "everybody"
