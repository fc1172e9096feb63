"""How a setting is declared: one field of a group, with its variable, parser, default and description."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar, cast

T = TypeVar("T")

ENVIRONMENT: Final = "OPEN_MFA_ENV"
PRODUCTION: Final = "production"
DEVELOPMENT: Final = "development"
STANDALONE: Final = "standalone"
STORES: Final = frozenset({"OPEN_MFA_REDIS_URL", "OPEN_MFA_STORE_URL"})
"""The variables that name a store. Without both, the state is in memory."""
_METADATA: Final = "setting"


class ComputedDefault(NamedTuple):
    """A default that depends on other variables.

    Attributes:
        compute: returns the default as text, from the texts of all variables that are set.
        description: the default, as the documentation describes it.
    """

    compute: Callable[[Mapping[str, str]], str]
    description: str


def in_development(text: str, *, otherwise: str) -> ComputedDefault:
    """Return a default that differs in development."""
    return ComputedDefault(
        lambda texts: text if texts.get(ENVIRONMENT) == DEVELOPMENT else otherwise,
        f"`{otherwise}`, in development `{text}`",
    )


@dataclass(frozen=True, slots=True)
class Variable:
    """The environment variable of a setting.

    Attributes:
        name: the name of the variable.
        parse: returns the value of a text, or raises `ValueError` or `DomainError`. The message does not repeat the
            text.
        description: one or two sentences for operators, in Markdown.
        default: the default as text, None if there is no default.
        absence: the effect of a missing value, for the documentation of settings that have no default.
        required: whether the service does not start without a value.
        secret: whether the value must not be shown. A secret has a second variable, which names a file with the value.
        generate: returns a text for development mode, which generates it if the variable is not set. Standalone mode
            does the same for required variables.
        unless: the variable whose value makes generating unnecessary.
    """

    name: str
    parse: Callable[[str], Any]
    description: str
    default: str | ComputedDefault | None = None
    absence: str = ""
    required: bool = False
    secret: bool = False
    generate: Callable[[], str] | None = None
    unless: str | None = None

    @property
    def file_name(self) -> str | None:
        """The name of the variable that names a file with the value, None if the value is no secret."""
        return f"{self.name}_FILE" if self.secret else None

    def default_text(self, texts: Mapping[str, str]) -> str | None:
        """Return the default as text, None if there is none."""
        return self.default.compute(texts) if isinstance(self.default, ComputedDefault) else self.default


class Group(NamedTuple):
    """Settings that belong together.

    Attributes:
        attribute: the attribute of `Settings` that holds the group.
        kind: the dataclass that declares the settings.
        title: the title in the documentation.
        optional: whether the attribute is None unless the required settings of the group are set.
    """

    attribute: str
    kind: type[Any]
    title: str
    optional: bool

    @property
    def variables(self) -> dict[str, Variable]:
        """The variables of the group, by the names of their fields."""
        return {each.name: each.metadata[_METADATA] for each in dataclasses.fields(self.kind)}


def setting(
    name: str,
    parse: Callable[[str], T],
    description: str,
    *,
    default: str | ComputedDefault | None = None,
    absence: str = "",
    required: bool = False,
    secret: bool = False,
    generate: Callable[[], str] | None = None,
    unless: str | None = None,
) -> T:
    """Declare a field of a group. `Variable` describes the arguments.

    The field's own default is the value of the default in production, None if there is no default. A required setting
    has none.
    """
    variable = Variable(name, parse, description, default, absence, required, secret, generate, unless)
    metadata = {_METADATA: variable}
    if required:
        return cast("T", dataclasses.field(repr=not secret, metadata=metadata))
    text = variable.default_text({})
    value = None if text is None else parse(text)
    return cast("T", dataclasses.field(default=value, repr=not secret, metadata=metadata))


def group(kind: type[T], title: str) -> T:
    """Declare a field of `Settings` that holds a group."""
    metadata = {_METADATA: (kind, title, False)}
    if any(each.default is dataclasses.MISSING for each in dataclasses.fields(cast("Any", kind))):
        return cast("T", dataclasses.field(metadata=metadata))
    return dataclasses.field(default=kind(), metadata=metadata)


def optional_group(kind: type[T], title: str) -> T | None:
    """Declare a field of `Settings` that holds a group, or None unless the group's required settings are set."""
    return cast("T", dataclasses.field(default=None, metadata={_METADATA: (kind, title, True)}))


def groups_of(settings: type[Any]) -> Iterator[Group]:
    """Yield the groups that a class declares, in their order."""
    for each in dataclasses.fields(settings):
        if _METADATA in each.metadata:
            yield Group(each.name, *each.metadata[_METADATA])
