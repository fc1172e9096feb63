"""Pages for people: where they try it, the Swagger UI, and what the problems mean."""

from functools import cache, partial
from typing import Any, Final

from flask import Blueprint, Response, current_app, json, render_template, request
from werkzeug.exceptions import NotFound

from presentation.edge import ROUTE
from presentation.links import link
from presentation.openapi import build_openapi
from presentation.problems import BY_SLUG
from presentation.resource import JSON
from presentation.static import asset

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""No inline script, no inline style, nothing from anywhere else."""


def docs_blueprint(*, gate: bool) -> Blueprint:
    """`/`, `/docs`, `/openapi.json` and `/problems/<slug>`.

    Args:
        gate: whether there is a gate to lead to.
    """
    blueprint = Blueprint("docs", __name__, template_folder="templates")

    @cache
    def document() -> bytes:
        return json.dumps(build_openapi(current_app, link("")), sort_keys=False).encode()

    def page(template: str, status: int = 200, **values: Any) -> Response:
        response = Response(
            render_template(template, root=link(""), assets=link("/assets"), **values), status, mimetype="text/html"
        )
        response.headers["Content-Security-Policy"] = PAGE_POLICY
        return response

    get = partial(blueprint.get, provide_automatic_options=False)

    @blueprint.before_request
    def note_route() -> None:
        request.environ[ROUTE] = str(request.url_rule)

    @get("/")
    def home() -> Response:
        return page("try.html", gate=gate)

    @get("/docs")
    def docs() -> Response:
        return page("docs.html")

    @get("/openapi.json")
    def openapi() -> Response:
        return Response(document(), mimetype=JSON)

    get("/assets/<name>")(asset)

    @get("/problems/<slug>")
    def problem(slug: str) -> Response:
        if slug not in BY_SLUG:
            raise NotFound
        return page("problem.html", problem=BY_SLUG[slug])

    return blueprint
