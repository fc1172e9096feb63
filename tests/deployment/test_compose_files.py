"""The files of the stacks, without running them."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deployment.docker_support import COMPOSE, ROOT, attempt
from tests.deployment.judging import posts

STACKS = ("dev", "staging")
WITHOUT_DIGEST = {"nginxproxy/nginx-proxy:1.10.1-alpine", "nginxproxy/acme-companion:2.6.3"}
"""No digest of these could be confirmed from several independent sources. The next update may add one."""


def services(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text())["services"])


def stack(kind: str) -> dict[str, Any]:
    """Return the services of a stack, merged with the common ones."""
    common = services(COMPOSE / "compose.common.yml")
    found = services(COMPOSE / kind / "compose.yml")
    return {name: common.get(name, {}) | own for name, own in found.items()}


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
def test_no_container_gains_privileges(kind: str) -> None:
    for name, service in stack(kind).items():
        assert "no-new-privileges:true" in service["security_opt"], name
        assert "privileged" not in service
    for name in ("app", "redis", "proxy"):
        assert stack(kind)[name]["read_only"] is True
        assert stack(kind)[name]["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("kind", STACKS)
def test_no_service_waits_for_the_log_driver(kind: str) -> None:
    """As on AWS, the driver buffers lines in memory while their destination is stalled."""
    terraform = (ROOT / "deploy/terraform/app-stack/service.tf").read_text()
    settings = dict(re.findall(r'^ +(mode|max-buffer-size) += "(.+)"$', terraform, re.MULTILINE))

    assert settings["mode"] == "non-blocking"
    for name in ("app", "redis"):
        options = stack(kind)[name]["logging"]["options"]
        assert {option: options[option] for option in settings} == settings, name


@pytest.mark.parametrize("kind", STACKS)
def test_the_directory_of_the_tenants_file_is_mounted_read_only(kind: str) -> None:
    mounts = services(COMPOSE / "compose.common.yml")["app"]["volumes"]

    assert "./tenants:/etc/open-mfa/tenants:ro" in mounts
    # Docker would create a missing directory as root.
    assert (COMPOSE / "tenants").is_dir()
    assert services(COMPOSE / kind / "compose.yml")["app"]["extends"]["service"] == "app"


def test_the_published_container_has_no_docker_socket() -> None:
    holders = {name for name, service in stack("staging").items() if "docker.sock" in str(service.get("volumes"))}

    assert holders == {"docker-gen", "acme"}
    assert "docker.sock" not in (COMPOSE / "dev/compose.yml").read_text()


@pytest.mark.parametrize(
    "name", ["dev/.env", "staging/.env", "dev/certs/open-mfa.local-key.pem", "redis/tls/redis-key.pem"]
)
def test_git_ignores_files_with_secrets(name: str) -> None:
    path = f"deploy/docker-compose/{name}"
    done = attempt("git", "check-ignore", "--quiet", "--no-index", path, cwd=ROOT)

    assert done.returncode == 0, done.stderr


def test_no_tracked_file_contains_a_secret() -> None:
    """In no file is the name of a secret followed by a value."""
    value = r"['\"]?[A-Za-z0-9+/:_-]{8}"
    secret = (
        r"^ *(REDIS_PASSWORD|OPEN_MFA_(SECRET_KEY|ENCRYPTION_KEYS|API_KEYS|ADMIN_PASSWORD|GATE_SECRET)) *[=:] *" + value
    )
    files = [path for path in COMPOSE.rglob("*") if path.is_file() and path.name != ".env"]
    lines = [line for path in files if path.suffix != ".pem" for line in path.read_text().splitlines()]

    found = [line for line in lines if re.match(secret, line) and "${" not in line]

    assert found == []


def test_the_proxy_limits_every_path_that_judges_codes() -> None:
    text = (COMPOSE / "staging/limits.conf").read_text().partition("$address_of_guess {")[2].partition("}")[0]
    patterns = re.findall(r'"~(\S.*?)" \$address;', text)
    found = posts()

    def is_limited(path: str) -> bool:
        return any(re.search(pattern, f"POST {path}") for pattern in patterns)

    assert {path for path in found.judging if not is_limited(path)} == set()
    assert {path for path in found.others if is_limited(path)} == set()


def test_every_image_is_pinned_by_its_digest() -> None:
    texts = [path.read_text() for path in COMPOSE.rglob("*.yml")]
    names = re.findall(r"^    image: (.+)$", "".join(texts), re.MULTILINE)
    defaults = [re.fullmatch(r"\$\{[A-Z_]+:-([^}]+)\}", name) for name in names]
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    # BASE_IMAGE is `base` by default.
    own = {"${BASE_IMAGE}", *re.findall(r"^FROM .+ AS (\S+)$", dockerfile, re.MULTILINE)}
    bases = [name for name in re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE) if name not in own]
    images = [default[1] for default in defaults if default] + bases

    assert len(images) == len(names) + 1 >= 8
    assert re.findall(r"^ARG BASE_IMAGE=(.+)$", dockerfile, re.MULTILINE) == ["base"]
    unpinned = {name for name in images if not re.fullmatch(r"[a-z/-]+:v?\d+\.\d+[\w.-]*@sha256:[0-9a-f]{64}", name)}
    assert {name for name in unpinned if not name.startswith("open-mfa:")} == WITHOUT_DIGEST


def test_dependabot_updates_every_file_with_an_image() -> None:
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    watched = {
        update["package-ecosystem"]: {
            ROOT / name.strip("/") for name in update.get("directories", [update.get("directory")])
        }
        for update in updates
    }
    naming = [path for path in COMPOSE.rglob("*.yml") if re.search(r"^    image: ", path.read_text(), re.MULTILINE)]

    # Dependabot reads no Compose files with other names.
    assert [path.name for path in naming if not re.fullmatch(r"compose(\.[\w-]+)?\.yml", path.name)] == []
    assert {path.parent for path in naming} <= watched["docker-compose"]
    assert {path.parent for path in ROOT.glob("deploy/**/Dockerfile")} <= watched["docker"]


@pytest.mark.parametrize("arguments", [(), ("dev",), ("dev", "roll"), ("prod", "up"), ("dev", "up", "now")])
def test_the_script_prints_its_usage(arguments: tuple[str, ...]) -> None:
    done = subprocess.run([COMPOSE / "stack.sh", *arguments], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: stack.sh dev|staging")
