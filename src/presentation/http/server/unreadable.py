"""The faults of requests that the parser refuses, in words that repeat nothing of the request."""

from collections.abc import Mapping
from typing import Final

from gunicorn.http.errors import (
    ExpectationFailed,
    InvalidHeader,
    InvalidHeaderName,
    InvalidHTTPVersion,
    InvalidRequestLine,
    InvalidRequestMethod,
    ObsoleteFolding,
    ParseException,
    UnsupportedTransferCoding,
)

_FIELDS: Final[Mapping[str, str]] = {
    "HOST": "Must have one Host field with a host name or an IP address, and a port if needed.",
    "CONTENT-TYPE": "Must have at most one Content-Type field, without control characters.",
    "CONTENT-LENGTH": (
        "Must have at most one Content-Length field, with digits only, and none together with Transfer-Encoding."
    ),
    "TRANSFER-ENCODING": "Must have no Transfer-Encoding other than `chunked`, once, and only in HTTP/1.1.",
}
"""The rules of the fields that the parser checks, by the name that the parser uses."""
_FIELD: Final = (
    "Must have only header fields such as `Name: value`, without control characters. Each line must end with a "
    "carriage return and a line feed."
)
_RULES: Final[Mapping[type[ParseException], str]] = {
    InvalidRequestLine: (
        "Must begin with a line such as `GET /path HTTP/1.1`, which ends with a carriage return and a line feed. In "
        "the path, all characters other than printable ASCII must be percent-encoded."
    ),
    InvalidRequestMethod: "Must begin with a method in capital letters, such as GET.",
    InvalidHTTPVersion: "Must have the version HTTP/1.1 or HTTP/1.0.",
    InvalidHeaderName: (
        "Must have only names of header fields that consist of letters, digits and hyphens, with the colon right after "
        "the name."
    ),
    ObsoleteFolding: "Must have each header field on one line: no line may begin with a space or a tab.",
    ExpectationFailed: "Must have no Expect field other than `Expect: 100-continue`.",
    UnsupportedTransferCoding: _FIELDS["TRANSFER-ENCODING"],
}
_ANY: Final = "Must be valid HTTP/1.1."


def fault_of(error: ParseException) -> str:
    """Return the rule that an unreadable request breaks. The text repeats nothing of the request."""
    if isinstance(error, InvalidHeader):
        return _FIELDS.get(error.hdr, _FIELD)
    return _RULES.get(type(error), _ANY)
