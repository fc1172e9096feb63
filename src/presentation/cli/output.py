"""The output of the command line and its exit status."""

import os
import sys
from typing import Final

DONE: Final = 0
REFUSED: Final = 1
USAGE: Final = 2


class Refused(Exception):
    """The command was understood, but can't be carried out. The message gives the reason and contains no secret."""


def say(text: str) -> None:
    """Print a result on standard output. Raise `Refused` if it can't be written."""
    try:
        print(text, flush=True)  # noqa: T201 - the output of the command line
    except UnicodeEncodeError:
        raise
    except OSError as error:
        # Otherwise Python would try again when it exits, and print an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise Refused(f"can't write to standard output: {error.strerror}") from None


def tell(text: str) -> None:
    """Print a message that is not a result, such as progress, on standard error."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the output of the command line
