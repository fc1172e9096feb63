"""`open-mfa serve`."""

from argparse import Namespace

from presentation.cli.arguments import AddParser
from presentation.cli.output import DONE


def add(add_parser: AddParser) -> None:
    """Add the command."""
    parser = add_parser(
        "serve",
        help="serve HTTP",
        description="Serve HTTP. All settings are environment variables; docs/reference/settings.md describes them.",
        examples=("serve",),
        notes="With OPEN_MFA_ENV=development, no setting is required: missing keys are generated, and credentials"
        " are stored in memory.",
    )
    parser.set_defaults(run=_run)


def _run(options: Namespace) -> int:
    options.wiring.serve()
    return DONE
