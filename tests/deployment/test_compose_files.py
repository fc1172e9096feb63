"""What the files of the stacks say, without running them."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deployment.docker_support import COMPOSE, ROOT, attempt

STACKS = ("dev", "staging")
OURS = {"HOST", "PORT", "OPEN_MFA_ENV", "OPEN_MFA_REDIS_URL", "OPEN_MFA_REDIS_WAIT"}
"""Settings that the image and the stacks make themselves; a single Redis has no replicas to wait for."""
FIXED = {"OPEN_MFA_TRUSTED_PROXIES", "OPEN_MFA_COOKIE_SECURE"}
"""Settings that have one right value behind a proxy that ends TLS."""
EXAMPLE = (COMPOSE / ".env.example").read_text()


def settings() -> set[str]:
    """Every variable that the service reads."""
    source = (ROOT / "src/infrastructure/settings.py").read_text()
    read = re.findall(r'(?:env\.\w+\(|_whole\(env, )\s*"([A-Z_]+)"', source)
    assert len(read) > 25
    return set(read)


def services(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text())["services"])


def stack(kind: str) -> dict[str, Any]:
    """The services of a stack, with what they have in common."""
    common = services(COMPOSE / "common.yml")
    found = services(COMPOSE / kind / "compose.yml")
    return {name: common.get(name, {}) | own for name, own in found.items()}


def used() -> set[str]:
    """Every variable in the Compose files."""
    files = [COMPOSE / "common.yml", *(COMPOSE / kind / "compose.yml" for kind in STACKS)]
    texts = "\n".join(file.read_text() for file in files)
    return set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", texts)) - {"COMPOSE_PROJECT_NAME"}


def explained() -> set[str]:
    """Every variable of the example that stands below a sentence about it."""
    found, words = set(), False
    for line in EXAMPLE.splitlines():
        name = re.match(r"(?:# )?([A-Z_]+)=", line)
        if name and words:
            found.add(name[1])
        elif not name:
            words = bool(re.match(r"# \w", line))
    return found


def test_every_setting_of_the_service_can_be_set() -> None:
    passed = set(services(COMPOSE / "common.yml")["app"]["environment"])

    assert settings() - OURS <= passed
    assert passed >= FIXED
    assert not passed - settings()


def test_every_variable_is_explained_and_every_explained_one_is_used() -> None:
    labels = {"BASE_IMAGE", "VERSION", "REVISION", "SOURCE"}

    assert explained() == used() | labels


@pytest.mark.parametrize("kind", STACKS)
def test_only_the_proxy_is_published(kind: str) -> None:
    assert [name for name, service in stack(kind).items() if "ports" in service] == ["proxy"]


@pytest.mark.parametrize("kind", STACKS)
def test_redis_shares_an_internal_network_with_the_app_alone(kind: str) -> None:
    document = yaml.safe_load((COMPOSE / kind / "compose.yml").read_text())

    assert document["networks"]["back"] == {"internal": True}
    assert {name for name, service in document["services"].items() if "back" in service["networks"]} == {"app", "redis"}
    assert document["services"]["redis"]["networks"] == ["back"]


@pytest.mark.parametrize("kind", STACKS)
def test_nothing_gains_privileges_and_what_is_ours_has_none(kind: str) -> None:
    for name, service in stack(kind).items():
        assert "no-new-privileges:true" in service["security_opt"], name
        assert "privileged" not in service
    for name in ("app", "redis", "proxy"):
        assert stack(kind)[name]["read_only"] is True
        assert stack(kind)[name]["cap_drop"] == ["ALL"]


def test_the_docker_socket_is_not_where_strangers_come_in() -> None:
    holders = {name for name, service in stack("staging").items() if "docker.sock" in str(service.get("volumes"))}

    assert holders == {"docker-gen", "acme"}
    assert "docker.sock" not in (COMPOSE / "dev/compose.yml").read_text()


@pytest.mark.parametrize("name", ["dev/.env", "staging/.env", "dev/certs/open-mfa.local-key.pem"])
def test_git_would_track_no_secret(name: str) -> None:
    path = f"deploy/docker-compose/{name}"
    done = attempt("git", "check-ignore", "--quiet", "--no-index", path, cwd=ROOT)

    assert done.returncode == 0, done.stderr


def test_git_tracks_no_secret() -> None:
    """Nothing behind the name of a secret, in any file."""
    value = r"['\"]?[A-Za-z0-9+/:_-]{8}"
    secret = (
        r"^ *(REDIS_PASSWORD|OPEN_MFA_(SECRET_KEY|ENCRYPTION_KEYS|API_KEYS|ADMIN_PASSWORD|GATE_SECRET)) *[=:] *" + value
    )
    files = [path for path in COMPOSE.rglob("*") if path.is_file() and path.name != ".env"]
    lines = [line for path in files if path.suffix != ".pem" for line in path.read_text().splitlines()]

    found = [line for line in lines if re.match(secret, line) and "${" not in line]

    assert found == []


def test_images_are_pinned() -> None:
    names = re.findall(r"image: \$\{[A-Z_]+:-([^}]+)\}", "".join(p.read_text() for p in COMPOSE.rglob("*.yml")))

    assert len(names) >= 7
    assert all(re.search(r":v?\d+\.\d+", name) or name.startswith("open-mfa:") for name in names)


@pytest.mark.parametrize("arguments", [(), ("dev",), ("dev", "roll"), ("prod", "up"), ("dev", "up", "now")])
def test_the_script_says_how_it_is_used(arguments: tuple[str, ...]) -> None:
    done = subprocess.run([COMPOSE / "stack.sh", *arguments], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: stack.sh dev|staging")
