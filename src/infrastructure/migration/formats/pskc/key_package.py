"""One key package: an authenticator in a PSKC container (RFC 6030 section 4)."""

from typing import Final
from xml.etree.ElementTree import Element

from application.ports.migration import ImportedAuthenticator
from domain.authenticators import check_authenticator_name
from domain.errors import InvalidValue
from domain.parameters import COUNTER, DEFAULT_INTERVAL, INTERVAL, HashAlgorithm, HotpParameters, Range, TotpParameters
from domain.totp import DRIFT
from infrastructure.migration.formats.pskc.elements import (
    Unusable,
    boolean,
    only,
    optional_text,
    require_known,
    required,
    text_of,
    whole,
)
from infrastructure.migration.formats.pskc.names import HASHES, HOTP, OTHER_ALGORITHMS, OTP_ALGORITHMS, PSKC
from infrastructure.migration.formats.pskc.policy import require_in_period, require_permitted
from infrastructure.migration.formats.pskc.protection import Protection
from infrastructure.migration.formats.pskc.values import number, secret
from infrastructure.migration.records import display_name

_KEY: Final = (
    "Issuer",
    "AlgorithmParameters",
    "KeyProfileId",
    "KeyReference",
    "FriendlyName",
    "Data",
    "UserId",
    "Policy",
    "Extensions",
)
_DATA: Final = ("Secret", "Counter", "Time", "TimeInterval", "TimeDrift")
_TIME: Final = Range(0, COUNTER.high)
"""Time steps."""


def authenticator(package: Element, place: str, protection: Protection, now: int) -> ImportedAuthenticator:
    """Return the authenticator of an element `KeyPackage`.

    Raises:
        Unusable: this service can't use the key, or must not.
        UnreadableFile: the key or the passphrase is wrong.
    """
    require_known(package, "KeyPackage", ("DeviceInfo", "CryptoModuleInfo", "Key", "Extensions"))
    key = required(package, "Key")
    algorithm = _algorithm(key)
    require_known(key, "Key", _KEY, ("Id", "Algorithm"))
    device = only(package, "DeviceInfo")
    if device is not None:
        require_in_period(device, "the device", now)
    require_permitted(only(key, "Policy"), now)
    if only(key, "KeyProfileId") is not None or only(key, "KeyReference") is not None:
        raise Unusable("the key depends on a profile or another key that is not in the file")
    data = required(key, "Data")
    require_known(data, "Data", _DATA)
    try:
        parameters = _parameters(key, data, algorithm, protection)
        counter, drift = _moving_factor(data, algorithm, protection)
    except InvalidValue as error:
        raise Unusable(str(error)) from None
    serial = optional_text(device, "SerialNo") or key.get("Id") or None
    return ImportedAuthenticator(
        place=place,
        parameters=parameters,
        secret=secret(required(data, "Secret"), protection),
        account=optional_text(key, "UserId") or optional_text(device, "UserId") or serial,
        serial=serial,
        issuer=display_name(optional_text(key, "Issuer") or ""),
        name=_friendly_name(key),
        counter=counter,
        drift=drift,
    )


def _algorithm(key: Element) -> str:
    name = key.get("Algorithm", "")
    if name in OTP_ALGORITHMS:
        return OTP_ALGORITHMS[name]
    raise Unusable(f"the key is for {OTHER_ALGORITHMS.get(name, 'another algorithm')}, not for HOTP or TOTP")


def _friendly_name(key: Element) -> str | None:
    """Return the first of the names, which may be in several languages; None if there is none that can be displayed."""
    name = key.find(f"{{{PSKC}}}FriendlyName")
    try:
        return None if name is None else check_authenticator_name(text_of(name))
    except InvalidValue:
        return None


def _format(parameters: Element) -> tuple[HashAlgorithm, int]:
    """Return the hash algorithm and the number of digits (RFC 6030 section 4.3.4)."""
    require_known(parameters, "AlgorithmParameters", ("Suite", "ResponseFormat"))
    response = required(parameters, "ResponseFormat")
    require_known(response, "ResponseFormat", (), ("Encoding", "Length", "CheckDigits", "CheckDigit"))
    if response.get("Encoding") != "DECIMAL":
        raise Unusable("the codes are not decimal digits")
    if any(boolean(response.get(name, "false"), name) for name in ("CheckDigits", "CheckDigit")):
        raise Unusable("the codes have a check digit")
    return _suite(optional_text(parameters, "Suite")), whole(response.get("Length", ""), "Length")


def _suite(name: str | None) -> HashAlgorithm:
    """Return the hash algorithm of a suite, such as HMAC-SHA256. Without a suite it is SHA-1, never a guess."""
    if name is None:
        return HashAlgorithm.SHA1
    suite = name.upper().replace("-", "").replace("_", "").removeprefix("HMAC")
    if suite not in HASHES:
        raise Unusable("the suite is not supported")
    return HASHES[suite]


def _parameters(key: Element, data: Element, algorithm: str, protection: Protection) -> HotpParameters | TotpParameters:
    hash_algorithm, digits = _format(required(key, "AlgorithmParameters"))
    if algorithm == HOTP:
        return HotpParameters(hash_algorithm, digits)
    interval = number(data, "TimeInterval", INTERVAL, protection)
    return TotpParameters(hash_algorithm, digits, DEFAULT_INTERVAL if interval is None else interval)


def _moving_factor(data: Element, algorithm: str, protection: Protection) -> tuple[int | None, int]:
    """Return the next counter and the drift of the clock in time steps.

    `Time` is the time step of the device at its last use. The import spends all steps up to now in any case.
    """
    if algorithm == HOTP:
        counter = number(data, "Counter", COUNTER, protection)
        if counter is None:
            raise Unusable("Counter is missing, and without it former codes would be accepted again")
        return counter, 0
    number(data, "Time", _TIME, protection)
    return None, number(data, "TimeDrift", DRIFT, protection) or 0
