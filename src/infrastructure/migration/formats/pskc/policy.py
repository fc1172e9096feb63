"""The policy of a key, RFC 6030 section 5. A key with a rule that this service can't keep must not be used."""

from typing import Final
from xml.etree.ElementTree import Element

from infrastructure.migration.formats.pskc.elements import (
    Unusable,
    only,
    optional_text,
    require_known,
    text_of,
    timestamp,
)
from infrastructure.migration.formats.pskc.names import PSKC

_PIN_ATTRIBUTES: Final = ("PINKeyId", "PINUsageMode", "MaxFailedAttempts", "MinLength", "MaxLength", "PINEncoding")


def require_permitted(policy: Element | None, now: int) -> None:
    """Raise `Unusable` if the policy does not permit the use of the key for one-time passwords at `now`.

    Args:
        policy: the element `Policy`; None if the key has none.
        now: Unix time in seconds.
    """
    if policy is None:
        return
    require_known(policy, "Policy", ("StartDate", "ExpiryDate", "NumberOfTransactions", "KeyUsage", "PINPolicy"))
    require_in_period(policy, "the key", now)
    if only(policy, "NumberOfTransactions") is not None:
        raise Unusable("Policy limits the number of transactions, which this service does not count")
    usages = [text_of(usage) for usage in policy.findall(f"{{{PSKC}}}KeyUsage")]
    if usages and "OTP" not in usages:
        raise Unusable("Policy does not permit the use for one-time passwords")
    _require_local_pin(only(policy, "PINPolicy"))


def require_in_period(element: Element, what: str, now: int) -> None:
    """Raise `Unusable` if `now` is before the start or after the end of the period that an element states.

    The end is not stored. A credential that disappears by itself would leave its account without a second factor.
    """
    start, end = optional_text(element, "StartDate"), optional_text(element, "ExpiryDate")
    if start is not None and now < timestamp(start, "StartDate"):
        raise Unusable(f"{what} must not be used yet: StartDate is in the future")
    if end is not None and now > timestamp(end, "ExpiryDate"):
        raise Unusable(f"{what} must no longer be used: ExpiryDate has passed")


def _require_local_pin(pin_policy: Element | None) -> None:
    """Raise `Unusable` unless the device itself checks the PIN."""
    if pin_policy is None:
        return
    require_known(pin_policy, "PINPolicy", (), _PIN_ATTRIBUTES)
    if pin_policy.get("PINUsageMode") != "Local":
        raise Unusable("PINPolicy requires a PIN that this service would have to check")
