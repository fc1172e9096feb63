"""The process: its mode, its HTTP server, its limits and its log."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from limits import RateLimitItem

from application.log_level import LEVELS, Level
from domain.language import LANGUAGES
from infrastructure.settings.declaration import ENVIRONMENT, PRODUCTION, STORES, ComputedDefault, setting
from infrastructure.settings.parsers import Choice, WholeNumber, path_prefix, rate_limits

Environment = Literal["production", "development", "standalone"]
LogFormat = Literal["json", "text"]

_ENVIRONMENTS: Final[tuple[Environment, ...]] = get_args(Environment)
_LOG_FORMATS: Final[tuple[LogFormat, ...]] = get_args(LogFormat)

LOOPBACK: Final = "127.0.0.1"
MOST_WORKERS: Final = 8
"""Processes. For more, run more instances or set WEB_CONCURRENCY."""


@dataclass(frozen=True, slots=True)
class Mode:
    """Development mode generates the secrets that are not set, and reads a `.env` file in the working directory.

    Standalone mode is for one process that serves the gate without Redis. It generates the two keys that are otherwise
    required, and keeps the state in memory. See also: [run one service without a
    database](../how-to/run-one-service-without-a-database.md).
    """

    environment: Environment = setting(
        ENVIRONMENT,
        Choice(_ENVIRONMENTS),
        "In `development` and `standalone`, generated secrets are valid until the process exits. A `.env` file cannot"
        " set this variable.",
        default=PRODUCTION,
    )


def _workers(texts: Mapping[str, str]) -> str:
    cores = min(os.cpu_count() or 1, MOST_WORKERS)
    return str(1 if STORES.isdisjoint(texts) else cores)


@dataclass(frozen=True, slots=True)
class Server:
    """The HTTP server has no TLS: put a reverse proxy that terminates TLS in front of it.

    See also: [run behind a proxy](../how-to/run-behind-a-proxy.md), [run below a path](../how-to/run-below-a-path.md).
    """

    host: str = setting(
        "HOST",
        str,
        "The address to listen on. If another tool, such as conda, has set `HOST` to a text that is not a host,"
        " development mode listens on the default.",
        default=LOOPBACK,
    )
    port: int = setting(
        "PORT",
        WholeNumber(0, 65535),
        "The port to listen on. With `0`, the system chooses a port, and the log line `serving` contains it.",
        default="8080",
    )
    workers: int = setting(
        "WEB_CONCURRENCY",
        WholeNumber(1, 256),
        "The number of processes. Without Redis, it must be `1`.",
        default=ComputedDefault(_workers, f"one for each core, at most {MOST_WORKERS}; without Redis `1`"),
    )
    threads: int = setting("THREADS", WholeNumber(1, 256), "The number of threads of each process.", default="8")
    path_prefix: str = setting(
        "OPEN_MFA_PATH_PREFIX",
        path_prefix,
        "The path below which the service runs, such as `/mfa`. Proxies must pass it on unchanged.",
        default="",
        absence="none",
    )
    trusted_proxies: int = setting(
        "OPEN_MFA_TRUSTED_PROXIES",
        WholeNumber(0, 16),
        "The number of proxies in front of the service whose `X-Forwarded-For`, `X-Forwarded-Proto` and"
        " `X-Forwarded-Host` the service trusts.",
        default="0",
    )


@dataclass(frozen=True, slots=True)
class Texts:
    """The pages for people and the built-in mail are in English and German. Problem documents are in English.

    See also: [choose the languages](../how-to/choose-the-languages.md).
    """

    language: str = setting(
        "OPEN_MFA_LANGUAGE",
        Choice(LANGUAGES),
        "The language of people whose browser prefers neither of the two languages, and of mail for which the request"
        " names no language.",
        default=LANGUAGES[0],
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """These limits protect the service. Each factor also limits wrong codes."""

    rate_limit: tuple[RateLimitItem, ...] = setting(
        "OPEN_MFA_RATE_LIMIT",
        rate_limits,
        "The limit of one client address (IPv6: one /64) for code checks of sessions, log-ins at the gate and the admin"
        " API together. Enrolment and QR codes in sessions have ten times this limit. `off` disables both.",
        default="25 per 30 seconds",
    )
    sends_per_hour: int = setting(
        "OPEN_MFA_SENDS_PER_HOUR",
        WholeNumber(1, 1_000_000),
        "The number of codes that each tenant can send in an hour by e-mail and webhook. All sessions together have the"
        " same limit. The sessions of one client address have a twentieth of it.",
        default="1000",
    )


@dataclass(frozen=True, slots=True)
class Log:
    """The log goes to standard error. It contains the audit trail at every level."""

    level: Level = setting(
        "OPEN_MFA_LOG_LEVEL",
        Choice(LEVELS),
        "The lowest level of log lines, until the admin API sets another one.",
        default="INFO",
    )
    format: LogFormat | None = setting(
        "OPEN_MFA_LOG_FORMAT",
        Choice(_LOG_FORMATS),
        "The format of log lines: JSON for programs, text for people.",
        absence="`json`; in development on a terminal, `text`",
    )
