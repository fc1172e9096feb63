"""`open-mfa serve`."""

import os
import sys
from argparse import Namespace

from infrastructure.settings import SettingsError, checked_address, load
from presentation.cli.conventions import DONE, REFUSED, AddParser


def add(add_parser: AddParser) -> None:
    """Adds the command."""
    parser = add_parser(
        "serve",
        help="serve HTTP",
        description="Serves HTTP under gunicorn. All settings are environment variables; the README lists them.",
    )
    parser.set_defaults(run=_run)


def _run(_options: Namespace) -> int:
    try:
        settings = checked_address(load(os.environ))
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command line's own output
        return REFUSED
    from presentation.bootstrap.server import serve  # noqa: PLC0415 - Flask and gunicorn take a while to load

    serve(settings)
    return DONE
