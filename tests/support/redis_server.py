"""A real redis-server on a free port."""

import shutil
import signal
import tempfile
from pathlib import Path
from typing import Self

import redis

from tests.support.processes import free_port, pause, spawn, stop, wait_until_started
from tests.support.redis_clients import redis_client


class RedisServer:
    """A redis-server with an append-only file. `with` starts and ends it. It can be killed, frozen and restarted."""

    def __init__(self, *options: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="open-mfa-redis-"))
        self.log = self.directory / "redis.log"
        self._options = options

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        stop(self.process, kill=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self) -> None:
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.directory)]
        command += ["--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"]
        self.process = spawn([*command, *self._options], self.log)
        wait_until_started(self.process, self.answers, "the start of redis-server", self.log)

    def answers(self) -> bool:
        """Return whether it has read its append-only file and answers. The request for a password is an answer, too."""
        try:
            with self.client() as client:
                client.ping()
        except redis.AuthenticationError:
            return True
        except redis.ConnectionError:
            return False
        return True

    def client(self, database: int = 0) -> redis.Redis:
        """Return a client that can read and corrupt the stored data."""
        return redis.Redis(port=self.port, db=database, socket_timeout=5, protocol=2)

    def service_client(self, database: int = 0) -> redis.Redis:
        """Return a client with the service's own connections, which keep to its short time-outs."""
        return redis_client(f"redis://127.0.0.1:{self.port}/{database}")

    def kill(self) -> None:
        """Crash the server."""
        stop(self.process, kill=True)

    def restart(self) -> None:
        """Crash the server and start it with its append-only file."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Stop the process: connections stay open, but get no answers."""
        pause(self.process.pid)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)
