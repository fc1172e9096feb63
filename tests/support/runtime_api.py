"""The Runtime API of AWS Lambda, and an execution environment that runs awslambdaric on it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.support.processes import die_with_parent, pause, stop

HANDLER = "presentation.bootstrap.lambda_handler.handler"
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
VERSION = "/2018-06-01/runtime"
KEPT = ("PATH", "HOME", "LANG", "DOCKER_HOST", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
"""The environment variables of the tests that an execution environment has, too."""
_RESULT = re.compile(rf"{VERSION}/invocation/(?P<id>[^/]+)/(?P<kind>response|error)")


class Aborted(Exception):
    """The environment ended, or did not respond before the deadline. The platform then answers with an error."""


class FunctionError(Exception):
    """The runtime reported an error of the function."""


@dataclass
class Invocation:
    """One invocation, and its result when it has one."""

    event: object
    seconds: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    deadline_ms: int = 0
    done: threading.Event = field(default_factory=threading.Event)
    kind: str = ""
    result: Any = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Report nothing: an environment may end at any time, and close its connection."""


class RuntimeApi:
    """The Runtime API of one environment. It hands out one invocation at a time."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.waiting: queue.Queue[Invocation | None] = queue.Queue()
        self.current: dict[str, Invocation] = {}
        self.init_error: dict[str, Any] | None = None
        self.clock_offset = 0.0
        """Seconds by which the clock of the platform, and of the environment, is ahead of this process."""
        self.violations: list[str] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                api.next(self)

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                api.take(self, content)

            def log_message(self, *_: object) -> None:
                """Log nothing."""

            def respond(self, status: int, content: bytes = b"", **fields: str) -> None:
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self._server = _Server((host, 0), Handler)
        self.port = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.waiting.put(None)
        self._server.shutdown()
        self._server.server_close()

    def now(self) -> float:
        return time.time() + self.clock_offset

    def next(self, handler: Any) -> None:
        """Wait for an invocation and hand it out."""
        if handler.path != f"{VERSION}/invocation/next":
            self.violations.append(handler.path)
            handler.respond(404)
            return
        if self.current:
            self.violations.append("asked for the next invocation before the response to the current one")
        invocation = self.waiting.get()
        if invocation is None:
            handler.respond(500)
            return
        invocation.deadline_ms = int((self.now() + invocation.seconds) * 1000)
        self.current[invocation.id] = invocation
        handler.respond(
            200,
            json.dumps(invocation.event).encode(),
            Content_Type="application/json",
            Lambda_Runtime_Aws_Request_Id=invocation.id,
            Lambda_Runtime_Deadline_Ms=str(invocation.deadline_ms),
            Lambda_Runtime_Invoked_Function_Arn="arn:aws:lambda:eu-central-1:123456789012:function:open-mfa",
            Lambda_Runtime_Trace_Id=TRACE,
        )

    def take(self, handler: Any, content: bytes) -> None:
        """Take a response or an error."""
        if handler.path == f"{VERSION}/init/error":
            self.init_error = json.loads(content) | {"type": handler.headers["Lambda-Runtime-Function-Error-Type"]}
            handler.respond(202)
            return
        found = _RESULT.fullmatch(handler.path)
        invocation = self.current.pop(found["id"], None) if found else None
        if found is None or invocation is None:
            self.violations.append(handler.path)
            handler.respond(400)
            return
        invocation.kind, invocation.result = found["kind"], json.loads(content)
        # The caller of the function gets its response at this moment, and then the environment may be frozen.
        handler.respond(202)
        invocation.done.set()


class Environment:
    """An execution environment: awslambdaric with the handler of the service, in a process of its own.

    `with` starts and ends it. The platform freezes an environment between two invocations.
    """

    def __init__(self, command: list[str] | None = None, **settings: str) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="open-mfa-lambda-"))
        self.log = self.directory / "log"
        self.api = RuntimeApi()
        self._command = command or [sys.executable, "-m", "awslambdaric", HANDLER]
        self._settings = settings

    def __enter__(self) -> Self:
        self.api.__enter__()
        # The runtime's client would send its requests to a proxy, so most variables are not passed on.
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment = kept | {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.api.port}",
            "AWS_LAMBDA_FUNCTION_NAME": "open-mfa-test",
            "_HANDLER": HANDLER,
            **self._settings,
        }
        with self.log.open("ab") as output:
            self.started = time.monotonic()
            self.process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd=self.directory,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - it calls nothing but prctl
            )
        return self

    def __exit__(self, *_: object) -> None:
        stop(self.process, kill=True)
        self.api.__exit__()
        shutil.rmtree(self.directory, ignore_errors=True)

    def invoke(self, event: object, seconds: float = 20) -> Any:
        """Return the result of an event.

        Raises:
            Aborted: the environment has no result in time. The platform ends it then.
            FunctionError: the runtime reported an error.
        """
        return self.result(self.begin(event, seconds))

    def begin(self, event: object, seconds: float = 20) -> Invocation:
        """Queue an event."""
        invocation = Invocation(event, seconds)
        self.api.waiting.put(invocation)
        return invocation

    def result(self, invocation: Invocation) -> Any:
        """Wait for the result of an invocation; see `invoke`."""
        while not invocation.done.wait(0.02):
            ended = self.process.poll() is not None
            late = invocation.deadline_ms and self.api.now() * 1000 > invocation.deadline_ms
            if ended or late:
                stop(self.process, kill=True)
                raise Aborted(self.log.read_text())
        if invocation.kind == "error":
            raise FunctionError(json.dumps(invocation.result))
        return invocation.result

    def freeze(self) -> None:
        """Stop the process and wait until it has stopped."""
        pause(self.process.pid)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the environment in the middle of its work."""
        stop(self.process, kill=True)

    def wait_for_end(self) -> int:
        return self.process.wait(60)

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines that are JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
