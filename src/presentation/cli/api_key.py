"""`open-mfa api-key`: create an API key, and check one."""

import getpass
import os
import re
import secrets
import sys
from argparse import ArgumentTypeError, Namespace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from domain.api_key import KEY_ID, KEY_ID_RULE, Scope, digest_of
from domain.api_key_format import ENTROPY_BYTES, PREFIX, api_key_of, has_prefix, is_well_formed
from domain.owner import TENANT, TENANT_RULE
from presentation.cli.arguments import AddParser
from presentation.cli.output import DONE, REFUSED, Refused, say, tell

SHORTEST: Final = 32
"""Characters of a key in another format."""
LONGEST_LIFETIME: Final = 3650
"""Days."""


def add(add_parser: AddParser) -> None:
    """Add the commands."""
    parser = add_parser(
        "api-key",
        help="create an API key, or check one",
        description="Create an API key for an application, or check one.",
        examples=("api-key new --id web --scope verify --tenant shop", "api-key check < web.key"),
    )
    commands = parser.add_subparsers(dest="api_key_command", required=True, metavar="COMMAND")
    _add_new(commands.add_parser)
    _add_check(commands.add_parser)


def _add_new(add_parser: AddParser) -> None:
    parser = add_parser(
        "new",
        help="print a new API key, and its lines for the tenants file",
        description="Print a new API key on standard output, and its lines for the tenants file on standard error. The"
        " key is nowhere else: the lines contain only its digest.",
        examples=(
            "api-key new --id web --scope verify --tenant shop",
            "api-key new --id batch --scope manage --expires 90d --tenant shop -o batch.key >> tenants.toml",
        ),
        notes="With -o, the key is in a new file that only you can read, and the lines are on standard output. Scopes"
        " are cumulative: verify checks codes and issues one-time codes; enrol also enrols, replaces and disables;"
        " manage also deletes, unlocks, lists and imports.",
    )
    parser.add_argument("--id", required=True, type=_key_id, help="the name of the key in audit lines and metrics")
    parser.add_argument(
        "--scope", required=True, choices=[*map(str, Scope)], metavar="SCOPE", help="verify, enrol or manage"
    )
    parser.add_argument(
        "--expires",
        type=_expiry,
        metavar="DATE|DAYS",
        help="the day at whose beginning (UTC) the key expires, such as 2027-06-30, or the number of days until then,"
        " such as 90d (default: never)",
    )
    parser.add_argument("--tenant", type=_tenant, help="the tenant, which the lines then contain")
    parser.add_argument("-o", metavar="FILE", dest="file", type=Path, help="a new file for the key, with mode 0600")
    parser.set_defaults(run=_new)


def _add_check(add_parser: AddParser) -> None:
    parser = add_parser(
        "check",
        help="check whether an API key is mistyped, and print its digest",
        description="Read an API key from standard input, print whether it is well-formed, and its SHA-256 as in the"
        " tenants file. The command asks no service.",
        examples=("api-key check", "api-key check < web.key"),
        notes="The exit status is 1 if the key is mistyped or too short. On a terminal, the key is not shown.",
    )
    parser.set_defaults(run=_check)


def _new(options: Namespace) -> int:
    key = api_key_of(secrets.token_bytes(ENTROPY_BYTES))
    lines = _toml_lines(options, digest_of(key).hex())
    if options.file is None:
        say(key)
        where = "under the table of its tenant in" if options.tenant is None else "to"
        tell(f"# This key is shown only once. Add these lines {where} the tenants file:\n{lines}")
        return DONE
    _write_new_file(options.file, key)
    # The file to which a shell appends the lines may have no line break at its end.
    say(f"\n{lines}")
    return DONE


def _toml_lines(options: Namespace, digest: str) -> str:
    lines = [f'id = "{options.id}"', f'sha256 = "{digest}"', f'scopes = ["{options.scope}"]']
    if options.expires is not None:
        lines.append(f"expires = {options.expires.isoformat()}")
    if options.tenant is not None:
        # A dot would separate two names.
        tenant = f'"{options.tenant}"' if "." in options.tenant else options.tenant
        lines.insert(0, f"[[{tenant}.keys]]")
    return "\n".join(lines)


def _write_new_file(file: Path, key: str) -> None:
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(f"{key}\n")
    except OSError as error:
        raise Refused(f"can't write {file}: {error.strerror}") from None


def _check(_: Namespace) -> int:
    key = _read_key()
    if has_prefix(key) and not is_well_formed(key):
        say(f"mistyped: the key begins with {PREFIX}, but it is incomplete or its checksum is wrong")
        return REFUSED
    if not has_prefix(key) and len(key) < SHORTEST:
        say(f"too short: a key that does not begin with {PREFIX} has at least {SHORTEST} characters")
        return REFUSED
    say("well-formed: the checksum is right" if has_prefix(key) else "in another format, which has no checksum")
    say(f'sha256 = "{digest_of(key).hex()}"')
    return DONE


def _read_key() -> str:
    """Return the key without white space around it. Raise `Refused` if there is none."""
    try:
        text = getpass.getpass("API key: ") if sys.stdin.isatty() else sys.stdin.read()
        text.encode()
    except EOFError:
        text = ""
    except (OSError, UnicodeError):
        raise Refused("can't read a key in UTF-8 from standard input") from None
    if not text.strip():
        raise Refused("standard input contains no key")
    return text.strip()


def _key_id(text: str) -> str:
    if re.fullmatch(KEY_ID, text) is None:
        raise ArgumentTypeError(KEY_ID_RULE)
    return text


def _tenant(text: str) -> str:
    if re.fullmatch(TENANT, text) is None:
        raise ArgumentTypeError(TENANT_RULE)
    return text


def _expiry(text: str) -> date:
    today = datetime.now(UTC).date()
    expires = _date(text, today)
    if not today < expires <= today + timedelta(days=LONGEST_LIFETIME):
        raise ArgumentTypeError(f"must be 1 to {LONGEST_LIFETIME} days in the future")
    return expires


def _date(text: str, today: date) -> date:
    if re.fullmatch("[0-9]{1,4}d", text):
        return today + timedelta(days=int(text[:-1]))
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError("must be a date such as 2027-06-30, or a number of days such as 90d") from None
