"""The description of an operation. The running service and the OpenAPI document both follow it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from marshmallow import Schema

from domain.api_key import Scope
from presentation.http.framework.access import Guards, Limit
from presentation.http.framework.problem_types import Problems


class OwnerUse(Enum):
    """The way in which an operation uses the owner of a request. The handler gets the owner as its first argument."""

    NONE = "none"
    """The handler gets no owner."""
    OPTIONAL = "optional"
    """The handler gets the owner, or None without one."""
    REQUIRED = "required"
    """The handler gets the owner. A request without one gets the problem `not-enrolled`."""
    CREATED = "created"
    """The handler gets the owner, or a new one. The response lets the client keep it."""
    ENDED = "ended"
    """The handler gets the owner, or None without one. The response lets the client forget it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one resource.

    Attributes:
        summary: a short imperative sentence that names the resource.
        description: everything else that a client needs to know.
        body: the schema of the request's body; None without a body.
        body_required: whether the request must have a body.
        query: the schema of the parameters in the query; None without parameters. The handler reads them.
        responses: the responses to success: status to schema, or to media types other than JSON.
        problems: the problems that this operation has beyond those that all operations have.
        examples: request bodies by name.
        owner: the use of the request's owner.
        limit: the rate limit; None for none.
        scope: the scope that an API key needs for the operation. Only a request that needs no API key may have None.
        scopes_of_members: the members of the body that need a further scope, and for each its scope.
        guards: the checks that a request must pass after the rate limit, before its owner is searched for.
        touches_store: whether the operation fails without the store.
    """

    summary: str
    description: str = ""
    body: Schema | None = None
    body_required: bool = False
    query: Schema | None = None
    responses: Mapping[int, Schema | tuple[str, ...] | None]
    problems: tuple[Problems, ...] = ()
    examples: Mapping[str, Any] = field(default_factory=dict)
    owner: OwnerUse = OwnerUse.NONE
    limit: Limit | None = None
    scope: Scope | None = None
    scopes_of_members: Mapping[str, Scope] = field(default_factory=dict)
    guards: Guards = ()
    touches_store: bool = True
