"""A tenants file is applied only if it fits the other settings."""

import pytest

from domain.api_key import digest_of
from infrastructure.settings import with_tenants_file
from infrastructure.tenants.tenants_file import TenantsFile, TenantsFileError
from tests.infrastructure.settings.variables import REQUIRED, loaded

KEY = "the-key-of-the-shop-in-34-characters"
MAIL = {"OPEN_MFA_SMTP_URL": "smtp://localhost", "OPEN_MFA_MAIL_FROM": "mfa@example.com"}
SAME_KEY = f'[[forum.keys]]\nid = "web"\nsha256 = "{digest_of(KEY).hex()}"\nscopes = ["verify"]\n'


def test_a_file_that_fits_gives_other_tenants() -> None:
    settings = loaded(**REQUIRED | {"OPEN_MFA_API_KEYS": f"shop:{KEY}"})

    changed = with_tenants_file(settings, TenantsFile.parse('[forum]\nissuer = "Forum"'))

    assert set(changed.tenants.by_name) == {"shop", "forum"}
    assert changed.tenants.by_name["forum"].policy.issuer == "Forum"


@pytest.mark.parametrize(
    ("own", "text", "problem"),
    [
        ({"OPEN_MFA_API_KEYS": f"shop:{KEY}"}, SAME_KEY, "a key in OPEN_MFA_API_KEYS"),
        (MAIL, '[shop]\nissuer = "=?utf-8?q?Shop?="', "cannot be part of a mail"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(own: dict[str, str], text: str, problem: str) -> None:
    settings = loaded(**REQUIRED | own)
    with pytest.raises(TenantsFileError, match=problem):
        with_tenants_file(settings, TenantsFile.parse(text))
