"""The whole service on DynamoDB: several processes, the HTTP API, and the commands."""

import base64
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
import requests

from tests.service.accounts import KEYS, Account, good_code
from tests.service.conftest import TWO_BY_EIGHT
from tests.service.sessions import Session
from tests.service.wire import Volley, once
from tests.support.command_line import run
from tests.support.dynamodb import CREDENTIALS, STAND_INS, DynamoServer, running
from tests.support.service import SETTINGS, Service

CALLERS = 16
ROUNDS = 5


@pytest.fixture(scope="module", params=STAND_INS)
def stand_in(request: pytest.FixtureRequest) -> Iterator[DynamoServer]:
    with running(request.param) as server:
        yield server


@pytest.fixture(scope="module")
def settings(stand_in: DynamoServer) -> dict[str, str]:
    return CREDENTIALS | SETTINGS | KEYS | TWO_BY_EIGHT | {"OPEN_MFA_STORE_URL": stand_in.new_table()}


@pytest.fixture(scope="module")
def service(settings: dict[str, str]) -> Iterator[Service]:
    with Service(**settings) as running:
        yield running


def test_a_factor_is_enrolled_verified_and_locked(service: Service) -> None:
    account = Account(service.port)
    enrolled = account.confirmed("totp")
    assert account.submit("totp/verify", good_code(enrolled)).slug == "code-rejected"
    wrong = "000000" if good_code(enrolled) != "000000" else "111111"
    statuses = [account.submit("totp/verify", wrong).status for _ in range(6)]
    assert statuses[-1] == 429
    assert account.submit("totp/verify", good_code(enrolled, ahead=1)).status == 429
    assert account.send("POST", "unlock").status in {200, 204}
    assert account.submit("totp/verify", good_code(enrolled, ahead=1)).status == 200
    assert account.send("DELETE").status == 204
    assert account.submit("totp/verify", good_code(enrolled, ahead=1)).status == 404


def test_one_code_sent_by_16_callers_at_once_is_accepted_exactly_once(service: Service) -> None:
    account = Account(service.port)
    enrolled = account.confirmed("hotp")
    with Volley(service.port, CALLERS) as volley:
        for number in range(1, ROUNDS + 1):
            code = pyotp.HOTP(enrolled["secret"]).at(enrolled["counter"] + number)
            answers = volley.fire([account.submission("hotp/verify", code)] * CALLERS)
            statuses = Counter(each.status for each in answers)
            assert statuses[200] == 1
            assert statuses[200] + statuses[403] + statuses[503] == CALLERS


def test_a_session_lives_in_its_cookie_and_the_store(service: Service) -> None:
    session = Session(service.port)
    code = next(session.good_codes("hotp"))
    assert once(service.port, session.verification("hotp", code)).status == 200
    assert once(service.port, session.verification("hotp", code)).slug == "code-rejected"


def test_requests_are_limited(settings: dict[str, str]) -> None:
    with Service(**settings | {"OPEN_MFA_RATE_LIMIT": "3 per hour"}) as limited:
        session = Session(limited.port)
        codes = session.good_codes("hotp")
        answers = [once(limited.port, session.verification("hotp", next(codes))) for _ in range(5)]
    assert [each.status for each in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].slug == "rate-limited"


def test_the_service_is_ready_and_reports_its_store(service: Service) -> None:
    assert requests.get(f"{service.base}/readyz", timeout=10).status_code == 200
    admin = (SETTINGS["OPEN_MFA_ADMIN_USER"], SETTINGS["OPEN_MFA_ADMIN_PASSWORD"])
    described = requests.get(f"{service.api}/admin/database", auth=admin, timeout=10).json()
    assert "DynamoDB" in json.dumps(described)
    (started,) = [line for line in service.lines() if "store" in line]
    assert started["store"].startswith("DynamoDB table open-mfa-")


def test_the_commands_work_on_the_table(settings: dict[str, str], service: Service, tmp_path: Path) -> None:
    account = Account(service.port, name="commander")
    account.confirmed("hotp")
    key = tmp_path / "key"
    key.write_text(base64.b64encode(bytes(32)).decode())
    exported = tmp_path / "export.jsonl"

    listed = run("account", "list", "--tenant", "shop", "--all", **settings)
    assert "commander" in listed.stdout, listed.stderr
    done = run("export", "--tenant", "shop", "--format", "jsonl", "--key", f"@{key}", "-o", str(exported), **settings)
    assert done.returncode == 0, done.stderr

    other = f"other:{base64.b64encode(bytes([9] * 32)).decode()}"
    rotated = settings | {"OPEN_MFA_ENCRYPTION_KEYS": f"{other},{SETTINGS['OPEN_MFA_ENCRYPTION_KEYS']}"}
    resealed = run("reseal", **rotated)
    assert resealed.returncode == 0, resealed.stderr
    assert "sealed under other" in resealed.stdout

    deleted = run("account", "delete", "commander", "--tenant", "shop", **rotated)
    assert deleted.returncode == 0, deleted.stderr
    imported = run("import", str(exported), "--tenant", "shop", "--format", "jsonl", "--key", f"@{key}", **rotated)
    assert imported.returncode == 0, imported.stderr
    shown = run("account", "show", "commander", "--tenant", "shop", **rotated)
    assert '"hotp"' in shown.stdout or "hotp" in shown.stdout, shown.stderr


def test_both_stores_at_once_are_refused(settings: dict[str, str]) -> None:
    done = run("serve", **settings | {"OPEN_MFA_REDIS_URL": "redis://localhost"})
    assert done.returncode != 0
    assert "OPEN_MFA_STORE_URL: Must not be set together with OPEN_MFA_REDIS_URL" in done.stderr


def test_a_missing_package_is_named_with_the_command_that_installs_it(settings: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['botocore'] = None\n")
    done = run("serve", **settings | {"PYTHONPATH": str(tmp_path)})
    assert done.returncode != 0
    assert "pip install --require-hashes -r requirements/dynamodb.txt" in done.stderr


def test_the_doctor_finds_no_fault(settings: dict[str, str], stand_in: DynamoServer) -> None:
    done = run("doctor", **settings)
    about = [line for line in done.stdout.splitlines() if "DynamoDB" in line or "STORE_URL" in line]
    assert any("has the key id (S)" in line for line in about), done.stdout + done.stderr
    assert any("allows every operation" in line for line in about)
    assert "has the same time as this machine" in done.stdout
    # dynalite removes no items.
    faults = [line for line in about if line.startswith("must change")]
    assert ["keeps expired items forever" in line for line in faults] == [True] * (stand_in.name == "dynalite")


def test_a_table_that_does_not_exist_is_named(settings: dict[str, str], stand_in: DynamoServer) -> None:
    wrong = settings | {"OPEN_MFA_STORE_URL": stand_in.url_of("no-such-table")}
    done = run("doctor", **wrong)
    assert done.returncode == 1
    assert "The DynamoDB table no-such-table in eu-central-1" in done.stdout
    assert "does not exist: create it, or correct OPEN_MFA_STORE_URL" in done.stdout


def test_the_gate_has_its_state_in_the_table(settings: dict[str, str]) -> None:
    secret = pyotp.random_base32(32)
    with Service(**settings | {"OPEN_MFA_GATE_SECRET": secret}) as gate:
        totp = pyotp.TOTP(secret)
        browser = gate.browser()
        code = totp.now()
        verified = browser.post(f"{gate.api}/gate/verify", json={"code": code}, timeout=10)
        assert verified.status_code == 200, verified.text
        again = browser.post(f"{gate.api}/gate/verify", json={"code": code}, timeout=10)
        assert again.status_code == 403
