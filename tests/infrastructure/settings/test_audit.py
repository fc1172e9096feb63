"""The keys of the audit trail."""

import base64

import pytest

from infrastructure.settings import SettingsError
from tests.infrastructure.settings.test_loading import OTHER_VALUES, loaded

KEY = OTHER_VALUES["OPEN_MFA_AUDIT_KEY"]
PUBLIC_KEY = OTHER_VALUES["OPEN_MFA_AUDIT_PUBLIC_KEY"]


def test_both_keys_are_bytes() -> None:
    audit = loaded(OPEN_MFA_AUDIT_KEY=KEY, OPEN_MFA_AUDIT_PUBLIC_KEY=PUBLIC_KEY).audit
    assert (audit.key, audit.public_key) == (base64.b64decode(KEY), base64.b64decode(PUBLIC_KEY))


def test_without_a_key_there_is_none() -> None:
    assert loaded().audit.key is None


@pytest.mark.parametrize("text", ["secret", "A" * 43, base64.b64encode(bytes(31)).decode(), f"{KEY[:-1]}*"])
@pytest.mark.parametrize("name", ["OPEN_MFA_AUDIT_KEY", "OPEN_MFA_AUDIT_PUBLIC_KEY"])
def test_a_key_that_is_not_base64_of_32_bytes_is_refused_and_not_repeated(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: Must be the base64 of 32 bytes") as refused:
        loaded(**{"OPEN_MFA_AUDIT_KEY": KEY, name: text})
    assert text not in str(refused.value)


def test_a_public_key_that_is_no_point_is_refused() -> None:
    with pytest.raises(SettingsError, match="OPEN_MFA_AUDIT_PUBLIC_KEY: Must be a public key of X25519"):
        loaded(OPEN_MFA_AUDIT_KEY=KEY, OPEN_MFA_AUDIT_PUBLIC_KEY=base64.b64encode(bytes(32)).decode())


def test_the_text_format_is_refused_with_a_key() -> None:
    with pytest.raises(SettingsError, match="OPEN_MFA_LOG_FORMAT: Must be json, or not set"):
        loaded(OPEN_MFA_AUDIT_KEY=KEY, OPEN_MFA_LOG_FORMAT="text")


def test_a_public_key_needs_a_key() -> None:
    with pytest.raises(SettingsError, match="OPEN_MFA_AUDIT_PUBLIC_KEY: Needs OPEN_MFA_AUDIT_KEY"):
        loaded(OPEN_MFA_AUDIT_PUBLIC_KEY=PUBLIC_KEY)
