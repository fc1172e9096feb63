"""The admin API, behind HTTP Basic (RFC 7617)."""

import hmac
from base64 import b64decode
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from typing import Any, Final, Protocol

from flask import Blueprint, Response, request

from application.errors import StoreUnavailable
from application.log_level import SharedLogLevel
from application.ports.clock import Clock
from presentation.http import schemas
from presentation.http.factors.serializers import moment
from presentation.http.framework.endpoint import Operation, SecurityScheme, add, reply
from presentation.http.framework.problems import Problem, Problems

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
    """Refuse requests without the credentials of the administrator.

    Clients encode credentials in UTF-8 or, against the advice of the challenge, in ISO 8859-1. Both are accepted. The
    time of a refusal does not depend on the part that is wrong.
    """

    def __init__(self, user: str, password: str) -> None:
        credentials = f"{user}:{password}"
        encoded = {credentials.encode()}
        with suppress(UnicodeEncodeError):
            encoded.add(credentials.encode("iso-8859-1"))
        self._expected = [sha256(each).digest() for each in encoded]

    def __call__(self) -> None:
        """Raise a problem with status 401 for other credentials."""
        sent = sha256(_credentials()).digest()
        matches = [hmac.compare_digest(sent, expected) for expected in self._expected]
        if not any(matches):
            raise Problem(Problems.UNAUTHENTICATED, headers=_CHALLENGE)


def _credentials() -> bytes:
    """Return the name, a colon and the password as the client sent them. Return nothing for any other header."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return b64decode(encoded.strip(" \t"), validate=True)
    except ValueError:
        return b""


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
