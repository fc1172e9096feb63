"""`open-mfa audit search`: print the lines of the audit trail that meet conditions."""

import json
import sys
from argparse import Namespace
from collections.abc import Iterable
from datetime import UTC, datetime
from operator import itemgetter
from typing import Final

from infrastructure.observability.audit_reading import STANDARD_INPUT
from presentation.cli.arguments import AddParser
from presentation.cli.audit.counts import COUNTED, counts
from presentation.cli.audit.printing import Closed, Printer
from presentation.cli.audit.selected_lines import SelectedLines, TimedLine, named
from presentation.cli.audit.selection import Selection, add_options
from presentation.cli.audit.table import Table
from presentation.cli.output import DONE, REFUSED, Refused, tell

NOTHING: Final = 3
"""The exit status if no line is selected."""


def add(add_parser: AddParser) -> None:
    """Add the command."""
    parser = add_parser(
        "search",
        help="print the audit lines that meet conditions",
        description="Print the audit lines of files that meet all conditions, as a table. The files may be the output"
        " of the service, of docker compose logs, docker logs, kubectl logs, journalctl or aws logs, or files of"
        " Docker's json-file driver, of Kubernetes or of an export to S3, also compressed with gzip.",
        examples=(
            "audit search --event locked --since 22:00 service.log",
            "audit search --account alice@example.com --since 7d service.log service.log.1.gz",
            "audit search --outcome wrong --since 24h --count-by address service.log",
            "audit search --key web --json service.log",
        ),
        notes="The exit status is 0 if there is such a line, 3 if there is none, 1 for a failure, and 2 for wrong"
        " usage. Damaged audit lines are reported on standard error, and do not change it.",
    )
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="*",
        default=[],
        help="a file of logs; - or none for standard input. Several files are merged by time",
    )
    add_options(parser)
    output = parser.add_argument_group("output")
    forms = output.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="print the lines exactly as the service wrote them")
    forms.add_argument(
        "--count-by",
        metavar="MEMBER",
        choices=COUNTED,
        help=f"print only the number of lines for each value of a member: {', '.join(COUNTED)}",
    )
    output.add_argument("--sort", action="store_true", help="sort all selected lines by time, in memory")
    output.add_argument("--utc", action="store_true", help="show times in UTC, and read times without a zone as UTC")
    parser.set_defaults(run=_run)


def _run(options: Namespace) -> int:
    files = options.files or [STANDARD_INPUT]
    if not options.files and sys.stdin.isatty():
        raise Refused("name the files of logs, or pipe a log to the command")
    zone = UTC if options.utc else None
    reader = SelectedLines(files, Selection.of(options, datetime.now(UTC).astimezone(zone)))
    printer = Printer(at_once=STANDARD_INPUT in files)
    selected = _Counted(sorted(reader.lines(), key=itemgetter(0)) if options.sort else reader.lines())
    try:
        if options.json:
            _print_originals(selected, printer)
        elif options.count_by is not None:
            printer.print(counts(selected, options.count_by, zone, printer.width))
        else:
            table = Table(printer.width, zone, colours=printer.colours, has_tenants=len(options.tenant) != 1)
            _print_table(selected, printer, table)
        printer.flush()
    except Closed:
        return DONE
    reader.report()
    if not selected.count:
        tell(f"No audit line is selected. {', '.join(map(named, files))}: {reader.read:,} audit lines")
    if reader.failed:
        return REFUSED
    return DONE if selected.count else NOTHING


class _Counted:
    """Lines that are counted while they are read."""

    def __init__(self, lines: Iterable[TimedLine]) -> None:
        self._lines = iter(lines)
        self.count = 0

    def __iter__(self) -> "_Counted":
        return self

    def __next__(self) -> TimedLine:
        line = next(self._lines)
        self.count += 1
        return line


def _print_originals(lines: Iterable[TimedLine], printer: Printer) -> None:
    for _, line in lines:
        printer.print([_harmless(line.data) if printer.is_terminal else line.data])


def _harmless(data: bytes) -> str:
    """Return a line for a terminal: the same JSON, with characters escaped that the terminal would obey."""
    text = data.decode()
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def _print_table(lines: Iterable[TimedLine], printer: Printer, table: Table) -> None:
    is_first = True
    for _, line in lines:
        if is_first:
            printer.print(table.heading())
            is_first = False
        printer.print(table.rows(line.members))
