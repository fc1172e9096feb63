"""The declaration of the tables of the tenants file: what each of their keys may contain."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any, Final

from domain.api_key import KEY_ID, KEY_ID_RULE, Scope
from domain.errors import InvalidValue
from domain.failures import FAILURES_BEFORE_LOCK, FIRST_LOCK, LOCK_AFTER, LOCK_LENGTH, LONGEST_LOCK, LockSchedule
from domain.language import is_language_tag
from domain.parameters import (
    DEFAULT_DIGITS,
    DEFAULT_INTERVAL,
    DEFAULT_LOOK_AHEAD,
    DEFAULT_WINDOW,
    DIGITS,
    INTERVAL,
    LOOK_AHEAD,
    WINDOW,
    HashAlgorithm,
    check_name,
)
from domain.recovery_codes import RECOVERY_CODE_COUNT, RECOVERY_CODES
from infrastructure.delivery.allowed_recipients import check_entry
from infrastructure.delivery.mail_address import Sender
from infrastructure.delivery.webhook import Webhook
from infrastructure.tenants.schema import Member, Place, Table, array, one_of, text, whole_number

MOST: Final = 10**9
"""The highest limit of usage."""
_SCOPES: Final = list(Scope)
_EXPIRIES: Final = 0, int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
"""Unix times in seconds that RFC 3339 can express, from 1970. An offset can move a date of TOML out of these years."""
_SETTING: Final = "the setting of the service"


def _matching(pattern: str, must: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(must)
        return value

    return parse


def _sender(value: str) -> str:
    Sender.parse(value)
    return value


def _expiry(value: Any, place: Place) -> int | None:
    """Read a date, which means midnight in UTC, or a date with time and offset. Return Unix time in seconds."""
    if type(value) is date:
        value = datetime.combine(value, time(), UTC)
    if isinstance(value, datetime) and value.tzinfo is not None:
        seconds = int(value.timestamp())
        if _EXPIRIES[0] <= seconds <= _EXPIRIES[1]:
            return seconds
        place.refuse("must be a date from 1970 to 9999 in UTC")
        return None
    place.refuse("must be a date without quotation marks, such as 2027-06-30, or a date with time and offset")
    return None


KEY: Final = Table(
    {
        "id": Member(
            text(_matching(KEY_ID, KEY_ID_RULE)),
            "The name of the key in audit lines and metrics, unique within the tenant.",
            "",
            '"web"',
        ),
        "sha256": Member(
            text(_matching("[0-9a-f]{64}", "must be the SHA-256 digest of the key: 64 digits and letters from a to f")),
            "The SHA-256 digest of the key's UTF-8, in lower-case hexadecimal.",
            "",
            '"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"',
        ),
        "scopes": Member(
            array(one_of(_SCOPES), f"must be an array of scopes: {', '.join(_SCOPES)}"),
            "What the key allows. Each scope includes those before it: `verify`, `enrol`, `manage`.",
            "",
            '["verify"]',
        ),
        "expires": Member(
            _expiry,
            "The date from whose beginning in UTC the key is refused. A date with time and offset is allowed, too.",
            "never",
            "2027-06-30",
        ),
    },
    "must be a table: [[TENANT.keys]]",
)
"""An API key."""

LOCK: Final = Table(
    {
        "after": Member(
            whole_number(*LOCK_AFTER),
            "The number of consecutive wrong codes that lock a factor.",
            str(FAILURES_BEFORE_LOCK),
            "5",
        ),
        "first": Member(
            whole_number(*LOCK_LENGTH),
            "The length of the first lock in seconds. Each further wrong code doubles it.",
            str(FIRST_LOCK),
            "30",
        ),
        "longest": Member(
            whole_number(*LOCK_LENGTH),
            "The length of the longest lock in seconds, not less than that of the first one.",
            str(LONGEST_LOCK),
            "900",
        ),
    },
    "must be a table: {after = 5, first = 30, longest = 900}",
)
"""The lock schedule."""

WEBHOOK: Final = Table(
    {
        "url": Member(
            text(Webhook.check_url), "The URL that receives the codes by `POST`.", "", '"https://sms.example/"'
        ),
        "secret_file": Member(
            text(str), "The path of a file with the secret that signs the requests.", "", '"/run/secrets/hook"'
        ),
    },
    'must be a table: {url = "https://…", secret_file = "/run/secrets/…"}',
)
"""The receiver of codes."""


def _locks(value: Any, place: Place) -> LockSchedule | None:
    values = LOCK.read(value, place)
    if values is None or None in values.values():
        return None
    try:
        return LockSchedule(**values)
    except InvalidValue as error:
        place.refuse(str(error))
        return None


def _key(value: Any, place: Place) -> dict[str, Any] | None:
    values = KEY.read(value, place)
    return None if values is None else {**values, "place": str(place / "sha256")}


def _language(value: str) -> str:
    if not is_language_tag(value):
        raise ValueError("must be a language tag, such as de or de-AT")
    return value.lower()


def _languages(value: Any, place: Place) -> dict[str, str] | None:
    if not isinstance(value, dict) or not value:
        place.refuse('must be a table of languages and files: {de = "mail.de.txt"}')
        return None
    read = text(_matching(r"[^\0]+", "must be the path of a file"))
    languages: dict[str, str] = {}
    for tag, path in value.items():
        if not is_language_tag(tag):
            (place / tag).refuse("is not a language tag, such as de or de-AT")
        elif tag.lower() in languages:
            (place / tag).refuse("is the same language as another one")
        else:
            languages[tag.lower()] = read(path, place / tag) or ""
    return languages


TENANT: Final = Table(
    {
        "issuer": Member(text(check_name), "The issuer that authenticators and mails show.", _SETTING, '"Shop"'),
        "algorithm": Member(
            one_of(list(HashAlgorithm)), "The hash algorithm of new HOTP and TOTP secrets.", _SETTING, '"SHA1"'
        ),
        "digits": Member(
            whole_number(*DIGITS),
            "The number of digits of the codes of new HOTP and TOTP secrets.",
            str(DEFAULT_DIGITS),
            "6",
        ),
        "interval": Member(
            whole_number(*INTERVAL), "The time step of new TOTP secrets in seconds.", str(DEFAULT_INTERVAL), "30"
        ),
        "window": Member(
            whole_number(*WINDOW),
            "The number of time steps before and after the current one that new TOTP secrets accept.",
            str(DEFAULT_WINDOW),
            "1",
        ),
        "look_ahead": Member(
            whole_number(*LOOK_AHEAD),
            "The number of codes after the next one that new HOTP secrets accept.",
            str(DEFAULT_LOOK_AHEAD),
            "10",
        ),
        "lock": Member(
            _locks,
            "When wrong codes lock a factor.",
            "each key's own default",
            "{after = 5, first = 30, longest = 900}",
        ),
        "recovery_codes": Member(
            whole_number(*RECOVERY_CODE_COUNT), "The number of codes in a new set.", str(RECOVERY_CODES), "10"
        ),
        "sends_per_day": Member(
            whole_number(1, MOST),
            "The number of codes that are sent in 24 hours, over all recipients.",
            "no limit",
            "1000",
        ),
        "enrolments_per_day": Member(
            whole_number(1, MOST), "The number of enrolments in 24 hours, over all accounts.", "no limit", "500"
        ),
        "challenges_per_second": Member(
            whole_number(1, MOST), "The number of code checks in a second, over all accounts.", "no limit", "50"
        ),
        "recipients": Member(
            array(text(check_entry), 'must be an array of prefixes and domains: ["+43", "@example.com"]'),
            "The domains and the beginnings of telephone numbers and other texts that may receive codes.",
            "every recipient",
            '["+43", "+49", "@example.com"]',
        ),
        "mail_from": Member(text(_sender), "The sender of mail.", _SETTING, '"Shop <mfa@shop.example>"'),
        "languages": Member(
            _languages,
            "The files with the texts of mails, by language.",
            "the texts of the service",
            '{de = "mail.de.txt"}',
        ),
        "language": Member(
            text(_language),
            "The language of mails for which a request names none: a language of `languages`, or one that is built in.",
            "`OPEN_MFA_LANGUAGE`",
            '"de"',
        ),
        "webhook": Member(
            WEBHOOK.read,
            "The receiver of codes.",
            _SETTING,
            '{url = "https://sms.example/", secret_file = "/run/secrets/hook"}',
        ),
        "keys": Member(
            array(_key, "must be an array of tables: [[TENANT.keys]]"),
            "The API keys.",
            "those of `OPEN_MFA_API_KEYS`",
            "",
        ),
    },
    "must be a table: [TENANT]",
)
"""A tenant."""
