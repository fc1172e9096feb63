"""Secrets in files: the variable NAME_FILE names a file with the value of the variable NAME."""

import re
from collections.abc import Mapping
from typing import Final

from infrastructure.regular_file import UnusableFile, secret_text

_LIKE_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{32,}={0,2}\s*")
"""Every 64th random key begins with / in base64. Most paths of this length contain other characters."""


def with_secrets_of_files(
    texts: Mapping[str, str], file_variables: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the texts with the contents of the files, and the problems of the variables without a usable file.

    A variable with a problem has an empty text, so that it does not count as missing.

    Args:
        texts: the texts of the variables that are set.
        file_variables: the variables of secrets, and for each the variable that names a file.
    """
    contents: dict[str, str] = {}
    problems: dict[str, str] = {}
    for name, file_name in file_variables.items():
        if file_name not in texts:
            continue
        contents[name] = ""
        if name in texts:
            problems[name] = f"Must not be set together with {name}: a setting has one value."
            continue
        try:
            contents[name] = secret_text(texts[file_name])
        except UnusableFile as error:
            problems[name] = f"{_named(texts[file_name])} {error}."
    return {**texts, **contents}, problems


def _named(path: str) -> str:
    """Return the beginning of a problem: the path, unless somebody may have set the secret itself instead of a path."""
    if path.startswith(("/", ".")) and not _LIKE_BASE64.fullmatch(path):
        return f"The file {path}"
    return "The file (not named here, because the variable may contain the secret itself instead of a path)"
