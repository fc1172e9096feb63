"""The floor that the service is compared with: a bare Flask route, and the minimum of a verification and of a check."""

import os
import threading
from typing import Final

import redis
from flask import Flask

BARE: Final = "/bare"
COMPARE_AND_SET: Final = "/compare-and-set"
ONE_GET: Final = "/get"
_RECORD: Final = b"revision." + bytes(90)
"""As long as the record of a TOTP credential."""
_STORED: Final = "floor:record"
_SCRIPT: Final = """
local current = redis.call('GET', KEYS[1]) or ''
if string.sub(current, 1, 9) ~= ARGV[1] then return current end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
"""


def create_app() -> Flask:
    """Return an application with all routes, on Flask and redis-py with their defaults. It needs `REDIS_URL`."""
    app = Flask(__name__)
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    script = client.script_load(_SCRIPT)
    client.set(_STORED, _RECORD)

    @app.post(BARE)
    def bare() -> str:
        return "ok"

    @app.post(COMPARE_AND_SET)
    def compare_and_set() -> tuple[str, int]:
        # A key for each thread, so that there are no races and every request does the same work.
        key = f"floor:{os.getpid()}:{threading.get_ident()}"
        record = client.get(key) or b""
        done = client.evalsha(script, 1, key, record[:9], _RECORD)
        return ("ok", 200) if done == 1 else ("lost", 500)

    @app.get(ONE_GET)
    def one_get() -> tuple[str, int]:
        return ("ok", 200) if client.get(_STORED) == _RECORD else ("lost", 500)

    return app
