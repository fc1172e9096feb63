"""The command line, `open-mfa`."""

import argparse
import os
import shutil
import sys
import tempfile
from importlib.metadata import version
from typing import Final

from infrastructure.settings import SettingsError, check_address, load_settings

DONE: Final = 0
REFUSED: Final = 1


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; the exit status is 0 for done, 1 for refused, 2 for wrong usage."""
    parser = argparse.ArgumentParser(
        prog="open-mfa", description="A second-factor service: one-time codes, HOTP and TOTP."
    )
    parser.add_argument("--version", action="version", version=f"open-mfa {version('open-mfa')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser(
        "serve",
        help="serve HTTP",
        description="Serves HTTP under gunicorn. All settings are environment variables; the README lists them.",
    )
    parser.parse_args(arguments)
    return _serve()


def _serve() -> int:
    try:
        settings = load_settings()
        check_address(settings)
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command line's own output
        return REFUSED
    master, directory = os.getpid(), tempfile.mkdtemp(prefix="open-mfa-metrics-")
    # prometheus-client decides when it is imported whether it counts for one process or for many.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory
    from presentation.server import serve  # noqa: PLC0415 - after the line above

    try:
        serve(settings)
    finally:
        # The workers come by here too when they end.
        if os.getpid() == master:
            shutil.rmtree(directory, ignore_errors=True)
    return DONE
