"""Settings from environment variables (the twelve-factor app, III), all checked before anything starts."""

import time
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import Any, Final

from dotenv import dotenv_values
from dotenv.variables import parse_variables

from domain.errors import DomainError
from infrastructure.settings.checks import conflicts, notices, sentence
from infrastructure.settings.declaration import DEVELOPMENT, ENVIRONMENT, STANDALONE, Variable, groups_of
from infrastructure.settings.secret_files import with_secrets_of_files
from infrastructure.settings.settings import Settings
from infrastructure.tenants.tenants_file import TenantsFileError

GROUPS: Final = tuple(groups_of(Settings))
VARIABLES: Final[Mapping[str, Variable]] = {
    variable.name: variable for group in GROUPS for variable in group.variables.values()
}
"""All variables of the service, by name."""
FILE_VARIABLES: Final[Mapping[str, str]] = {
    variable.name: variable.file_name for variable in VARIABLES.values() if variable.file_name is not None
}
"""The variables of secrets, and for each the variable that names a file with its value."""
DOTENV: Final = Path(".env")
"""In the working directory."""
FEW: Final = 2
"""Problems of a variable that fit into one line. Only a tenants file has more."""
_REQUIRED: Final = (
    "Is required. To try the service without it, set OPEN_MFA_ENV=development in the environment (not in .env)."
)


class SettingsError(Exception):
    """Lists every missing or invalid setting in one message, which repeats no value.

    Attributes:
        problems: the problems of each variable, by its name.
    """

    def __init__(self, problems: Mapping[str, list[str]]) -> None:
        self.problems = dict(problems)
        lines = "".join(f"\n  {name}: {_joined(problems[name])}" for name in sorted(problems))
        super().__init__(f"Open-MFA cannot start. These settings are missing or invalid:{lines}")


def _joined(problems: list[str]) -> str:
    """Return a few problems in one line, and more of them in a line each."""
    return " ".join(problems) if len(problems) <= FEW else "".join(f"\n    {each}" for each in problems)


def load(environ: Mapping[str, str], dotenv: Path = DOTENV, now: Callable[[], float] = time.time) -> Settings:
    """Return the settings from environment variables. `os.environ` is neither read nor changed.

    Args:
        environ: the environment variables. An empty variable counts as not set.
        dotenv: a file with further variables, which only development mode reads. `environ` takes precedence over it.
        now: returns Unix time in seconds, for the notices about API keys that expire.

    A variable of a secret, or the variable of its file, may be set.

    Raises:
        SettingsError: settings are missing or invalid. The error lists all of them.
    """
    texts = _without_empty(environ)
    if texts.get(ENVIRONMENT) == DEVELOPMENT:
        texts = _without_empty(_variables_in(dotenv, texts)) | texts
    texts, unreadable = with_secrets_of_files(texts, FILE_VARIABLES)
    generated = _generated(texts)
    values, problems = _parse(texts | generated, unreadable)
    for name, problem in [*unreadable.items(), *_missing(texts | generated), *conflicts(texts, values)]:
        problems.setdefault(name, []).append(problem)
    if problems:
        raise SettingsError({_set_variable(name, texts): told for name, told in problems.items()})
    groups = {
        group.attribute: group.kind(**{field: values[each.name] for field, each in group.variables.items()})
        for group in GROUPS
        if not group.optional or any(each.required and each.name in texts for each in group.variables.values())
    }
    settings = Settings(**groups, generated=frozenset(generated))
    return settings.with_notices(*notices(settings, texts, [*VARIABLES, *FILE_VARIABLES.values()], int(now())))


def audit_key_of(environ: Mapping[str, str]) -> bytes | None:
    """Return the audit key, None if it is not set. An auditor's machine need not have any other setting.

    Raises:
        SettingsError: the key is invalid.
    """
    name = "OPEN_MFA_AUDIT_KEY"
    texts, problems = with_secrets_of_files(_without_empty(environ), {name: FILE_VARIABLES[name]})
    try:
        if not problems and name in texts:
            key: bytes = VARIABLES[name].parse(texts[name])
            return key
    except ValueError as error:
        problems[name] = sentence(str(error))
    if problems:
        raise SettingsError({_set_variable(name, texts): [problem] for problem in problems.values()})
    return None


def _without_empty(variables: Mapping[str, str | None]) -> dict[str, str]:
    """Return the variables with a value: Compose passes on every variable of its list, whether or not it is set."""
    return {name: text for name, text in variables.items() if text}


def _variables_in(dotenv: Path, texts: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a file, empty if there is no such file.

    A value may contain `${NAME}` and `${NAME:-default}`. python-dotenv would look up the names in `os.environ`.
    """
    found: dict[str, str] = {}
    try:
        lines = dotenv_values(dotenv, interpolate=False)
    except UnicodeDecodeError:
        raise SettingsError({str(dotenv): ["Must be text in UTF-8."]}) from None
    for name, text in lines.items():
        if text is not None:
            known = found | dict(texts)
            found[name] = "".join(part.resolve(known) for part in parse_variables(text))
    return found


def _generated(texts: Mapping[str, str]) -> dict[str, str]:
    """Return generated texts of the variables that the mode generates and that are not set."""
    mode = texts.get(ENVIRONMENT)
    return {
        name: variable.generate()
        for name, variable in VARIABLES.items()
        if variable.generate is not None
        and (mode == DEVELOPMENT or (mode == STANDALONE and variable.required))
        and name not in texts
        and variable.unless not in texts
    }


def _set_variable(name: str, texts: Mapping[str, str]) -> str:
    """Return the variable that an operator has set to give this variable its value."""
    file_name = FILE_VARIABLES.get(name)
    return file_name if file_name is not None and file_name in texts else name


def _parse(texts: Mapping[str, str], unreadable: Container[str]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Return the values of all variables without a problem, None for those without a value, and the problems."""
    values: dict[str, Any] = {}
    problems: dict[str, list[str]] = {}
    for name, variable in VARIABLES.items():
        if name in unreadable:
            continue
        text = texts.get(name, variable.default_text(texts))
        try:
            values[name] = None if text is None else variable.parse(text)
        except TenantsFileError as error:
            problems[name] = [sentence(problem) for problem in error.problems]
        except (ValueError, DomainError) as error:
            problems[name] = [sentence(str(error))]
    return values, problems


def _missing(texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the required variables that are not set, and for each the problem."""
    missing = []
    for group in GROUPS:
        required = [each.name for each in group.variables.values() if each.required]
        present = [name for name in required if name in texts]
        if present or not group.optional:
            problem = f"Is required because {' and '.join(present)} is set." if group.optional else _REQUIRED
            missing += [(name, problem) for name in required if name not in present]
    return missing
