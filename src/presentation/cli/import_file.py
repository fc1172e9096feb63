"""`open-mfa import`: import authenticators from a file of another system, or an export of this service."""

import csv
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from presentation.cli.arguments import SECRETS_AS_ARGUMENTS, AddParser
from presentation.cli.file_secrets import key_of_file, passphrase_of_file
from presentation.cli.output import DONE, REFUSED, Refused, say, tell
from presentation.cli.progress import progress_of
from presentation.cli.tenant import tenant_of

if TYPE_CHECKING:
    from application.imported_states import ImportRequest
    from application.importing import ImportAuthenticators, ImportResult
    from application.ports.migration import AuthenticatorReader
    from presentation.cli.wiring import Maintenance

FORMATS: Final = ("pskc", "csv", "yubico", "otpauth", "google-migration", "aegis", "jsonl")


def add(add_parser: AddParser) -> None:
    """Add the command."""
    parser = add_parser(
        "import",
        help="import authenticators from a file",
        description="Import authenticators from a file of another system, or from an export of this service. The"
        " service can run in the meantime. An existing credential is never overwritten, so you can interrupt this"
        " command and run it again. Each record that can't be imported is reported with its place and a reason.",
        examples=(
            "import tokens.csv --tenant shop --format csv --dry-run",
            "import tokens.xml --tenant shop --format pskc --key @key.txt --map @accounts.csv --refused refused.csv",
            "import - --tenant shop --format jsonl --key @key.txt < export.jsonl",
        ),
        notes=SECRETS_AS_ARGUMENTS + " The exit status is 0 only if all records are in the store.",
    )
    parser.add_argument("file", metavar="FILE", help="the file, or - for standard input")
    parser.add_argument("--tenant", required=True, help="the tenant to which the accounts belong")
    parser.add_argument("--format", required=True, choices=FORMATS, metavar="FORMAT", help=", ".join(FORMATS))
    parser.add_argument("--key", help="the key of the file, in base64 or in hexadecimal digits (jsonl, pskc)")
    parser.add_argument("--passphrase", help="the passphrase of the file (pskc)")
    parser.add_argument(
        "--map",
        metavar="@FILE",
        help="a CSV file with serial number and account in each line; other records are refused",
    )
    parser.add_argument(
        "--weak-secrets", choices=("accept",), metavar="accept", help="also import secrets of 80 to 127 bits"
    )
    parser.add_argument("--dry-run", action="store_true", help="report what would happen, and change nothing")
    parser.add_argument("--refused", metavar="FILE", help="write place and reason of refused records to this CSV file")
    parser.set_defaults(run=_run, fail=parser.error)


def _run(options: Namespace) -> int:
    from application.imported_states import ImportRequest  # noqa: PLC0415 - other commands do not need it

    if [options.file, options.key, options.passphrase].count("-") > 1:
        options.fail("only one argument can be -")
    reader = _reader(options)
    accounts = None if options.map is None else _accounts(options.map.removeprefix("@"))
    maintenance: Maintenance
    with options.wiring.maintenance() as maintenance, _opened(options.file) as stream:
        tenant = tenant_of(maintenance.tenants, options.tenant)
        request = ImportRequest(tenant, accounts, options.weak_secrets == "accept", options.dry_run)
        with _reporting(options.refused, options.file) as report:
            return _import(maintenance.importing, request, reader, stream, report)


def _import(
    importing: "ImportAuthenticators",
    request: "ImportRequest",
    reader: "AuthenticatorReader",
    stream: BinaryIO,
    report: "Callable[[ImportResult], None]",
) -> int:
    from application.errors import StoreUnavailable  # noqa: PLC0415
    from application.ports.migration import UnreadableFile  # noqa: PLC0415

    counts: Counter[str] = Counter()
    try:
        with progress_of(stream) as advance:
            for result in importing.execute(request, reader.read(stream)):
                counts[result.outcome] += 1
                if result.reason:
                    report(result)
                advance()
    except (StoreUnavailable, UnreadableFile) as error:
        raise Refused(f"{error}. {_so_far(counts, request)}") from None
    except OSError as error:
        raise Refused(f"can't read the file: {error.strerror}. {_so_far(counts, request)}") from None
    except KeyboardInterrupt:
        raise Refused(f"interrupted. {_so_far(counts, request)}") from None
    say(f"{sum(counts.values()):,} records: {_summary(counts, request)}")
    return REFUSED if counts["refused"] else DONE


def _summary(counts: Counter[str], request: "ImportRequest") -> str:
    imported = "would be imported" if request.dry_run else "imported"
    return f"{counts['imported']:,} {imported}, {counts['present']:,} already present, {counts['refused']:,} refused"


def _so_far(counts: Counter[str], request: "ImportRequest") -> str:
    if not counts["imported"] or request.dry_run:
        return "Nothing was imported"
    return f"So far, {_summary(counts, request)}. Run the command again to continue"


def _reader(options: Namespace) -> "AuthenticatorReader":
    # The formats load libraries that other commands do not need.
    from application.ports.migration import UnreadableFile  # noqa: PLC0415
    from infrastructure.migration.registry import READERS, FileSecrets  # noqa: PLC0415

    secrets = FileSecrets(key_of_file(options.key), passphrase_of_file(options.passphrase))
    try:
        return READERS[options.format](secrets)
    except UnreadableFile as error:
        raise Refused(str(error)) from None


def _accounts(path: str) -> dict[str, str]:
    """Return the accounts by serial number."""
    accounts: dict[str, str] = {}
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as stream:
            for number, row in enumerate(csv.reader(stream, skipinitialspace=True, strict=True), 1):
                cells = [cell.strip() for cell in row]
                if not any(cells) or (number == 1 and [cell.lower() for cell in cells] == ["serial", "account"]):
                    continue
                if len(cells) != 2 or not all(cells):  # noqa: PLR2004 - serial number and account
                    raise Refused(f"line {number} of the map must have a serial number and an account")
                if accounts.setdefault(cells[0], cells[1]) != cells[1]:
                    raise Refused(f"line {number} of the map has a serial number for the second time")
    except OSError as error:
        raise Refused(f"can't read the map: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise Refused("the map must be CSV in UTF-8") from None
    return accounts


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    try:
        # The file is closed below. Only its opening is guarded.
        stream = open(0, "rb", closefd=False) if path == "-" else Path(path).open("rb")  # noqa: SIM115
    except OSError as error:
        raise Refused(f"can't read {'standard input' if path == '-' else path}: {error.strerror}") from None
    with stream:
        yield stream


@contextmanager
def _reporting(path: str | None, source: str) -> "Iterator[Callable[[ImportResult], None]]":
    """Yield the function that reports a refused record: to the file, or to standard error."""
    if path is None:
        yield lambda result: tell(f"{result.place}: {result.reason}")
        return
    try:
        if source != "-" and Path(path).exists() and Path(path).samefile(source):
            raise Refused("--refused must not name the imported file, because it would be overwritten")
        stream = Path(path).open("w", encoding="utf-8", newline="")  # noqa: SIM115 - likewise
    except OSError as error:
        raise Refused(f"can't write {path}: {error.strerror}") from None
    with stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(["place", "reason"])
        yield lambda result: rows.writerow([result.place, result.reason])
