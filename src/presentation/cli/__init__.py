"""The command line, `open-mfa`."""

from argparse import Namespace
from importlib.metadata import version
from typing import Final

from presentation.cli import (
    account,
    api_key,
    audit,
    code,
    doctor,
    export,
    import_file,
    key,
    qr,
    reseal,
    serve,
    tenants,
    uri,
)
from presentation.cli.arguments import Parser
from presentation.cli.output import REFUSED, Refused, tell
from presentation.cli.wiring import Wiring

COMMANDS: Final = (serve, code, uri, qr, api_key, key, reseal, account, import_file, export, audit, tenants, doctor)
"""The modules of the commands, in the order of `--help`. The function `add` of each adds its parser."""


def run(arguments: list[str] | None, wiring: Wiring) -> int:
    """Run a command and return its exit status: 0 for success, 1 for a failure or a refusal, and 2 for wrong usage.

    Args:
        arguments: the arguments; None for those of the process.
        wiring: the parts of the service that commands use, as `options.wiring`.
    """
    parser = _parser()
    try:
        options, unknown = parser.parse_known_args(arguments, Namespace(wiring=wiring))
        if unknown:
            # Only names of options are repeated, because any other text may be a secret.
            names = [text.partition("=")[0] for text in unknown if text.startswith("--")]
            parser.error(f"{options.command} does not accept {', '.join(names) or 'an argument without an option'}")
        status: int = options.run(options)
    except Refused as refusal:
        tell(f"open-mfa: {refusal}")
        return REFUSED
    except KeyboardInterrupt:
        return REFUSED
    return status


def _parser() -> Parser:
    parser = Parser(
        prog="open-mfa",
        description="A second-factor service: one-time codes, HOTP and TOTP.",
        examples=("serve", "code totp --secret JBSWY3DPEHPK3PXP", "code totp --help"),
        notes="The exit status is 0 for success, 1 for a failure or a refusal, and 2 for wrong usage.",
    )
    parser.add_argument("--version", action="version", version=f"open-mfa {version('open-mfa')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands.add_parser)
    return parser
