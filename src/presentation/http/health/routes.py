"""Probes and metrics for the operators of the service."""

from collections.abc import Callable

from flask import Blueprint, Response

from presentation.http.framework.access import Access
from presentation.http.framework.endpoint import Route, Tag, add_routes
from presentation.http.framework.operation import Operation
from presentation.http.framework.responses import json_response
from presentation.http.health.schemas import HealthResponse


def health_blueprint(
    check_ready: Callable[[], None], exposition: Callable[[], bytes] | None, exposition_type: str
) -> Blueprint:
    """Return the probes and the metrics.

    Args:
        check_ready: raises an error unless the service can serve requests.
        exposition: returns the metrics in the text format of Prometheus; None for no metrics.
        exposition_type: the media type of the metrics.
    """

    def health() -> Response:
        return json_response({"status": "ok"})

    def ready() -> Response:
        check_ready()
        return json_response({"status": "ok"})

    alive = Operation(
        summary="Check whether the process responds", responses={200: HealthResponse()}, touches_store=False
    )
    routes: tuple[Route, ...] = (
        Route("GET", "/healthz", health, alive),
        Route("GET", "/health", health, alive),
        Route(
            "GET",
            "/readyz",
            ready,
            Operation(
                summary="Check whether Redis responds and the audit log can be written",
                responses={200: HealthResponse()},
            ),
        ),
    )
    # The operation IDs begin with the name of the blueprint.
    blueprint = Blueprint("operation", __name__)
    if exposition is not None:
        routes += (_metrics_route(exposition, exposition_type),)
    add_routes(blueprint, Tag("Operation", "Probes and metrics."), Access(), routes)
    return blueprint


def _metrics_route(exposition: Callable[[], bytes], exposition_type: str) -> Route:
    def metrics() -> Response:
        return Response(exposition(), content_type=exposition_type)

    return Route(
        "GET",
        "/metrics",
        metrics,
        Operation(
            summary="Get the metrics of all workers for Prometheus",
            responses={200: ("text/plain",)},
            touches_store=False,
        ),
    )
