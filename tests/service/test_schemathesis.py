"""schemathesis sends the real service requests that its OpenAPI document allows, and many that it forbids."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.service.accounts import API_KEYS, KEYS, Account
from tests.service.conftest import TWO_BY_EIGHT
from tests.service.sessions import FACTORS, Session
from tests.support.redis_server import RedisServer
from tests.support.service import Service

HERE = Path(__file__).parent
LONGEST = 240
"""Seconds that one run may take."""
ACCOUNTS = "^/api/v1/accounts"


@pytest.fixture(scope="module")
def asked(redis_server: RedisServer) -> Iterator[Service]:
    """A service with all its parts."""
    master = {"OPEN_MFA_DERIVATION_SECRET": "a master secret that nobody could guess"}
    with Service(OPEN_MFA_REDIS_URL=redis_server.url, **master, **KEYS, **TWO_BY_EIGHT) as running:
        yield running


def ask(
    service: Service,
    directory: Path,
    *options: str,
    key: str = API_KEYS["shop"],
    account: str = "",
    session: Session | None = None,
) -> None:
    """Run schemathesis, which must find no fault. It invents accounts unless one is given."""
    config = (HERE / "schemathesis.toml").read_text()
    if account:
        config += f'\n[parameters]\n"path.account_id" = "{account}"\n'
    if session is not None:
        config += f'\n[auth.openapi.session]\napi_key = "{session.headers["Cookie"].partition("=")[2]}"\n'
    (directory / "schemathesis.toml").write_text(config)
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file=schemathesis.toml"]
    command += ["run", f"{service.base}/openapi.json", "--warnings=off", "--continue-on-failure", *options]
    environment = os.environ | {
        "BASE": service.base,
        "HOOKS": str(HERE / "schemathesis_hooks.py"),
        "PASSWORD": service.settings["OPEN_MFA_ADMIN_PASSWORD"],
        "API_KEY": key,
    }
    run = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=LONGEST, env=environment, cwd=directory
    )
    assert run.returncode == 0, run.stdout[-20000:] + run.stderr


@pytest.mark.parametrize("enrolled", [False, True], ids=["without a session", "with everything enrolled"])
def test_sessions_conform_to_the_document(asked: Service, enrolled: bool, tmp_path: Path) -> None:
    session = Session(asked.port)
    for factor in FACTORS if enrolled else ():
        session.enrol(factor)

    ask(asked, tmp_path, f"--exclude-path-regex={ACCOUNTS}", session=session if enrolled else None)


def enrolled_account(service: Service) -> str:
    """Return an account with all kinds of credentials."""
    account = Account(service.port)
    for factor in ("hotp", "totp"):
        account.confirmed(factor)
        account.enrol(f"{factor}/replacement")
    account.enrol("otp")
    account.recovery_codes()
    return account.name


@pytest.mark.parametrize("enrolled", [False, True], ids=["with nothing enrolled", "with everything enrolled"])
def test_accounts_conform_to_the_document(asked: Service, enrolled: bool, tmp_path: Path) -> None:
    account = enrolled_account(asked) if enrolled else ""
    # One of the first requests would delete everything. Invalid requests are refused before the store is read.
    kept: Sequence[str] = ["--exclude-method=DELETE", "--phases=examples,fuzzing"] if enrolled else []

    ask(asked, tmp_path, f"--include-path-regex={ACCOUNTS}", *kept, account=account)


def test_accounts_without_a_valid_key_conform_to_the_document(asked: Service, tmp_path: Path) -> None:
    ask(asked, tmp_path, f"--include-path-regex={ACCOUNTS}", "--phases=examples", key="x" * 36)
