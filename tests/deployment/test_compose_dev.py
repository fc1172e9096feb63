"""The development stack, which `make dev-setup` and `make dev-up` create."""

import http.client
import re
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.deployment.docker_support import Stack, attempt, is_healthy, missing, run
from tests.support.documents import page, section
from tests.support.processes import wait_until

NO_MKCERT = "mkcert is not installed, so the development stack was not run (Debian: apt-get install mkcert)"
TENANTS = section(page("how-to/deploy-with-compose"), "Configure tenants")
REQUIRED = ("REDIS_PASSWORD", "OPEN_MFA_SECRET_KEY", "OPEN_MFA_ENCRYPTION_KEYS")


@pytest.fixture(scope="module")
def dev(images: dict[str, str], compose: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if shutil.which("mkcert") is None:
        missing(NO_MKCERT)
    directory = tmp_path_factory.mktemp("dev")
    stack = Stack("dev", directory / "checkout", "open-mfa.local", images)
    hosts = directory / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    # The browsers of this machine do not trust the authority of the tests.
    stack.environment |= {"HOSTS_FILE": str(hosts), "CAROOT": str(directory / "authority"), "TRUST_STORES": "none"}
    stack.authority = directory / "authority/rootCA.pem"
    try:
        # The start creates everything else that is missing.
        shutil.copy2(stack.home.parent / ".env.example", stack.home / ".env")
        stack.script("stack.sh", "dev", "up", patience=900)
        yield stack
    finally:
        stack.remove()


def addresses(dev: Stack) -> set[str]:
    """Return the client addresses in the audit trail."""
    return set(re.findall(r'"message":"judged".*?"address":"([^"]*)"', dev.compose("logs", "--no-log-prefix", "app")))


def test_a_second_setup_changes_nothing(dev: Stack) -> None:
    certificates = [*sorted((dev.home / "certs").iterdir()), *sorted((dev.home.parent / "redis/tls").iterdir())]
    paths = [dev.home / ".env", *certificates, Path(dev.environment["HOSTS_FILE"])]
    before = [path.read_bytes() for path in paths]

    dev.script("dev/setup.sh")

    assert [path.read_bytes() for path in paths] == before
    assert before[-1] == b"127.0.0.1 localhost\n127.0.0.1 open-mfa.local\n::1 open-mfa.local\n"
    assert len(paths) == 7


def test_the_secrets_are_new_strong_and_different(dev: Stack) -> None:
    settings = dev.settings()

    for name in ("REDIS_PASSWORD", "OPEN_MFA_SECRET_KEY", "OPEN_MFA_ADMIN_PASSWORD"):
        assert re.fullmatch(r"[0-9a-f]{64}", settings[name])
    assert re.fullmatch(r"k1:[A-Za-z0-9+/]{43}=", settings["OPEN_MFA_ENCRYPTION_KEYS"])
    assert re.fullmatch(r"[A-Z2-7]{32}", settings["OPEN_MFA_GATE_SECRET"])
    assert len({value for value in settings.values() if value}) == len([value for value in settings.values() if value])
    assert (dev.home / ".env").stat().st_mode & 0o077 == 0


def test_a_client_enrols_and_verifies_over_tls(dev: Stack) -> None:
    client = dev.client()
    codes = client.enrol()
    code = next(codes)

    assert client.verify(code) == (200, {"verified": True, "factor": "hotp", "status": "confirmed"})
    status, refusal = client.verify(code)
    assert (status, refusal["reason"]) == (403, "replayed")


def test_the_session_cookie_is_only_for_tls(dev: Stack) -> None:
    _, headers, _ = dev.client().ask("POST", "/api/v1/session/hotp", {})

    assert {"Secure", "HttpOnly"} <= set(headers["Set-Cookie"].split("; "))


def test_http_redirects_to_https(dev: Stack) -> None:
    site, host = f"http://127.0.0.1:{dev.http_port}", {"Host": f"open-mfa.local:{dev.http_port}"}
    answer = requests.post(f"{site}/a?b=1", headers=host, allow_redirects=False, timeout=5)

    location = f"https://open-mfa.local:{dev.https_port}/a?b=1"
    assert (answer.status_code, answer.headers["Location"]) == (308, location)


def test_a_client_cannot_forge_its_address_in_the_audit_trail(dev: Stack) -> None:
    client = dev.client()
    client.verify(next(client.enrol()), X_Forwarded_For="203.0.113.99")

    written = addresses(dev)
    assert written
    assert "203.0.113.99" not in written
    assert dev.inspect("proxy")["NetworkSettings"]["Networks"][f"{dev.project}_front"]["IPAddress"] not in written


def test_only_the_proxy_is_published(dev: Stack) -> None:
    published = {}
    for service in ("proxy", "app", "redis", "mail"):
        ports = dev.inspect(service)["NetworkSettings"]["Ports"]
        published[service] = sorted(each["HostIp"] for bound in ports.values() for each in bound or ())

    assert published == {"proxy": ["127.0.0.1", "127.0.0.1"], "app": [], "redis": [], "mail": []}


def test_the_proxy_cannot_reach_redis_and_redis_cannot_reach_other_networks(dev: Stack) -> None:
    (proxy,) = dev.containers("proxy")

    no_such_name = 6
    assert attempt("docker", "exec", proxy, "curl", "-m", "3", "http://redis:6379").returncode == no_such_name
    network = f"{dev.project}_back"
    assert run("docker", "network", "inspect", "--format", "{{.Internal}}", network).strip() == "true"
    assert list(dev.inspect("redis")["NetworkSettings"]["Networks"]) == [network]


def test_no_container_runs_as_root_or_can_write_to_its_root_file_system(dev: Stack) -> None:
    for service in ("app", "redis", "proxy", "mail"):
        (container,) = dev.containers(service)
        rows = run("docker", "top", container, "-eo", "pid,uid").splitlines()[1:]
        assert rows
        assert "0" not in {row.split()[1] for row in rows}, service
        assert dev.inspect(service)["HostConfig"]["ReadonlyRootfs"] is True, service


def test_no_command_line_contains_the_password_of_redis(dev: Stack) -> None:
    password = dev.settings()["REDIS_PASSWORD"]
    inspected = dev.inspect("redis")
    (container,) = dev.containers("redis")

    assert password not in str([inspected["Config"]["Cmd"], inspected["Args"], inspected["Config"]["Healthcheck"]])
    assert "redis-server" in (args := run("docker", "top", container, "-eo", "pid,args"))
    assert password not in args


def test_redis_requires_the_password_and_persists_every_write(dev: Stack) -> None:
    (container,) = dev.containers("redis")
    cli = ["redis-cli", "--tls", "--cacert", "/etc/redis/redis.pem"]
    refused = run("docker", "exec", "--env", "REDISCLI_AUTH=", container, *cli, "ping")

    def setting(name: str) -> str:
        return run("docker", "exec", container, *cli, "config", "get", name).split()[-1]

    assert "NOAUTH" in refused
    assert (setting("appendonly"), setting("appendfsync"), setting("maxmemory-policy")) == (
        "yes",
        "always",
        "noeviction",
    )
    assert setting("maxmemory") == str(256 * 1024 * 1024)


def test_the_mail_catcher_shows_a_mail(dev: Stack) -> None:
    client = dev.client()
    body = {"delivery": {"channel": "email", "to": "alice@example.com"}}
    status, _, document = client.ask("POST", "/api/v1/session/otp", body)
    assert status == 201, document

    _, _, listed = client.ask("GET", "/mail/api/v1/messages")
    newest = listed["messages"][0]
    _, _, mail = client.ask("GET", f"/mail/api/v1/message/{newest['ID']}")
    code = re.search(r"^\s*(\d{6})\s*$", mail["Text"], re.MULTILINE)

    assert newest["To"][0]["Address"] == "alice@example.com"
    assert code is not None
    assert client.ask("POST", "/api/v1/session/otp/verify", {"code": code[1]})[0] == 200


def test_a_change_of_the_source_takes_effect(dev: Stack) -> None:
    def has_field(name: str) -> bool:
        try:
            return name in dev.client().ask("GET", "/healthz")[1]
        except (OSError, http.client.HTTPException):
            return False

    middleware = dev.tree / "src/presentation/http/framework/middleware.py"
    before = middleware.read_text()
    assert not has_field("X-Changed")
    middleware.write_text(before.replace('    ("X-Frame-Options"', '    ("X-Changed", "yes"),\n    ("X-Frame-Options"'))
    wait_until(lambda: has_field("X-Changed"), "the effect of the change", patience=40)

    middleware.write_text("this is not Python\n")
    wait_until(lambda: not dev.serves(), "the effect of the syntax error", patience=40)
    middleware.write_text(before)
    dev.wait_until_it_serves()


def test_a_tenants_file_is_used_and_a_change_takes_effect_without_a_restart(dev: Stack) -> None:
    commands = [command for _, command in re.findall(r"^( *)```sh\n(.*?)```", TENANTS, re.MULTILINE | re.DOTALL)]
    copy_and_check, create, send = (textwrap.dedent(command) for command in commands)
    copy, check = copy_and_check.splitlines()

    def shell(command: str) -> str:
        return run("bash", "-euc", command, env=dev.environment, cwd=dev.home)

    shell(copy)
    assert "shop" in shell(check)
    # gunicorn logs a received SIGHUP at this level only.
    dev.setting(OPEN_MFA_TENANTS="/etc/open-mfa/tenants/tenants.toml", OPEN_MFA_LOG_LEVEL="DEBUG")
    dev.script("stack.sh", "dev", "up")
    dev.wait_until_it_serves()
    (container,) = dev.containers("app")
    started = run("docker", "inspect", "--format", "{{.State.StartedAt}}", container)
    file = dev.home.parent / "tenants/tenants.toml"

    # The command appends to the file. Editors replace it.
    shell(create)
    headers = {"Authorization": f"Bearer {(dev.home / 'web.key').read_text().strip()}"}
    wait_until(lambda: dev.client().ask("GET", "/api/v1/accounts/eva", None, headers)[0] == 200, "the key", patience=40)
    new = file.with_suffix(".new")
    new.write_text(file.read_text().partition("[[shop.keys]]")[0])
    new.replace(file)
    wait_until(lambda: dev.client().ask("GET", "/api/v1/accounts/eva", None, headers)[0] == 401, "no key", patience=40)

    reloads = dev.compose("logs", "app").count("Hang up")
    shell(send)
    wait_until(lambda: dev.compose("logs", "app").count("Hang up") > reloads, "the reload", patience=40)
    dev.wait_until_it_serves()
    assert run("docker", "inspect", "--format", "{{.State.StartedAt}}", container) == started


def test_redis_keeps_enrolled_secrets_over_a_crash(dev: Stack) -> None:
    client = dev.client()
    codes = client.enrol()
    spent = next(codes)
    assert client.verify(spent)[0] == 200
    (container,) = dev.containers("redis")
    before = run("docker", "inspect", "--format", "{{.State.StartedAt}}", container)

    dev.kill(container)
    status, _ = client.verify(spent)
    assert status in {403, 503}
    wait_until(lambda: restarts(container) == 1 and is_healthy(container), "the restart of Redis", patience=40)
    dev.wait_until_it_serves()

    assert run("docker", "inspect", "--format", "{{.State.StartedAt}}", container) != before
    status, refusal = client.verify(spent)
    assert (status, refusal["reason"]) == (403, "replayed")
    assert client.verify(next(codes))[0] == 200


def test_a_crashed_app_is_restarted(dev: Stack) -> None:
    client = dev.client()
    codes = client.enrol()
    assert client.verify(next(codes))[0] == 200
    (container,) = dev.containers("app")

    dev.kill(container)
    wait_until(lambda: restarts(container) == 1, "the restart", patience=40)
    dev.wait_until_it_serves()

    assert client.verify(next(codes))[0] == 200


def test_the_proxy_finds_a_replaced_app_at_another_address(dev: Stack) -> None:
    client = dev.client()
    codes = client.enrol()
    (before,) = dev.containers("app")
    address = ip_of(dev.inspect("app"), dev)

    dev.compose("rm", "--stop", "--force", "app")
    # The next container gets the free address.
    options = ["--detach", "--rm", "--network", f"{dev.project}_front", "--entrypoint", "python"]
    wait = "import signal; signal.pause()"
    occupied = run("docker", "run", *options, dev.environment["IMAGE"], "-c", wait).strip()
    try:
        dev.compose("up", "--detach", "--wait", "--no-recreate", "app")
        dev.wait_until_it_serves()
        (after,) = dev.containers("app")

        assert before != after
        assert ip_of(dev.inspect("app"), dev) != address
        assert client.verify(next(codes))[0] == 200
    finally:
        run("docker", "rm", "--force", occupied)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_variable_prevents_the_start_and_is_named(dev: Stack, name: str) -> None:
    path = dev.home / ".env"
    text = path.read_text()
    try:
        path.write_text(re.sub(rf"^{name}=.*$", f"{name}=", text, flags=re.MULTILINE))
        done = dev.attempt("stack.sh", "dev", "up")
    finally:
        path.write_text(text)

    assert done.returncode == 1
    assert done.stderr == f"deploy/docker-compose/dev/.env: set {name}\n"


def test_a_stopped_stack_keeps_enrolled_secrets(dev: Stack) -> None:
    """This test comes last, because it removes the containers of the other tests."""
    client = dev.client()
    codes = client.enrol()
    assert client.verify(next(codes))[0] == 200

    dev.script("stack.sh", "dev", "down")
    assert not dev.compose("ps", "--all", "--quiet").split()
    dev.script("stack.sh", "dev", "up")

    assert client.verify(next(codes))[0] == 200


def restarts(container: str) -> int:
    return int(run("docker", "inspect", "--format", "{{.RestartCount}}", container))


def ip_of(inspected: dict[str, Any], dev: Stack) -> str:
    return str(inspected["NetworkSettings"]["Networks"][f"{dev.project}_front"]["IPAddress"])
