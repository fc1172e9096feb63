"""What those who run the service ask it."""

from collections.abc import Callable

from flask import Blueprint, Response

from presentation.http import schemas
from presentation.http.framework.endpoint import Operation, add, reply

TAG = "Operation"


def operation_blueprint(
    check_ready: Callable[[], None], exposition: Callable[[], bytes], exposition_type: str
) -> Blueprint:
    """`/healthz` and its second name `/health`, `/readyz` and `/metrics`."""
    blueprint = Blueprint("operation", __name__)

    def health() -> Response:
        return reply({"status": "ok"})

    def ready() -> Response:
        check_ready()
        return reply({"status": "ok"})

    def metrics() -> Response:
        return Response(exposition(), content_type=exposition_type)

    operation = Operation(
        summary="Whether the process serves", tag=TAG, answers={200: schemas.HealthView()}, touches_store=False
    )
    for path in ("/healthz", "/health"):
        add(blueprint, "GET", path, health, operation)
    add(
        blueprint,
        "GET",
        "/readyz",
        ready,
        Operation(
            summary="Whether Redis answers in time and the audit trail takes lines",
            tag=TAG,
            answers={200: schemas.HealthView()},
        ),
    )
    add(
        blueprint,
        "GET",
        "/metrics",
        metrics,
        Operation(
            summary="Metrics for Prometheus, of all workers together",
            tag=TAG,
            answers={200: ("text/plain",)},
            touches_store=False,
        ),
    )
    return blueprint
