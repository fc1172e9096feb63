"""The staging stack: `make staging-up` starts it, and `make staging-roll` deploys to it."""

import fcntl
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.deployment.conftest import spoken
from tests.deployment.docker_support import Load, Stack, attempt, defaults, run, stand_ins
from tests.support.processes import spawn, wait_until

HOST = "mfa.example.test"
REQUIRED = ("DOMAIN", "ACME_EMAIL", "REDIS_PASSWORD", "OPEN_MFA_SECRET_KEY", "OPEN_MFA_ENCRYPTION_KEYS")
BURST = 15
"""The number of code checks that location.conf accepts at once."""


@pytest.fixture(scope="module")
def staging(images: dict[str, str], compose: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    # Let's Encrypt can reach only machines with a public name, so a stand-in always replaces it.
    acme = {"ACME_IMAGE": (images or stand_ins())["ACME_IMAGE"]}
    stack = Stack("staging", tmp_path_factory.mktemp("staging") / "checkout", HOST, images | acme)
    try:
        stack.script("env.sh", "staging")
        # These tests observe the limits of the proxy.
        stack.setting(DOMAIN=HOST, ACME_EMAIL="staff@example.test", OPEN_MFA_RATE_LIMIT="off")
        stack.script("stack.sh", "staging", "up", patience=900)
        authority = stack.compose("exec", "-T", "acme", "cat", "/etc/nginx/certs/stand-in-authority.pem")
        stack.authority.write_text(authority)
        yield stack
    finally:
        stack.remove()


@contextmanager
def unlimited(staging: Stack) -> Iterator[None]:
    """Exempt the address of the tests from the limits, with the commented line in the file."""
    path = staging.home / "limits.conf"
    before = path.read_text()
    assert "  # 203.0.113.7 0;" in before
    path.write_text(before.replace("  # 203.0.113.7 0;", "  0.0.0.0/0 0;"))
    reload(staging)
    try:
        yield
    finally:
        path.write_text(before)
        reload(staging)


def reload(staging: Stack) -> None:
    """Reload the proxy's configuration, and return when no worker accepts connections under the former one."""
    former = workers(staging)
    assert former
    staging.compose("kill", "--signal", "HUP", "proxy")
    wait_until(lambda: bool(now := workers(staging)) and not now & former, "the new configuration")


def workers(staging: Stack) -> set[str]:
    """Return the process ids of the proxy's workers that accept connections. One that shuts down has another title."""
    (proxy,) = staging.containers("proxy")
    # The proxy's image need not have any program for this; the service's has Python.
    listing = "import pathlib\nfor file in pathlib.Path('/proc').glob('[0-9]*/cmdline'): print(file, file.read_text())"
    host = ["--rm", "--user", "0", "--pid", f"container:{proxy}", "--network", "none", "--entrypoint", "python"]
    lines = run("docker", "run", *host, staging.environment["IMAGE"], "-c", listing).replace("\0", " ").splitlines()
    titles = (line.partition(" ") for line in lines)
    return {file.split("/")[2] for file, _, title in titles if title.strip() == "nginx: worker process"}


def header(staging: Stack, name: str, value: str) -> None:
    """Change the source, so that every answer of the new image has another header field."""
    middleware = staging.tree / "src/presentation/http/framework/middleware.py"
    text = middleware.read_text()
    middleware.write_text(text.replace('    ("X-Frame-Options"', f'    ("{name}", "{value}"),\n    ("X-Frame-Options"'))
    assert middleware.read_text() != text


def image_of(container: str) -> str:
    return run("docker", "inspect", "--format", "{{.Image}}", container).strip()


def test_a_client_enrols_and_verifies_over_tls(staging: Stack) -> None:
    client = staging.client()
    codes = client.enrol()
    code = next(codes)

    assert client.verify(code) == (200, {"verified": True, "factor": "hotp", "status": "confirmed"})
    status, refusal = client.verify(code)
    assert (status, refusal["reason"]) == (403, "replayed")


def test_browsers_get_strict_transport_security(staging: Stack) -> None:
    _, headers, _ = staging.client().ask("GET", "/healthz")

    assert headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize(
    "path", ["/metrics", "/metrics/", "//metrics", "/%6Detrics", "/x/../metrics", "/metrics?x=1", "/mfa/metrics"]
)
def test_metrics_are_not_public(staging: Stack, path: str) -> None:
    status, headers, _ = staging.client().ask("GET", path)

    assert (status, "X-Request-ID" in headers) == (404, False)


def test_http_serves_only_acme_challenges_and_redirects_to_https(staging: Stack) -> None:
    def plain(path: str) -> requests.Response:
        site = f"http://127.0.0.1:{staging.http_port}"
        return requests.get(f"{site}{path}", headers={"Host": HOST}, allow_redirects=False, timeout=5)

    folder = "/usr/share/nginx/html/.well-known/acme-challenge"
    script = f"mkdir -p {folder} && echo proof > {folder}/token && cat {folder}/token"
    staging.compose("exec", "-T", "acme", "sh", "-c", script)

    redirect = plain("/a?b=1")
    assert (redirect.status_code, redirect.headers["Location"]) == (301, f"https://{HOST}/a?b=1")
    challenge = plain("/.well-known/acme-challenge/token")
    assert (challenge.status_code, challenge.text) == (200, "proof\n")


def test_only_the_proxy_is_published(staging: Stack) -> None:
    listing = staging.compose("ps", "--format", "json")
    rows = [json.loads(line) for line in listing.splitlines()]
    published = {row["Service"] for row in rows if any(port.get("PublishedPort") for port in row["Publishers"] or ())}

    assert published == {"proxy"}
    assert {row["Service"] for row in rows} == {"proxy", "docker-gen", "acme", "app", "redis"}
    assert {row["Health"] for row in rows} == {"healthy"}


def test_the_doctor_finds_no_problem(staging: Stack) -> None:
    (container, _) = staging.containers("app")
    done = attempt("docker", "exec", container, "open-mfa", "doctor")
    findings = done.stdout.splitlines()

    assert [line for line in findings if not line.startswith("ok ")] == []
    assert done.returncode == 0
    assert "ok           Redis at redis:6379 has an append-only file" in findings
    assert "ok           OPEN_MFA_REDIS_URL uses TLS" in findings


def test_redis_accepts_only_tls(staging: Stack) -> None:
    """Without TLS, Redis would answer `-NOAUTH`."""
    (container, _) = staging.containers("app")
    script = (
        "import socket as s; w = s.create_connection(('redis', 6379), 3); w.sendall(b'PING\\r\\n'); print(w.recv(64))"
    )
    done = attempt("docker", "exec", container, "python", "-c", script)

    assert done.stdout == "b''\n" or "ConnectionResetError" in done.stderr, done.stdout + done.stderr


def test_code_checks_are_limited_for_each_address_even_with_forged_headers(staging: Stack) -> None:
    client = staging.client()
    path = "/api/v1/session/hotp/verify"
    seen = client.burst(5 * BURST, "POST", path, '{"code": "000000"}')

    # Nothing is enrolled, so the service answers accepted requests with 404.
    assert seen.keys() == {(404, True), (429, False)}
    assert seen[404, True] >= BURST
    # Other requests are not limited in this way, and another address has its own limit.
    assert client.ask("GET", "/healthz")[0] == 200
    assert from_another_address(staging, path) == 404


def from_another_address(staging: Stack, path: str) -> int:
    """Return the status of a code check that a container in the same network sends."""
    command = ["docker", "run", "--rm", "--network", f"{staging.project}_front", "--entrypoint", "curl"]
    options = ["-sk", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", "--connect-to", f"{HOST}:443:proxy:443"]
    body = ["-H", "Content-Type: application/json", "-d", '{"code": "000000"}', f"https://{HOST}{path}"]
    image = staging.environment.get("NGINX_IMAGE", defaults()["NGINX_IMAGE"])
    return int(run(*command, image, *options, *body))


def test_all_requests_of_an_address_are_limited(staging: Stack) -> None:
    seen = staging.client().burst(400, "GET", "/healthz")

    assert seen.keys() == {(200, True), (429, False)}
    assert seen[200, True] >= 60


def test_a_deployment_under_load_loses_no_request_and_accepts_no_code_twice(staging: Stack) -> None:
    before = staging.containers("app")
    former = {image_of(each) for each in before}
    request_id = "the-request-of-an-incident"
    status, headers, _ = staging.client().ask("POST", "/api/v1/session/otp", {}, {"X-Request-ID": request_id})
    assert (status, headers["X-Request-ID"]) == (201, request_id)
    header(staging, "X-Generation", "2")
    with unlimited(staging):
        staging.wait_until_it_serves()
        with Load(staging, 8) as load:
            staging.script("stack.sh", "staging", "roll", patience=400)
            calls = load.calls
            # The new containers answer all further calls.
            load.wait_until(lambda: load.calls > calls + 20, "answers of the new containers")
    after = staging.containers("app")

    summary = f"{load.calls} calls with the answers {dict(load.answers)}, {len(load.lost)} of them lost"
    spoken.append(f"Deployment under load: {summary}.")
    assert load.lost == []
    assert load.answers.keys() == {200, 403}
    assert set(load.accepted.values()) == {1}
    assert load.accepted.keys() == load.sent
    assert calls > 200
    assert len(after) == len(before) == 2
    assert not set(after) & set(before)
    assert not {image_of(each) for each in after} & former
    assert not any(exists(each) for each in before)
    generations = {staging.client().ask("GET", "/readyz")[1].get("X-Generation") for _ in range(8)}
    assert generations == {"2"}
    kept = [path.read_text() for path in sorted((staging.home / "logs").iterdir())]
    assert len(kept) == len(before)
    assert sum(request_id in log for log in kept) == 1
    staging.script("stack.sh", "staging", "up")
    assert sorted(staging.containers("app")) == sorted(after)


def exists(container: str) -> bool:
    return attempt("docker", "inspect", container).returncode == 0


def test_after_a_deployment_of_a_broken_image_the_old_containers_serve(staging: Stack) -> None:
    before = staging.containers("app")
    middleware = staging.tree / "src/presentation/http/framework/middleware.py"
    text = middleware.read_text()
    middleware.write_text(text + "\nraise SystemExit('broken')\n")
    try:
        done = staging.attempt("stack.sh", "staging", "roll", PATIENCE="20")
    finally:
        middleware.write_text(text)

    assert done.returncode == 1
    assert "The old containers continue to serve." in done.stderr
    assert sorted(staging.containers("app")) == sorted(before)
    assert staging.serves()


def test_after_a_deployment_that_does_not_reach_redis_the_old_containers_serve(staging: Stack) -> None:
    before = staging.containers("app")
    path = staging.home / ".env"
    text = path.read_text()
    try:
        staging.setting(REDIS_PASSWORD="another")
        done = staging.attempt("stack.sh", "staging", "roll", PATIENCE="20")
    finally:
        path.write_text(text)

    assert done.returncode == 1
    assert "or do not reach Redis" in done.stderr
    assert sorted(staging.containers("app")) == sorted(before)
    assert staging.serves()


def test_an_interrupted_deployment_removes_its_containers(staging: Stack, tmp_path: Path) -> None:
    before = staging.containers("app")
    path = staging.home / ".env"
    text = path.read_text()
    try:
        # With another password the containers never become ready, so that the test can interrupt the deployment.
        staging.setting(REDIS_PASSWORD="another")
        script = [str(staging.home.parent / "stack.sh"), "staging", "roll"]
        rolling = spawn(script, tmp_path / "roll", staging.environment)
        wait_until(
            lambda: rolling.poll() is not None or running(staging) == 2 * len(before),
            "the start of the new containers",
            tmp_path / "roll",
            patience=60,
        )
        assert rolling.poll() is None, (tmp_path / "roll").read_text()
        rolling.terminate()

        assert rolling.wait(60) == 130
    finally:
        path.write_text(text)
    assert sorted(staging.containers("app")) == sorted(before)
    assert staging.serves()


def test_after_a_crash_of_ready_new_containers_the_old_containers_serve(staging: Stack, tmp_path: Path) -> None:
    before = staging.containers("app")
    script = [str(staging.home.parent / "stack.sh"), "staging", "roll"]
    rolling = spawn(script, tmp_path / "roll", staging.environment | {"PATIENCE": "60"})
    wait_until(
        lambda: rolling.poll() is not None or reachable(staging) - set(before) != set(),
        "the connection of a ready container",
        tmp_path / "roll",
        patience=90,
    )
    assert rolling.poll() is None, (tmp_path / "roll").read_text()
    run("docker", "kill", *(reachable(staging) - set(before)))

    assert rolling.wait(120) == 1
    assert sorted(staging.containers("app")) == sorted(before)
    assert staging.serves()


def reachable(staging: Stack) -> set[str]:
    """Return the containers of the service that the proxy can reach."""
    listed = "{{range $id, $_ := .Containers}}{{$id}} {{end}}"
    reached = run("docker", "network", "inspect", "--format", listed, f"{staging.project}_front").split()
    return set(reached) & set(staging.compose("ps", "--all", "--quiet", "app").split())


def running(staging: Stack) -> int:
    return len(staging.compose("ps", "--quiet", "--status", "running", "app").split())


def test_a_container_is_not_removed_if_its_log_cannot_be_saved(staging: Stack) -> None:
    before = staging.containers("app")
    logs, aside = staging.home / "logs", staging.home / "aside"
    logs.rename(aside)
    logs.write_text("in the way")
    try:
        done = staging.attempt("stack.sh", "staging", "down")
    finally:
        logs.unlink()
        aside.rename(logs)

    assert done.returncode != 0
    assert sorted(staging.containers("app")) == sorted(before)
    assert staging.serves()


def test_variables_of_the_shell_do_not_change_the_stack(staging: Stack) -> None:
    before = staging.containers("app")

    done = staging.attempt("stack.sh", "staging", "up", OPEN_MFA_SECRET_KEY="of somebody's shell", REDIS_PASSWORD="x")

    assert done.returncode == 0, done.stderr
    assert sorted(staging.containers("app")) == sorted(before)


def test_the_script_does_not_run_twice_at_the_same_time(staging: Stack) -> None:
    with (staging.home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = staging.attempt("stack.sh", "staging", "up")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Another stack.sh is already working on this stack. Wait until it has finished.\n"


def test_while_a_crashed_container_restarts_the_other_one_serves(staging: Stack) -> None:
    client = staging.client()
    codes = client.enrol()
    crashed, _ = staging.containers("app")

    staging.kill(crashed)
    assert [client.verify(next(codes))[0] for _ in range(4)] == [200] * 4
    wait_until(lambda: restarts(crashed) == 1, "the restart", patience=40)
    wait_until(lambda: ready(crashed), "the restarted container", patience=40)

    assert client.verify(next(codes))[0] == 200


def restarts(container: str) -> int:
    return int(run("docker", "inspect", "--format", "{{.RestartCount}}", container))


def ready(container: str) -> bool:
    check = "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"
    return attempt("docker", "exec", container, "python", "-c", check).returncode == 0


def test_after_a_crash_of_redis_under_load_no_code_is_accepted_twice(staging: Stack) -> None:
    (redis,) = staging.containers("redis")
    with unlimited(staging):
        staging.wait_until_it_serves()
        with Load(staging, 2) as load:
            staging.kill(redis)
            staging.wait_until_it_serves()
            accepted = load.answers[200]
            load.wait_until(lambda: load.answers[200] > accepted + 10, "accepted codes after the restart of Redis")

    assert load.lost == []
    assert load.answers.keys() <= {200, 403, 503}
    assert set(load.accepted.values()) == {1}


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_variable_prevents_the_start_and_is_named(staging: Stack, name: str) -> None:
    path = staging.home / ".env"
    text = path.read_text()
    try:
        path.write_text(re.sub(rf"^{name}=.*$", f"{name}=", text, flags=re.MULTILINE))
        done = staging.attempt("stack.sh", "staging", "up")
    finally:
        path.write_text(text)

    assert done.returncode == 1
    assert done.stderr == f"deploy/docker-compose/staging/.env: set {name}\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DOMAIN", "https://mfa.example.test"),
        ("DOMAIN", "'MFA.example.test'"),
        ("REDIS_PASSWORD", "p@ss/w%rd"),
        ("APP_REPLICAS", "0"),
    ],
)
def test_an_invalid_variable_prevents_the_start_and_is_named(staging: Stack, name: str, value: str) -> None:
    path = staging.home / ".env"
    text = path.read_text()
    try:
        staging.setting(**{name: value})
        done = staging.attempt("stack.sh", "staging", "up")
    finally:
        path.write_text(text)

    assert done.returncode == 1
    assert done.stderr.startswith(f"deploy/docker-compose/staging/.env: {name} must be ")


@pytest.mark.parametrize("name", ["OPEN_MFA_TRUSTED_PROXIES", "OPEN_MFA_ISUER"])
def test_an_unknown_variable_prevents_the_start_and_is_named(staging: Stack, name: str) -> None:
    path = staging.home / ".env"
    text = path.read_text()
    try:
        staging.setting(**{name: "1"})
        done = staging.attempt("stack.sh", "staging", "up")
    finally:
        path.write_text(text)

    assert done.returncode == 1
    assert done.stderr.endswith(f"would have no effect: {name}\n")
