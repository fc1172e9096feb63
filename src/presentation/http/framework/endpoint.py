"""The registration of routes: access, rate limits, body and owner around the handler of each route."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

from flask import Blueprint, Response, request

from application.errors import LimitReached
from presentation.http.framework.access import Access, Guards, OwnerAccess
from presentation.http.framework.middleware import ROUTE
from presentation.http.framework.operation import Operation, OwnerUse
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import Problem, limit_problem
from presentation.http.framework.rate_limit import count_now
from presentation.http.framework.request_body import read_body
from presentation.http.framework.same_site import SAFE_METHODS, refuse_other_sites

Handler = Callable[..., Response]
"""Gets the owner, if the operation uses one, and the members of the body as keyword arguments."""

_ENDPOINT: Final = "open_mfa_endpoint"


class Tag(NamedTuple):
    """A group of routes in the OpenAPI document. Groups appear in the order of their registration."""

    name: str
    description: str


class Route(NamedTuple):
    """One row of a feature's table of routes. The path is relative to the prefix of the feature's blueprint."""

    method: str
    path: str
    handler: Handler
    operation: Operation


class Page(NamedTuple):
    """A route that is not a part of the API, such as a page."""

    methods: tuple[str, ...]
    path: str
    handler: Handler


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A registered route, as the OpenAPI document describes it."""

    tag: Tag
    route: Route
    access: Access

    @property
    def sets_cookie(self) -> bool:
        """Whether the response sets a cookie for a new owner."""
        owners = self.access.owners
        return owners is not None and owners.sets_cookie and self.route.operation.owner is OwnerUse.CREATED

    @property
    def serves_new_owners(self) -> bool:
        """Whether the operation also serves requests that have no owner yet."""
        owners = self.access.owners
        return owners is not None and owners.sets_cookie and self.route.operation.owner is not OwnerUse.REQUIRED

    @property
    def problems(self) -> tuple[Problems, ...]:
        """The problems that the route reports, without those that any path can have."""
        operation, access = self.route.operation, self.access
        problems = [*access.problems, *operation.problems]
        if access.guards_of(operation.limit):
            problems.append(Problems.RATE_LIMITED)
        if access.path_variables or operation.body is not None:
            problems.append(Problems.INVALID_REQUEST)
        if operation.body is not None:
            problems += [Problems.TOO_LARGE, Problems.UNSUPPORTED_MEDIA_TYPE]
        if self.route.method not in SAFE_METHODS:
            problems.append(Problems.CROSS_SITE_REQUEST)
        if access.authorization is not None:
            problems += [Problems.UNAUTHENTICATED, Problems.FORBIDDEN]
        if operation.touches_store:
            problems.append(Problems.STORE_UNAVAILABLE)
        return tuple(dict.fromkeys(problems))


def add_routes(blueprint: Blueprint, tag: Tag, access: Access, routes: Iterable[Route]) -> None:
    """Add routes to a blueprint.

    A request passes, in this order: the check for other sites if the method changes something, the check of the API
    key and its scope, the guards of the access, the rate limit, the guards of the operation, the validation of the
    body, the check of the scopes that its members need, and the search for the owner. Then the handler runs.

    Args:
        blueprint: the blueprint, whose name begins the operation IDs.
        tag: the group of the routes in the OpenAPI document.
        access: the access to the routes.
        routes: the routes.

    Raises:
        TypeError: the access requires an API key, but an operation declares no scope.
    """
    for route in routes:
        rule = f"{blueprint.url_prefix or ''}{route.path}"
        view = _view(rule, route, access)
        setattr(view, _ENDPOINT, Endpoint(tag, route, access))
        within = route.path.removeprefix(f"/api/v1/{blueprint.name}").strip("/")
        # A variable selects one of a collection: `authenticators/<authenticator_id>` becomes `authenticator`.
        within = re.sub(r"s/<\w+>", "", within)
        name = f"{route.method.lower()}_{re.sub(r'[/.-]', '_', within) or 'all'}"
        _add(blueprint, route.path, name, view, (route.method,))


def add_pages(blueprint: Blueprint, pages: Iterable[Page]) -> None:
    """Add routes that are not a part of the API to a blueprint without a prefix. Their handlers get no arguments."""
    for page in pages:
        name = f"{page.methods[0].lower()}_{page.path.rpartition('/')[2].replace('.', '_')}"
        _add(blueprint, page.path, name, _page_view(page), page.methods)


def endpoint_of(view: Callable[..., Any]) -> Endpoint | None:
    """Return the endpoint of a view function; None for a page."""
    return getattr(view, _ENDPOINT, None)


def _add(blueprint: Blueprint, path: str, name: str, view: Handler, methods: tuple[str, ...]) -> None:
    blueprint.add_url_rule(path, endpoint=name, view_func=view, methods=methods, provide_automatic_options=False)


def _page_view(page: Page) -> Handler:
    def view() -> Response:
        request.environ[ROUTE] = page.path
        return page.handler()

    return view


def _view(rule: str, route: Route, access: Access) -> Handler:
    operation = route.operation
    changes_state = route.method not in SAFE_METHODS
    guards = (
        *_scope_guards(rule, route, access),
        *access.guards,
        *access.guards_of(operation.limit),
        *operation.guards,
    )
    schema, body_required = operation.body, operation.body_required
    authorization, scopes_of_members = access.authorization, operation.scopes_of_members
    handle = _with_owner(route.handler, operation.owner, access.owners)

    def view(**_variables: str) -> Response:
        environ = request.environ
        environ[ROUTE] = rule
        try:
            try:
                if changes_state:
                    refuse_other_sites()
                for guard in guards:
                    guard()
                if schema is None:
                    return handle()
                members = read_body(schema, required=body_required)
                if authorization is not None:
                    for name, scope in scopes_of_members.items():
                        if name in members:
                            authorization.require(scope)
                return handle(**members)
            finally:
                # In most requests, a command to the store has already taken the count along.
                count_now(environ)
        except Problem as problem:
            # Flask would give the same response, but only after a search for the error handler. Guessers cause most
            # of the refusals, so they must be cheap.
            return problem.response()
        except LimitReached as reached:
            return limit_problem(reached.limit, reached.wait).response()

    return view


def _scope_guards(rule: str, route: Route, access: Access) -> Guards:
    if access.authorization is None:
        return ()
    if route.operation.scope is None:
        raise TypeError(f"{route.method} {rule} requires an API key, but its operation declares no scope")
    return (partial(access.authorization.admit, route.operation.scope),)


def _with_owner(handler: Handler, use: OwnerUse, owners: OwnerAccess | None) -> Handler:
    """Return the handler with the owner of the request as its first argument."""
    if use is OwnerUse.NONE:
        return handler
    if owners is None:
        raise TypeError("the operation uses an owner, but its access finds none")

    def optional(**members: Any) -> Response:
        return handler(owners.current(), **members)

    def required(**members: Any) -> Response:
        owner = owners.current()
        if owner is None:
            raise Problem(Problems.NOT_ENROLLED, owners.absent)
        return handler(owner, **members)

    def created(**members: Any) -> Response:
        owner, keep = owners.current_or_new()
        response = handler(owner, **members)
        keep(response)
        return response

    def ended(**members: Any) -> Response:
        response = handler(owners.current(), **members)
        owners.end(response)
        return response

    return {
        OwnerUse.OPTIONAL: optional,
        OwnerUse.REQUIRED: required,
        OwnerUse.CREATED: created,
        OwnerUse.ENDED: ended,
    }[use]
