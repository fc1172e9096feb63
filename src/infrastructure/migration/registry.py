"""The formats that can be read and written. A new format is one module and one line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from application.ports.migration import AuthenticatorReader, AuthenticatorWriter


@dataclass(frozen=True, slots=True, repr=False)
class FileSecrets:
    """The secrets that open or seal a file. `repr` does not show them.

    Attributes:
        key: the pre-shared key; None without `--key`.
        passphrase: the passphrase; None without `--passphrase`.
    """

    key: bytes | None = None
    passphrase: bytes | None = None


READERS: Final[Mapping[str, Callable[[FileSecrets], AuthenticatorReader]]] = {}
"""The readers by the name of their format. A reader that needs no secret refuses one, so that nobody relies on it."""

WRITERS: Final[Mapping[str, Callable[[FileSecrets], AuthenticatorWriter]]] = {}
"""The writers by the name of their format. A writer writes plain text if it gets no secret."""
