"""`open-mfa tenants check`: check a tenants file before the service reads it."""

import sys
import time
from argparse import Namespace
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from application.timestamps import rfc3339
from domain.api_key import ApiKey
from domain.failures import LockSchedule
from presentation.cli.arguments import AddParser
from presentation.cli.output import DONE, REFUSED, say, tell

if TYPE_CHECKING:
    from infrastructure.tenants.tables import TenantTable
    from infrastructure.tenants.tenants_file import TenantsFile


def add(add_parser: AddParser) -> None:
    """Add the command."""
    parser = add_parser(
        "tenants",
        help="check a tenants file",
        description="Check a tenants file, which OPEN_MFA_TENANTS names.",
        examples=("tenants check tenants.toml",),
    )
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = commands.add_parser(
        "check",
        help="check a file and show its tenants",
        description="Check a tenants file. Print its tenants and keys, or all of its problems on standard error.",
        examples=("tenants check tenants.toml", "tenants check --skip-files - < tenants.toml"),
        notes="The exit status is 1 if the file has a problem. A check by the service also compares the file with its"
        " settings.",
    )
    check.add_argument("file", metavar="FILE", help="the path of the file; - for standard input")
    check.add_argument(
        "--skip-files",
        action="store_true",
        help="do not read the files that the tenants name, such as texts of mails, for a check on another machine",
    )
    check.set_defaults(run=_check)


def _check(options: Namespace) -> int:
    # Other commands do not need the adapters of delivery, which check parts of the file.
    from infrastructure.tenants.tenants_file import TenantsFileError  # noqa: PLC0415

    try:
        file = _file(options.file, read_files=not options.skip_files)
    except TenantsFileError as error:
        for problem in error.problems:
            tell(problem)
        tell(f"open-mfa: {len(error.problems)} {'problem' if len(error.problems) == 1 else 'problems'}")
        return REFUSED
    for line in _lines(file.tables.values(), int(time.time())):
        say(line)
    return DONE


def _file(path: str, *, read_files: bool) -> "TenantsFile":
    from infrastructure.tenants.tenants_file import TenantsFile, TenantsFileError  # noqa: PLC0415

    if path != "-":
        return TenantsFile.load(path, read_files=read_files)
    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise TenantsFileError(["the file is not text in UTF-8"]) from None
    return TenantsFile.parse(text, read_files=read_files)


def _lines(tables: "Iterable[TenantTable]", now: int) -> Iterator[str]:
    for table in tables:
        yield f"{table.name}: {', '.join(_settings(table)) or 'the settings of the service'}"
        for each in table.keys:
            yield f"  key {each.key.id}: {each.key.scope}, {_expiry(each.key, now)}"
        if not table.keys:
            yield "  no key, unless OPEN_MFA_API_KEYS has one"


def _settings(table: "TenantTable") -> Iterator[str]:
    values = {
        "issuer": table.issuer,
        **table.parameters,
        "lock": None if table.locks is None else _lock(table.locks),
        "recovery_codes": table.recovery_codes,
        **{name: getattr(table.limits, name) for name in type(table.limits).__dataclass_fields__},
        "recipients": " ".join(table.recipients) or None,
        "mail_from": table.delivery.mail_from,
        "languages": " ".join(table.delivery.languages) or None,
        "language": table.delivery.language,
        "webhook": None if table.delivery.webhook is None else "set",
    }
    for name, value in values.items():
        if value is not None:
            yield f"{name} {value}"


def _lock(locks: LockSchedule) -> str:
    return f"after {locks.after} wrong codes for {locks.first} to {locks.longest} s"


def _expiry(key: ApiKey, now: int) -> str:
    if key.expires_at is None:
        return "never expires"
    return f"{'EXPIRED at' if key.expired(now) else 'expires at'} {rfc3339(key.expires_at)}"
