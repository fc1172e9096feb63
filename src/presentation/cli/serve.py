"""`open-mfa serve`."""

import os
import shutil
import sys
import tempfile
from argparse import Namespace

from infrastructure.settings import SettingsError, checked_address, load_settings
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
        settings = checked_address(load_settings())
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
