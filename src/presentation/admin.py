"""The admin API, behind HTTP Basic (RFC 7617)."""

import hmac
from collections.abc import Callable, Mapping
from hashlib import sha256
from importlib.metadata import version
from typing import Any, Final, Protocol

from flask import Blueprint, Response, request
from werkzeug.datastructures import Authorization

from application.errors import StoreUnavailable
from application.log_level import SharedLogLevel
from application.ports import Clock
from presentation import schemas
from presentation.problems import Problem, Problems
from presentation.resource import Operation, SecurityScheme, add, reply
from presentation.views import moment

TAG: Final = "Administration"
SECURITY: Final = SecurityScheme("administrator", {"type": "http", "scheme": "basic"})
_CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="Open-MFA administration", charset="UTF-8"'}


class StoreDescription(Protocol):
    """What the store says of itself; `time` is its clock in Unix seconds."""

    @property
    def version(self) -> str: ...
    @property
    def time(self) -> int: ...


class BasicAuthentication:
    """Lets administrators through, and takes as long for a wrong name as for a wrong password."""

    def __init__(self, user: str, password: str) -> None:
        self._expected = _digest(user), _digest(password)

    def __call__(self) -> None:
        """Raises a 401."""
        sent = _authorization()
        basic = sent is not None and sent.type == "basic"
        user, password = (sent.username or "", sent.password or "") if sent is not None and basic else ("", "")
        right_user = hmac.compare_digest(_digest(user), self._expected[0])
        right_password = hmac.compare_digest(_digest(password), self._expected[1])
        if not (basic & right_user & right_password):
            raise Problem(Problems.UNAUTHENTICATED, headers=_CHALLENGE)


def _authorization() -> Authorization | None:
    try:
        return request.authorization
    except ValueError:
        # Werkzeug takes care of what is no base64, but not of what is not even ASCII.
        return None


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def admin_blueprint(
    guards: tuple[Callable[[], None], ...],
    clock: Clock,
    describe_store: Callable[[], StoreDescription],
    log_level: SharedLogLevel,
    follow_log_level: Callable[[], None],
) -> Blueprint:
    """`/api/v1/admin`. `follow_log_level` makes this process follow at once, the others do within seconds."""
    blueprint = Blueprint("admin", __name__, url_prefix="/api/v1/admin")
    problems = (Problems.UNAUTHENTICATED, Problems.RATE_LIMITED)

    def server() -> Response:
        return reply({"status": "up", "datetime": moment(clock.now()), "version": version("open-mfa")})

    def database() -> Response:
        try:
            store = describe_store()
        except StoreUnavailable:
            return reply({"status": "down", "datetime": None, "version": None})
        return reply({"status": "up", "datetime": moment(store.time), "version": store.version})

    def show_level() -> Response:
        return reply({"level": log_level.read()})

    def set_level(body: Mapping[str, Any]) -> Response:
        log_level.write(body["level"])
        follow_log_level()
        return reply({"level": body["level"]})

    for path, view, summary in (
        ("/server", server, "How the service is"),
        ("/database", database, "How Redis is"),
    ):
        add(
            blueprint,
            "GET",
            path,
            view,
            Operation(
                summary=summary, tag=TAG, answers={200: schemas.ServerView()}, problems=problems, security=SECURITY
            ),
            guards=guards,
        )
    add(
        blueprint,
        "GET",
        "/logging",
        show_level,
        Operation(
            summary="Show the log level",
            tag=TAG,
            answers={200: schemas.LogLevelView()},
            problems=problems,
            security=SECURITY,
        ),
        guards=guards,
    )
    add(
        blueprint,
        "PUT",
        "/logging",
        set_level,
        Operation(
            summary="Set the log level",
            description="Reaches every worker of every instance within 5 s, and outlives a restart.",
            tag=TAG,
            body=schemas.SetLogLevelBody(),
            body_required=True,
            answers={200: schemas.LogLevelView()},
            problems=problems,
            examples={"debug": {"level": "DEBUG"}},
            security=SECURITY,
        ),
        guards=guards,
    )
    return blueprint
