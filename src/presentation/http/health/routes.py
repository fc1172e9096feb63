"""Probes and metrics for the operators of the service."""

from collections.abc import Callable

from flask import Blueprint, Response

from presentation.http.framework.access import Access
from presentation.http.framework.endpoint import Route, Tag, add_routes
from presentation.http.framework.operation import Operation
from presentation.http.framework.responses import json_response
from presentation.http.health.schemas import HealthResponse


def health_blueprint(
    check_ready: Callable[[], None], exposition: Callable[[], bytes], exposition_type: str
) -> Blueprint:
    """Return the probes and the metrics.

    Args:
        check_ready: raises an error unless the service can serve requests.
        exposition: returns the metrics in the text format of Prometheus.
        exposition_type: the media type of the metrics.
    """

    def health() -> Response:
        return json_response({"status": "ok"})

    def ready() -> Response:
        check_ready()
        return json_response({"status": "ok"})

    def metrics() -> Response:
        return Response(exposition(), content_type=exposition_type)

    alive = Operation(
        summary="Check whether the process responds", responses={200: HealthResponse()}, touches_store=False
    )
    routes = (
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
        Route(
            "GET",
            "/metrics",
            metrics,
            Operation(
                summary="Get the metrics of all workers for Prometheus",
                responses={200: ("text/plain",)},
                touches_store=False,
            ),
        ),
    )
    # The operation IDs begin with the name of the blueprint.
    blueprint = Blueprint("operation", __name__)
    add_routes(blueprint, Tag("Operation", "Probes and metrics."), Access(), routes)
    return blueprint
