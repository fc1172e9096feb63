"""The tenants file: TOML with one table for each tenant."""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from domain.owner import TENANT, TENANT_RULE
from infrastructure.regular_file import UnusableFile, read_text
from infrastructure.tenants.schema import Place, Problems
from infrastructure.tenants.tables import KeyTable, TenantTable, read_tenant
from infrastructure.tenants.toml_positions import positions_in

_MARK: Final = "\ufeff"
"""The byte order mark that some editors put before the text."""


class TenantsFileError(ValueError):
    """Lists all problems of a tenants file in one message. It repeats no secrets.

    Attributes:
        problems: the problems, one text each.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


@dataclass(frozen=True, slots=True)
class TenantsFile:
    """The content of a tenants file.

    Attributes:
        tables: the tables by the names of their tenants.
        path: the path of the file; None if the text is a setting itself.
        text: the text that the tables were read from.
    """

    tables: Mapping[str, TenantTable]
    path: str | None = None
    text: str = ""

    @classmethod
    def load(cls, path: str, *, read_files: bool = True) -> "TenantsFile":
        """Read the file with this path; see `parse`. Raise `TenantsFileError`."""
        try:
            return cls.parse(read_text(path), path, read_files=read_files)
        except UnusableFile as error:
            raise TenantsFileError([f"the file {error}"]) from None

    @classmethod
    def parse(cls, text: str, path: str | None = None, *, read_files: bool = True) -> "TenantsFile":
        """Read a text.

        Args:
            text: the text.
            path: the path of the file that contains it; None if it is in no file. The paths of other files are
                relative to the directory of this one.
            read_files: whether to read the files that tenants name, such as texts of mails.

        Raises:
            TenantsFileError: the text is invalid.
        """
        document, problems = _document(text)
        files = partial(_file, None if path is None else Path(path).parent)
        tables = {}
        for name, value in document.items():
            place = Place(problems, (name,))
            if not re.fullmatch(TENANT, name):
                place.refuse(f"{TENANT_RULE}, because it names a tenant")
            table = read_tenant(name, value, place, files if read_files else None)
            if table is not None:
                tables[name] = table
        lines = [*problems.lines, *_shared_keys(key for table in tables.values() for key in table.keys)]
        if not document:
            lines = ["the file has no tenant. To remove all tenants, unset the variable that names the file"]
        if lines:
            raise TenantsFileError(lines)
        return cls(tables, path, text)


def _document(text: str) -> tuple[Mapping[str, Any], Problems]:
    text = text.removeprefix(_MARK)
    try:
        document = tomllib.loads(text)
        return document, Problems(positions_in(text))
    except RecursionError:
        raise TenantsFileError(["the file has too many nested arrays or tables"]) from None
    except ValueError as error:
        # The messages of tomllib end with the line and the column, and repeat at most one character or keys.
        raise TenantsFileError([f"the file is not valid TOML: {error}"]) from None


def _file(directory: Path | None, path: str) -> Path:
    if directory is None and not Path(path).is_absolute():
        raise ValueError("must be an absolute path, because the text of the tenants is not in a file")
    return Path(path) if directory is None else directory / path


def _shared_keys(keys: Iterable[KeyTable]) -> Iterable[str]:
    """Yield a problem for each digest that occurs again. One key cannot belong to two tenants or have two ids."""
    places: defaultdict[bytes, list[str]] = defaultdict(list)
    for key in keys:
        places[key.key.digest].append(key.place)
    for first, *others in places.values():
        for place in others:
            yield f"{place} is the digest of the same key as {first}"
