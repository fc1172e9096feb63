"""The function that AWS Lambda calls with each event."""

import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final, Protocol

from apig_wsgi import make_lambda_handler

from application.request_context import current_invocation
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import MEDIA_TYPE, document
from presentation.lambda_function.events import HttpEvent, NotHttp, http_event
from presentation.lambda_function.platform_layer import INVOCATION, PlatformLayer

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MARGIN: Final = 0.5
"""Seconds of the invocation that remain for the response after the last wait."""
NOT_HTTP: Final = "The event is not an HTTP request of a function URL, an HTTP API or an Application Load Balancer."
_TRACE: Final = "_X_AMZN_TRACE_ID"
"""The environment variable in which the runtime sets the trace of the invocation."""

_log = logging.getLogger("open_mfa.lambda")


class Context(Protocol):
    """The parts of the context of an invocation that the function uses."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the platform ends the invocation."""


class LambdaFunction:
    """Serves one event at a time. All work of a request is done, and all its lines are written, when it returns.

    Args:
        application: the service as a WSGI application.
        time_limit: returns a context manager that limits all waits to some seconds.
        before: called before each request, within its time limit.
        after: called after each request, before its response is returned.
    """

    def __init__(
        self,
        application: "WSGIApplication",
        *,
        time_limit: Callable[[float], AbstractContextManager[object]],
        before: Callable[[], None],
        after: Callable[[], None],
    ) -> None:
        self._serve = make_lambda_handler(PlatformLayer(application), binary_support=True)
        self._time_limit = time_limit
        self._before = before
        self._after = after

    def __call__(self, event: object, context: Context) -> dict[str, Any]:
        """Return the response to an event."""
        identifiers = {INVOCATION: context.aws_request_id}
        if _TRACE in os.environ:
            identifiers["xray_trace_id"] = os.environ[_TRACE]
        token = current_invocation.set(identifiers)
        try:
            return self._respond(http_event(event), context)
        except NotHttp:
            _log.info("the event is not an HTTP request, so it was ignored")
            return {"served": False, "reason": NOT_HTTP}
        except Exception as error:  # noqa: BLE001 - the runtime would log the message, which may repeat a value
            _log.critical("unexpected failure", exc_info=error)
            return _failure(context.aws_request_id)
        finally:
            current_invocation.reset(token)

    def _respond(self, event: HttpEvent, context: Context) -> dict[str, Any]:
        seconds = context.get_remaining_time_in_millis() / 1e3 - MARGIN
        with self._time_limit(max(0.0, seconds)):
            self._before()
            response: dict[str, Any] = self._serve(event.event, event)
        self._after()
        return response


def _failure(request_id: str) -> dict[str, Any]:
    """Return a response for every kind of event. It does not use the service, which may be what failed."""
    return {
        "statusCode": Problems.INTERNAL_ERROR.value.status,
        "headers": {"content-type": MEDIA_TYPE, "cache-control": "no-store"},
        "multiValueHeaders": {"content-type": [MEDIA_TYPE], "cache-control": ["no-store"]},
        "body": document(Problems.INTERNAL_ERROR, None, {}, request_id).decode(),
        "isBase64Encoded": False,
    }
