"""Rules about the fields of a request's head that apply before the application reads them."""

import re
from collections.abc import Sequence
from ipaddress import AddressValueError, IPv6Address
from typing import Final

_NAME: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+(?::[0-9]*)?")
_ADDRESS: Final = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]*)?")

Fields = list[tuple[str, str]]


def is_host(value: str) -> bool:
    """Return whether the value is a host with or without a port (RFC 9110, section 7.2; RFC 3986, section 3.2.2).

    An empty value is not a host: every URI of the scheme `http` names one (RFC 9110, section 4.2.1).
    """
    if _NAME.fullmatch(value):
        return True
    address = _ADDRESS.fullmatch(value)
    if address is None:
        return False
    try:
        IPv6Address(address[1])
    except AddressValueError:
        return False
    return True


def with_one_cookie_field(fields: Sequence[tuple[str, str]]) -> Fields:
    """Return the fields with all Cookie fields joined into one by "; ".

    A proxy that translates HTTP/2 may send several (RFC 9113, section 8.2.3). gunicorn would join them with a comma,
    which is not a separator of cookies.
    """
    cookies = [value for name, value in fields if name == "COOKIE"]
    if len(cookies) < 2:  # noqa: PLR2004 - there is nothing to join
        return list(fields)
    return [*((name, value) for name, value in fields if name != "COOKIE"), ("COOKIE", "; ".join(cookies))]
