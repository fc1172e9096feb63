"""A peer is started from its checkout and measured, even if its gunicorn replaces workers."""

import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from bench.cases import PEER
from bench.measure import repeat

from bench import peer
from tests.conftest import require_redis_server

ROUNDS = 2
REQUESTS = 300
REPLACED_AFTER = 400
"""Requests after which a worker ends. Each of the two gets 150 in a run, so both end in the third run only."""
# GET enrols a session, and verifies a code for it.
APPLICATION = """
import os, pathlib, secrets
import redis
from flask import Flask, jsonify, request

application = Flask(__name__)
store = redis.Redis.from_url(os.environ["REDIS_URL"])
pathlib.Path("started").open("a").write("x")

@application.get("/api/totp")
def totp():
    session = request.cookies.get("session")
    if "otp" in request.args:
        return jsonify(status=store.get(session) == request.args["otp"].encode())
    session = secrets.token_hex()
    store.set(session, "123456")
    answer = jsonify(uri="otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ")
    answer.set_cookie("session", session)
    return answer
"""
CONFIGURATION = f"""
workers = 2
threads = 4
worker_class = "gthread"
max_requests = {REPLACED_AFTER}
preload_app = False
keepalive = 75
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "run.py").write_text(APPLICATION)
    (tmp_path / "gunicorn.conf.py").write_text(CONFIGURATION)
    return tmp_path


def test_the_peer_of_a_checkout_is_measured_with_its_own_gunicorn_settings(checkout: Path) -> None:
    require_redis_server()
    with ExitStack() as stack:
        case = peer.start(stack, checkout, None, REQUESTS)
        samples = repeat([case], ROUNDS)

    assert len(samples[PEER]) == ROUNDS
    assert all(sample.requests_per_second > 0 and sample.cpu_us > 0 for sample in samples[PEER])
    # Two workers of the configuration, and at least one that replaced another.
    assert len((checkout / "started").read_text()) > 2


def test_another_command_can_start_the_peer(checkout: Path) -> None:
    require_redis_server()
    (checkout / "run.py").rename(checkout / "other.py")
    (checkout / "gunicorn.conf.py").unlink()
    command = f"sh -c '{sys.executable} -m gunicorn --threads 2 --keep-alive 75 --bind $HOST:$PORT other'"
    with ExitStack() as stack:
        case = peer.start(stack, checkout, command, 24)
        samples = repeat([case], 1)

    assert len(samples[PEER]) == 1


def test_a_peer_with_an_unknown_api_is_refused(checkout: Path) -> None:
    require_redis_server()
    (checkout / "run.py").write_text("from flask import Flask\napplication = Flask(__name__)\n")
    with ExitStack() as stack, pytest.raises(peer.UnknownPeer, match="GET /api/totp"):
        peer.start(stack, checkout, None, REQUESTS)


@pytest.mark.parametrize(
    ("files", "end"),
    [
        ({"wsgi.py": "app = make()"}, ["--bind", "127.0.0.1:80", "wsgi:app"]),
        (
            {"src/run.py": "application = make()", "src/gunicorn/conf.py": ""},
            ["-c", "src/gunicorn/conf.py", "--bind", "127.0.0.1:80", "src.run:application"],
        ),
        (
            {"app.py": "def create_app():\n    pass", "gunicorn.conf.py": ""},
            ["-c", "gunicorn.conf.py", "--bind", "127.0.0.1:80", "app:create_app()"],
        ),
    ],
)
def test_usual_files_suggest_the_command(files: dict[str, str], end: list[str], tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    assert peer.command_of(tmp_path, 80) == [sys.executable, "-m", "gunicorn", *end]


def test_a_checkout_of_this_project_gets_the_settings_with_which_the_project_is_measured() -> None:
    root = Path(__file__).parents[2]
    settings = peer.settings_of(root, 80, "redis://127.0.0.1:1/0")

    assert peer.command_of(root, 80)[1] == "-c"
    assert settings["OPEN_MFA_REDIS_URL"] == "redis://127.0.0.1:1/0"
    assert settings["PYTHONPATH"].startswith(f"{root}/src:")
    assert settings["PORT"] == "80"


def test_a_checkout_without_usual_files_asks_for_the_command(tmp_path: Path) -> None:
    with pytest.raises(peer.UnknownPeer, match="Give the command"):
        peer.command_of(tmp_path, 80)
