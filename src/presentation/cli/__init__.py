"""The command line, `open-mfa`."""

import sys
from importlib.metadata import version
from typing import Final

from presentation.cli import account, code, doctor, key, qr, reseal, serve, uri
from presentation.cli.conventions import REFUSED, Parser, Refused

COMMANDS: Final = (serve, code, uri, qr, key, reseal, account, doctor)
"""Modules with an `add`, in the order in which `--help` lists their commands."""


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; the exit status is 0 for done, 1 for refused, 2 for wrong usage."""
    parser = Parser(
        prog="open-mfa",
        description="A second-factor service: one-time codes, HOTP and TOTP.",
        epilog="Exit status: 0 done, 1 refused, 2 wrong usage.",
    )
    parser.add_argument("--version", action="version", version=f"open-mfa {version('open-mfa')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands.add_parser)
    try:
        options, unknown = parser.parse_known_args(arguments)
        if unknown:
            # Only names are repeated: what else is too many may be a secret in the wrong place.
            names = [text.partition("=")[0] for text in unknown if text.startswith("--")]
            parser.error(f"{options.command} knows no {', '.join(names) or 'such argument without an option'}")
        status: int = options.run(options)
    except Refused as refusal:
        print(f"open-mfa: {refusal}", file=sys.stderr)  # noqa: T201 - the command line's own output
        return REFUSED
    except KeyboardInterrupt:
        return REFUSED
    return status
