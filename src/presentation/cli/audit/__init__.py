"""`open-mfa audit`: commands that search and verify the audit trail, and what the verification needs."""

from presentation.cli.arguments import AddParser
from presentation.cli.audit import anchors, new_keys, search, verify


def add(add_parser: AddParser) -> None:
    """Add the command."""
    parser = add_parser(
        "audit",
        help="search and verify the audit trail",
        description="Read the audit trail in files of logs.",
        examples=(
            "audit search --account alice@example.com service.log",
            "audit verify --help",
        ),
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action in (search, verify, anchors, new_keys):
        action.add(actions.add_parser)
