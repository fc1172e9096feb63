"""The service and the doctor warn of API keys that expire."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infrastructure.settings import load
from tests.infrastructure.settings.variables import REQUIRED
from tests.support.command_line import run

DAY = 86400
EXPIRY = int(datetime(2027, 6, 30, tzinfo=UTC).timestamp())


def tenants(*keys: str) -> str:
    """Return a tenants file with keys, each a line that sets its expiry, or an empty line."""
    return "\n".join(
        f'[[shop.keys]]\nid = "key{number}"\nsha256 = "{number:064x}"\nscopes = ["verify"]\n{expiry}'
        for number, expiry in enumerate(keys)
    )


def notices(now: float, *keys: str) -> list[str]:
    settings = load({**REQUIRED, "OPEN_MFA_TENANTS_TOML": tenants(*keys)}, now=lambda: now)
    return [notice for notice in settings.notices if " is an API key " in notice]


@pytest.mark.parametrize("seconds", [0, 1, 30 * DAY])
def test_a_key_that_expires_within_30_days_has_a_notice(seconds: int) -> None:
    (notice,) = notices(EXPIRY - max(1, seconds), "", "expires = 2027-06-30")

    assert notice == "shop/key1 is an API key that expires at 2027-06-30T00:00:00Z: replace it before."


@pytest.mark.parametrize("seconds", [0, 1, 1000 * DAY])
def test_a_key_that_has_expired_has_a_notice(seconds: int) -> None:
    (notice,) = notices(EXPIRY + seconds, "expires = 2027-06-30")

    expired = "shop/key0 is an API key that expired at 2027-06-30T00:00:00Z: remove it from the tenants file."
    assert notice == expired


def test_a_key_that_expires_later_or_never_has_none() -> None:
    assert notices(EXPIRY - 30 * DAY - 1, "expires = 2027-06-30", "") == []


def test_the_doctor_shows_each_of_several_keys(tmp_path: Path) -> None:
    soon = datetime.now(UTC).date() + timedelta(days=7)
    file = tmp_path / "tenants.toml"
    file.write_text(tenants(f"expires = {soon}", "expires = 2020-01-01", ""))

    done = run("doctor", OPEN_MFA_ENV="development", OPEN_MFA_TENANTS=str(file))

    lines = [line for line in done.stdout.splitlines() if " is an API key " in line]
    assert [line.split()[:2] for line in lines] == [["warning", "shop/key0"], ["warning", "shop/key1"]]
