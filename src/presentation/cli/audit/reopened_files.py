"""Files that the verification reads twice."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from infrastructure.observability.audit_reading import STANDARD_INPUT, Reading, audit_lines, opened
from infrastructure.observability.audit_verification import Source
from presentation.cli.output import Refused


@contextmanager
def opened_twice(names: Sequence[str]) -> Iterator[Sequence[Source]]:
    """Return the files as sources. Standard input is copied to a temporary file. Raise `Refused`."""
    with ExitStack() as stack:
        sources = []
        for name in names:
            path = name
            if name == STANDARD_INPUT:
                copy = stack.enter_context(tempfile.NamedTemporaryFile(prefix="open-mfa-"))
                with open(0, "rb", closefd=False) as stdin:
                    shutil.copyfileobj(stdin, copy)
                copy.flush()
                path = copy.name
            sources.append(partial(_readings, path, name))
        yield sources


@contextmanager
def _readings(path: str, name: str) -> Iterator[Iterable[Reading]]:
    try:
        with opened(path) as stream:
            yield audit_lines(stream, name)
    except OSError as error:
        raise Refused(f"can't read {name}: {error.strerror}") from None
