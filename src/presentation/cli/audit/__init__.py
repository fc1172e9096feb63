"""`open-mfa audit`: commands that read the audit trail in files of logs. They need no settings."""

from presentation.cli.arguments import AddParser
from presentation.cli.audit import search


def add(add_parser: AddParser) -> None:
    """Add the command."""
    parser = add_parser(
        "audit",
        help="search the audit trail",
        description="Read the audit trail in files of logs.",
        examples=("audit search --account alice@example.com service.log", "audit search --help"),
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    search.add(actions.add_parser)
