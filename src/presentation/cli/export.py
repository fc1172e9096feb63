"""`open-mfa export`: write the credentials of a tenant to a file."""

import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from presentation.cli.arguments import SECRETS_AS_ARGUMENTS, AddParser
from presentation.cli.file_secrets import key_of_file
from presentation.cli.output import DONE, REFUSED, Refused, tell
from presentation.cli.tenant import tenant_of

if TYPE_CHECKING:
    from application.export import ExportTally
    from application.ports.migration import AuthenticatorWriter
    from presentation.cli.wiring import Maintenance

FORMATS: Final = ("jsonl", "pskc", "otpauth")
EVERY: Final = 10_000
"""The number of accounts between two lines of progress."""


def add(add_parser: AddParser) -> None:
    """Add the command."""
    parser = add_parser(
        "export",
        help="write the credentials of a tenant to a file",
        description="Write all credentials of a tenant to a file, or to standard output. The service can run in the"
        " meantime, but codes that it accepts afterwards are not spent in the file.",
        examples=(
            "export --tenant shop --format jsonl --key @key.txt -o shop.jsonl",
            "export --tenant shop --format pskc --key @key.txt > shop.xml",
            "export --tenant shop --format otpauth --plain -o shop.txt",
        ),
        notes="jsonl is the format of this service and contains everything, so that a copy bypasses neither a lock nor"
        " the replay protection. pskc and otpauth contain only confirmed HOTP and TOTP secrets. otpauth can't be"
        " encrypted. " + SECRETS_AS_ARGUMENTS,
    )
    parser.add_argument("--tenant", required=True, help="the tenant to which the accounts belong")
    parser.add_argument("--format", required=True, choices=FORMATS, metavar="FORMAT", help=", ".join(FORMATS))
    protection = parser.add_mutually_exclusive_group(required=True)
    protection.add_argument("--key", help="the key that encrypts the file: 32 bytes in base64 or in hexadecimal digits")
    protection.add_argument(
        "--plain", action="store_true", help="do not encrypt the file; requires -o FILE, which only you can read"
    )
    parser.add_argument("-o", metavar="FILE", dest="file", type=Path, help="a new file (default: standard output)")
    parser.set_defaults(run=_run, fail=parser.error)


def _run(options: Namespace) -> int:
    if options.plain and options.file is None:
        options.fail("--plain requires -o FILE, because everybody who reads the output can use the secrets in it")
    writer = _writer(options)
    maintenance: Maintenance
    with options.wiring.maintenance() as maintenance:
        tenant = tenant_of(maintenance.tenants, options.tenant)
        return _report(_export(maintenance, tenant, options, writer))


def _writer(options: Namespace) -> "AuthenticatorWriter":
    # The formats load libraries that other commands do not need.
    from application.ports.migration import UnreadableFile  # noqa: PLC0415
    from infrastructure.migration.registry import WRITERS, FileSecrets  # noqa: PLC0415

    try:
        return WRITERS[options.format](FileSecrets(key_of_file(options.key)))
    except UnreadableFile as error:
        raise Refused(str(error)) from None


def _export(
    maintenance: "Maintenance", tenant: str, options: Namespace, writer: "AuthenticatorWriter"
) -> "ExportTally":
    from application.errors import StoreUnavailable  # noqa: PLC0415
    from application.export import ExportRequest  # noqa: PLC0415

    try:
        with _output(options.file) as stream:
            request = ExportRequest(tenant, options.format, writer, stream, _progress)
            return maintenance.exporting.execute(request)
    except StoreUnavailable as error:
        raise Refused(f"{error}. The export is incomplete") from None
    except KeyboardInterrupt:
        raise Refused("interrupted. The export is incomplete") from None
    except OSError as error:
        raise Refused(f"can't write {options.file or 'to standard output'}: {error.strerror}") from None


def _progress(tally: "ExportTally") -> None:
    if tally.accounts % EVERY == 0:
        tell(f"read {tally.accounts:,} accounts")


def _report(tally: "ExportTally") -> int:
    left_out = tally.read - tally.written
    note = f"; {left_out:,} others have no place in this format" if left_out else ""
    tell(f"{tally.accounts:,} accounts: {tally.written:,} records exported{note}")
    if tally.unreadable:
        tell(f"{tally.unreadable:,} records can't be read: the log names each of them and the key that it needs")
        return REFUSED
    return DONE


@contextmanager
def _output(file: Path | None) -> Iterator[BinaryIO]:
    """Yield standard output, or a new file that only its owner can read, and that is removed if it is incomplete."""
    if file is None:
        yield from _standard_output()
        return
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def _standard_output() -> Iterator[BinaryIO]:
    try:
        yield sys.stdout.buffer
    except OSError:
        # Otherwise Python would try again when it exits, and print an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise
