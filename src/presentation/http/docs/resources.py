"""The HTML pages: the try-it page, Swagger UI, and the descriptions of the problem types."""

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Flask, Response, current_app, json, render_template, request
from werkzeug.exceptions import NotFound

from presentation.http.docs.openapi import build_openapi
from presentation.http.docs.responses import problem_example
from presentation.http.framework.assets import asset
from presentation.http.framework.links import link
from presentation.http.framework.middleware import ROUTE
from presentation.http.framework.problem_types import BY_SLUG, ProblemType
from presentation.http.framework.responses import JSON
from presentation.http.framework.texts import Texts, name_language, texts_of_request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""The pages have no inline scripts, no inline styles and no resources of other sites."""
_ASSETS: Final = "/assets"
_FLASGGER: Final = {
    "endpoint": "docs",
    "specs": [{"endpoint": "openapi"}],
    "title": "API",
    "assets": _ASSETS,
}
"""Settings of flasgger. The route `docs.openapi` serves the document. Our template reads `assets`."""


def register_docs(app: Flask, *, gate: bool) -> None:
    """Add the pages to the application, and the route name with which flasgger finds the files of Swagger UI.

    Args:
        app: the application.
        gate: whether the service has a gate, so that the pages link to it.
    """
    app.register_blueprint(docs_blueprint(gate=gate))
    app.add_url_rule(f"{_ASSETS}/<filename>", endpoint="flasgger.static", view_func=asset, build_only=True)


def problem_page(problem: ProblemType, root: str, texts: Texts) -> str:
    """Return the HTML page that describes a problem type. The example of a problem document is always in English.

    Args:
        problem: the problem type.
        root: the path below which the service runs.
        texts: the texts in the language of the page.
    """
    document = problem_example(problem) | {"type": f"{root}{problem.uri}"}
    example = json.dumps(document, indent=2, sort_keys=False, ensure_ascii=False)
    return render_template(
        "problem.html", texts=texts, root=root, assets=f"{root}{_ASSETS}", problem=problem, example=example
    )


def docs_blueprint(*, gate: bool) -> Blueprint:
    """Return the blueprint of the pages, their files and the OpenAPI document.

    Args:
        gate: whether the service has a gate, so that the pages link to it.
    """
    blueprint = Blueprint("docs", __name__, template_folder="../templates")
    document = cache(lambda: json.dumps(build_openapi(current_app, link("")), sort_keys=False).encode())
    problems = sorted(BY_SLUG.values(), key=lambda problem: problem.status)

    routes: tuple[tuple[str, str, Callable[..., Response]], ...] = (
        ("/", "home", lambda: _page("try.html", gate=gate)),
        ("/docs", "docs", _swagger_ui),
        ("/openapi.json", "openapi", lambda: Response(document(), mimetype=JSON)),
        (f"{_ASSETS}/<name>", "asset", asset),
        ("/problems", "problems", lambda: _problems(problems)),
        ("/problems/<slug>", "problem", _problem),
    )
    for path, endpoint, view in routes:
        blueprint.add_url_rule(path, endpoint, view, methods=["GET"], provide_automatic_options=False)

    @blueprint.before_request
    def note_route() -> None:
        request.environ[ROUTE] = str(request.url_rule)

    return blueprint


def _swagger_ui() -> Response:
    # Loading flasgger takes about 50 ms and 6 MB, and only this page needs it.
    from flasgger.base import APIDocsView  # noqa: PLC0415

    # flasgger renders `flasgger/index.html`. Flask finds ours, because the application's templates come first.
    view = APIDocsView.as_view("swagger_ui", view_args={"config": _FLASGGER})
    return _guarded(current_app.make_response(view()))


def _problem(slug: str) -> Response:
    if slug not in BY_SLUG:
        raise NotFound
    texts = texts_of_request()
    page = _guarded(Response(problem_page(BY_SLUG[slug], link(""), texts), mimetype="text/html"))
    return name_language(page, texts)


def _problems(problems: "Sequence[ProblemType]") -> Response:
    texts = texts_of_request()
    return name_language(_page("problems.html", texts=texts, problems=problems), texts)


def _page(template: str, **values: Any) -> Response:
    html = render_template(template, root=link(""), assets=link(_ASSETS), here=request.path, **values)
    return _guarded(Response(html, mimetype="text/html"))


def _guarded(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response
