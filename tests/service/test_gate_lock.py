"""The command of the how-to guide unlocks a gate that wrong codes have locked."""

import subprocess
import time

import pyotp

from tests.conftest import require_redis_server
from tests.service.test_gate_at_start import SECRET, status
from tests.support.documents import block, page
from tests.support.redis_server import RedisServer
from tests.support.service import Service


def code_now() -> str:
    return pyotp.TOTP(SECRET).at(int(time.time()))


def test_the_guides_command_unlocks_the_gate_and_nothing_else() -> None:
    require_redis_server()
    command = block(page("how-to/troubleshoot"), "redis-cli --scan")
    near = {pyotp.TOTP(SECRET).at(int(time.time()) + 30 * steps) for steps in range(-3, 4)}
    wrong = next(code for code in map("{:06}".format, range(10)) if code not in near)
    with (
        RedisServer() as redis,
        Service(OPEN_MFA_REDIS_URL=redis.url, OPEN_MFA_GATE_SECRET=SECRET) as service,
        service.browser() as browser,
    ):

        def guess() -> int:
            url = f"{service.api}/session/hotp/verify"
            return browser.post(url, json={"code": "000000"}, timeout=5).status_code

        assert browser.post(f"{service.api}/session/hotp", json={}, timeout=5).status_code == 201
        assert [guess() for _ in range(6)] == [403] * 5 + [429]
        assert [status(service, wrong) for _ in range(5)] == [403] * 5
        assert status(service, code_now()) == 429

        here = command.replace("redis-cli", f"redis-cli -p {redis.port}")
        done = subprocess.run(["bash", "-c", here], capture_output=True, text=True, timeout=20, check=True)

        assert done.stdout == "1\n"
        assert status(service, code_now()) == 303
        assert guess() == 429
