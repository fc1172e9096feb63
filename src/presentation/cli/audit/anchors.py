"""`open-mfa audit anchors`: export the anchors of the audit trail."""

from argparse import Namespace
from typing import TYPE_CHECKING

from presentation.cli.arguments import AddParser
from presentation.cli.output import DONE, say

if TYPE_CHECKING:
    from presentation.cli.wiring import Maintenance


def add(add_parser: AddParser) -> None:
    """Add the command."""
    parser = add_parser(
        "anchors",
        help="export the anchors of the audit trail",
        description="Print the anchors of all chains, one on each line.",
        examples=("audit anchors >>anchors.jsonl",),
        notes="Append them at intervals to a file on a machine that the service cannot reach. `open-mfa audit verify"
        " --anchors` reads this file.",
    )
    parser.set_defaults(run=_run)


def _run(options: Namespace) -> int:
    maintenance: Maintenance
    with options.wiring.maintenance() as maintenance:
        for anchor in maintenance.audit_anchors.all():
            say(anchor)
    return DONE
