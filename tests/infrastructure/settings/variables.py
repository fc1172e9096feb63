"""Environment variables for tests of the settings."""

import base64
from collections.abc import Mapping
from typing import Final

import pytest

from infrastructure.settings import Settings, SettingsError, load

KEY: Final = base64.b64encode(bytes(range(32))).decode()
REQUIRED: Final = {
    "OPEN_MFA_SECRET_KEY": "a signing key for the tests",
    "OPEN_MFA_ENCRYPTION_KEYS": f"k1:{KEY}",
}
DEVELOPMENT: Final = {"OPEN_MFA_ENV": "development"}
SHOP, FORUM = "a-key-of-the-shop-" + "s" * 14, "a-key-of-the-forum" + "f" * 14
SMTP: Final = {
    "OPEN_MFA_SMTP_URL": "smtp://localhost",
    "OPEN_MFA_MAIL_FROM": "mfa@example.com",
}
WEBHOOK: Final = {
    "OPEN_MFA_WEBHOOK_URL": "https://hooks.example/codes",
    "OPEN_MFA_WEBHOOK_SECRET": "w" * 32,
}


def loaded(**variables: str) -> Settings:
    """Return the settings of the required variables and others."""
    return load({**REQUIRED, **variables})


def problems(variables: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the problems of variables, which must have some."""
    with pytest.raises(SettingsError) as raised:
        load(variables)
    return raised.value.problems
