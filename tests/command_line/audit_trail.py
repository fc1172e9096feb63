"""Audit lines for the tests of `open-mfa audit`, and the command in this process."""

import contextlib
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from presentation.bootstrap.command_line import main

ALICE: Final = {"tenant": "shop", "account": "alice@example.com", "factor": "totp", "authenticator": "totp"}


def audit_line(time: datetime, event: str, /, **members: Any) -> str:
    """Return an audit line as the service writes it, without its end."""
    moment = time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    first = {"time": moment, "level": "INFO", "logger": "open_mfa.audit", "message": event}
    return json.dumps({**first, **members}, separators=(",", ":"))


def judged(time: datetime, outcome: str = "accepted", reason: str | None = None, **members: Any) -> str:
    """Return the line of a code of alice, or of another owner."""
    verdict = {"purpose": "challenge", "outcome": outcome} | ({} if reason is None else {"reason": reason})
    return audit_line(time, "judged", **{**ALICE, **verdict, **members})


def searched(*arguments: str) -> tuple[int, str, str]:
    """Run the search in this process. Return its exit status, its output, and its messages."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(["audit", "search", *arguments])
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else -1
    return status, out.buffer.getvalue().decode(), err.getvalue()  # type: ignore[attr-defined] - a BytesIO


def originals(output: str) -> list[Mapping[str, Any]]:
    """Return the members of the lines that `--json` has printed."""
    return [json.loads(line) for line in output.splitlines()]


def sample(time: datetime) -> list[str]:
    """Return lines of this time: codes of alice with each outcome, a lock and a removal, with the API key `web`."""
    client = {"address": "203.0.113.7", "request_id": "5f0c59a4b8d64f6f9f0e6f6a3d2c1b0a", "key": "web"}
    return [
        judged(time, "refused", "wrong", attempts_left=0, **client),
        audit_line(time, "locked", **ALICE, **client, locked_until="2030-01-01T00:00:00Z"),
        judged(time, "refused", "replayed", attempts_left=5, **client),
        judged(time, **client),
        audit_line(time, "removed", **ALICE, **client),
    ]
