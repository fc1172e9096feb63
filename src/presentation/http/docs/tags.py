"""The groups of operations, in the order in which people need them."""

from collections.abc import Mapping
from typing import Final

TAGS: Final[Mapping[str, str]] = {
    "Session: TOTP": "Codes that depend on the time (RFC 6238). Start here: these operations need no account.",
    "Session: HOTP": "Codes that depend on a counter (RFC 4226).",
    "Session: one-time code": "Random codes that the service issues, and sends if it is configured for that.",
    "Session": "All credentials of a session. A session ends after an hour by default.",
    "Account: TOTP": "Codes that depend on the time, for an account of an application.",
    "Account: HOTP": "Codes that depend on a counter, for an account of an application.",
    "Account: one-time code": "Random codes for an account of an application.",
    "Account: recovery codes": "Codes for a person whose authenticator is lost.",
    "Account": "The check at log-in, and all credentials of an account.",
    "Gate": "The log-in gate in front of other web applications.",
    "Operation": "Probes and metrics.",
    "Administration": "The state and the log level of the service.",
}
"""Descriptions by name. The document contains those that have operations."""
