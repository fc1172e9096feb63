"""The access to a group of routes: the checks of a request, and its owner."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from flask import Response

from domain.api_key import Scope
from domain.owner import Owner
from presentation.http.framework.problem_types import Problems

Guards = tuple[Callable[[], None], ...]
"""Checks of a request. Each of them raises a `Problem` to refuse it."""


@dataclass(frozen=True, slots=True)
class SecurityScheme:
    """A security scheme of the OpenAPI document.

    Attributes:
        name: the name in the document.
        definition: the scheme in the form of OpenAPI.
    """

    name: str
    definition: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PathVariable:
    """A variable of a path, as OpenAPI describes it. `pattern` is a regular expression for the whole value."""

    description: str
    example: str
    pattern: str


class Limit(Enum):
    """The rate limits that an operation can have."""

    CODE_CHECKS = "checks"
    ENROLMENTS = "enrolments"


class OwnerAccess(Protocol):
    """Finds the owner of a request.

    Attributes:
        absent: the text for a request that has no owner but needs one.
        sets_cookie: whether a new owner gets a cookie.
    """

    @property
    def absent(self) -> str: ...
    @property
    def sets_cookie(self) -> bool: ...

    def current(self) -> Owner | None:
        """Return the owner of the request; None without one."""

    def current_or_new(self) -> tuple[Owner, Callable[[Response], None]]:
        """Return the owner of the request or a new one, and a function that lets the client of a response keep it."""

    def end(self, response: Response) -> None:
        """Let the client of the response forget the owner."""


class Authorization(Protocol):
    """Checks what the client of a request may do."""

    def admit(self, scope: Scope) -> None:
        """Raise a problem unless the client has a valid key with this scope."""

    def require(self, scope: Scope) -> None:
        """Raise a problem unless the client, which `admit` has admitted, has this scope, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The access to a group of routes. By default, everybody may send the requests, and they have no owner.

    Attributes:
        security: the security scheme of the requests; None for none.
        path_variables: the variables of the paths, by name.
        authorization: checks the scope that each operation must then have; None if clients have no scopes.
        guards: the checks that each request must pass next.
        problems: the problems that these checks raise.
        limits: the guards that apply the rate limits. A limit that is not listed does not apply.
        owners: finds the owner of a request; None if the requests have no owner.
    """

    security: SecurityScheme | None = None
    path_variables: Mapping[str, PathVariable] = field(default_factory=dict)
    authorization: Authorization | None = None
    guards: Guards = ()
    problems: tuple[Problems, ...] = ()
    limits: Mapping[Limit, Guards] = field(default_factory=dict)
    owners: OwnerAccess | None = None

    def guards_of(self, limit: Limit | None) -> Guards:
        """Return the guards that apply a rate limit."""
        return () if limit is None else self.limits.get(limit, ())
