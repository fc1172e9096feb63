"""Who owns what a request is about: the one thing in which the resources of sessions and of accounts differ."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from flask import Blueprint, Response

from domain.owner import CredentialId, Factor, Owner
from presentation.http.framework.endpoint import Operation, SecurityScheme, View, add
from presentation.http.framework.problems import Problem, Problems

Guards = tuple[Callable[[], None], ...]


class OwnerAccess(Protocol):
    """One kind of owner."""

    tag: str
    """What the owner's resources are called in the documentation."""
    lifetime: int | None
    """Seconds that an enrolment lives, None for ever."""
    absent: str
    """What to tell whoever names no owner."""
    sets_cookie: bool
    """Whether enrolling sets a cookie."""
    security: SecurityScheme | None
    """The security scheme of the requests, None for none."""
    parameters: Mapping[str, tuple[str, str, str]]
    """The variables of the path: a description, an example and a pattern."""
    guards: Guards
    """What every request must pass before anything else."""
    problems: tuple[Problems, ...]
    """What the guards answer with."""

    def present(self) -> Owner | None:
        """The owner whom the request names; None when it names none, who has nothing."""

    def found(self) -> tuple[Owner, Callable[[Response], None]]:
        """The owner to enrol for, and what the answer must be given for it to be known again."""

    def dismiss(self, response: Response) -> None:
        """Everything of the owner is forgotten: the answer says so where it has to."""


class OwnerResources:
    """Resources under one kind of owner; subclasses say which."""

    def __init__(self, owners: OwnerAccess) -> None:
        self._owners = owners

    def add(
        self, blueprint: Blueprint, method: str, path: str, view: View, operation: Operation, guards: Guards = ()
    ) -> None:
        """Adds a method of a resource, with what holds for all of this owner's."""
        owners = self._owners
        operation = replace(
            operation,
            security=owners.security,
            anonymous=operation.anonymous and owners.sets_cookie,
            parameters=owners.parameters,
            problems=(*owners.problems, *operation.problems),
        )
        add(blueprint, method, path, view, operation, guards=(*owners.guards, *guards))

    def existing(self, factor: Factor) -> CredentialId:
        """The factor of the owner whom the request names. Raises a 404 when it names none."""
        owner = self._owners.present()
        if owner is None:
            raise Problem(Problems.NOT_ENROLLED, self._owners.absent)
        return CredentialId(owner, factor)
