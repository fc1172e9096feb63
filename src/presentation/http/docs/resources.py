"""Pages for people: where they try it, the Swagger UI, and what the problems mean."""

from functools import cache, partial
from typing import Any, Final

from flasgger.base import APIDocsView
from flask import Blueprint, Flask, Response, current_app, json, render_template, request
from werkzeug.exceptions import NotFound

from presentation.http.docs.openapi import build_openapi
from presentation.http.framework.assets import asset
from presentation.http.framework.links import link
from presentation.http.framework.middleware import ROUTE
from presentation.http.framework.problem_types import BY_SLUG, ProblemType
from presentation.http.framework.responses import JSON

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""No inline script, no inline style, nothing from anywhere else."""
_ASSETS: Final = "/assets"
_FLASGGER: Final = {
    "endpoint": "docs",
    "specs": [{"endpoint": "openapi"}],
    "title": "API",
    "assets": _ASSETS,
}
"""The settings of flasgger: the route `docs.openapi` serves the document, and our template reads `assets`."""


def register_docs(app: Flask, *, gate: bool) -> None:
    """Add the pages to the application, and the route name by which flasgger finds Swagger UI's files.

    Args:
        app: the application.
        gate: whether the pages link to the gate.
    """
    app.register_blueprint(docs_blueprint(gate=gate))
    app.add_url_rule(f"{_ASSETS}/<filename>", endpoint="flasgger.static", view_func=asset, build_only=True)


def problem_page(problem: ProblemType, root: str) -> str:
    """Return the page that explains a kind of problem to a person.

    Args:
        problem: the kind of problem.
        root: the path below which the service runs.
    """
    return render_template("problem.html", root=root, assets=f"{root}{_ASSETS}", problem=problem)


def docs_blueprint(*, gate: bool) -> Blueprint:
    """`/`, `/docs`, `/openapi.json` and `/problems/<slug>`.

    Args:
        gate: whether there is a gate to lead to.
    """
    blueprint = Blueprint("docs", __name__, template_folder="../templates")

    @cache
    def document() -> bytes:
        return json.dumps(build_openapi(current_app, link("")), sort_keys=False).encode()

    def page(template: str, status: int = 200, **values: Any) -> Response:
        text = render_template(template, root=link(""), assets=link(_ASSETS), **values)
        return guarded(Response(text, status, mimetype="text/html"))

    def guarded(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = PAGE_POLICY
        return response

    # flasgger renders `flasgger/index.html`. Flask finds ours, because the application's templates come first.
    swagger_ui = APIDocsView.as_view("swagger_ui", view_args={"config": _FLASGGER})

    get = partial(blueprint.get, provide_automatic_options=False)

    @blueprint.before_request
    def note_route() -> None:
        request.environ[ROUTE] = str(request.url_rule)

    @get("/")
    def home() -> Response:
        return page("try.html", gate=gate)

    @get("/docs")
    def docs() -> Response:
        return guarded(current_app.make_response(swagger_ui()))

    @get("/openapi.json")
    def openapi() -> Response:
        return Response(document(), mimetype=JSON)

    get(f"{_ASSETS}/<name>")(asset)

    @get("/problems/<slug>")
    def problem(slug: str) -> Response:
        if slug not in BY_SLUG:
            raise NotFound
        return guarded(Response(problem_page(BY_SLUG[slug], link("")), mimetype="text/html"))

    return blueprint
