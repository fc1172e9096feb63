"""The wiring of the AWS Lambda function."""

import logging
import sys
from collections.abc import Iterator, Mapping
from typing import Final

from infrastructure.network import deadline
from infrastructure.observability.direct_lines import DirectLines
from infrastructure.observability.embedded_metrics import EmbeddedMetrics
from infrastructure.observability.logs import configure_logging
from infrastructure.observability.metrics import Metrics
from infrastructure.observability.shared_counters import SharedCounters
from infrastructure.settings import Settings, SettingsError, load
from presentation.bootstrap.logs import selected_format
from presentation.bootstrap.web import EXTENSION, create_app
from presentation.lambda_function.function import LambdaFunction
from presentation.lambda_function.platform_layer import refuse_invalid_event

LEVEL_SECONDS: Final = 0.75
"""Seconds for a look-up of the log level. With the usual budget of a request after it, the response is within 5 s."""
_ENVIRONMENTS_DIFFER: Final = "AWS Lambda runs several environments, which share no memory"

_log = logging.getLogger("open_mfa.server")


def lambda_function(environ: Mapping[str, str]) -> LambdaFunction:
    """Return the function.

    Args:
        environ: the environment variables.

    Raises:
        SettingsError: settings are missing or invalid. The error lists all of them.
    """
    settings = load(environ)
    if problems := dict(_unsupported(settings)):
        raise SettingsError(problems)
    lines = DirectLines(sys.stdout)
    configure_logging(settings.log.level, selected_format(settings), lines)
    for notice in settings.notices:
        _log.warning(notice)
    numbers = SharedCounters()
    app = create_app(settings, lines=lines, metrics=Metrics(numbers), serves_metrics=False, kind="function")
    app.before_request(refuse_invalid_event)
    service = app.extensions[EXTENSION]
    follower, audit = service.log_level, service.container.audit

    def follow_level() -> None:
        with deadline.within(LEVEL_SECONDS):
            follower.follow_if_due()

    # This also connects to the store while the environment starts, so that the first request need not.
    follow_level()
    metrics = EmbeddedMetrics(numbers, lines, environ.get("AWS_LAMBDA_FUNCTION_NAME", "unknown"))

    def before_request() -> None:
        follow_level()
        # Not when the environment starts: a snapshot of an environment must not contain a chain.
        if audit is not None:
            audit.before_request()

    def after_request() -> None:
        if audit is not None:
            audit.after_request()
        metrics.write()

    return LambdaFunction(app, time_limit=deadline.limited, before=before_request, after=after_request)


def _unsupported(settings: Settings) -> Iterator[tuple[str, list[str]]]:
    """Yield the settings that a function cannot have, each with the reason."""
    if settings.mode.environment != "production":
        yield "OPEN_MFA_ENV", [f"Must be `production`: {_ENVIRONMENTS_DIFFER}, so generated keys would differ."]
    elif settings.in_memory:
        yield "OPEN_MFA_STORE_URL", [f"Is required, or OPEN_MFA_REDIS_URL: {_ENVIRONMENTS_DIFFER}."]
    if settings.server.trusted_proxies:
        yield "OPEN_MFA_TRUSTED_PROXIES", ["Must be 0: the event of AWS Lambda contains the address of the client."]
