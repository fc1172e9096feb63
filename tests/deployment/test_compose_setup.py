"""The set-up of the stacks: settings, certificates and commands, without containers."""

import os
import pty
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from domain.api_key_format import has_prefix, is_well_formed
from tests.deployment.docker_support import ROOT, attempt, copy_of_checkout, missing, run

COMMANDS = ("dev-setup", "dev-up", "dev-down", "staging-setup", "staging-up", "staging-down", "staging-roll")
SECRETS = {
    "REDIS_PASSWORD",
    "OPEN_MFA_SECRET_KEY",
    "OPEN_MFA_ENCRYPTION_KEYS",
    "OPEN_MFA_API_KEYS",
    "OPEN_MFA_ADMIN_PASSWORD",
    "OPEN_MFA_GATE_SECRET",
}
NOBODY = 65534
MANAGERS = {
    "brew": "brew install mkcert nss",
    "apt-get": "apt-get install mkcert libnss3-tools",
    "dnf": "dnf install mkcert nss-tools",
    "pacman": "pacman -S mkcert nss",
    "zypper": "zypper install mkcert mozilla-nss-tools",
    "apk": "apk add mkcert nss-tools",
}
NEEDED = (
    "bash",
    "cat",
    "cut",
    "date",
    "dirname",
    "grep",
    "gzip",
    "head",
    "mkdir",
    "mktemp",
    "mv",
    "od",
    "openssl",
    "rm",
    "rmdir",
)
NEEDED += ("base64", "chmod", "chown", "sed", "tail", "tr", "env")


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    """Return the directory of the stacks in a copy of the checkout."""
    tree = copy_of_checkout(tmp_path / "checkout")
    shutil.copy2(ROOT / "Makefile", tree)
    return tree / "deploy/docker-compose"


def settings(file: Path) -> dict[str, str]:
    lines = file.read_text().splitlines()
    return dict(line.partition("=")[::2] for line in lines if line and not line.startswith("#"))


def make(*arguments: str, directory: Path) -> str:
    """Run make as people do, even if make has started the tests: it would then print the names of directories."""
    inherited = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    return run("make", *arguments, cwd=directory, env=inherited)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_also_works_in_the_directory_of_the_stacks(stacks: Path, command: str) -> None:
    root = make("--dry-run", command, directory=stacks.parents[1])
    here = make("--dry-run", command, directory=stacks)

    assert root.startswith("deploy/docker-compose/")
    assert [line for line in here.splitlines() if not line.startswith("make")] == root.splitlines()


def test_the_directory_of_the_stacks_lists_exactly_these_commands(stacks: Path) -> None:
    listed = re.findall(r"^  make (\S+)", make(directory=stacks), re.MULTILINE)
    declared = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert sorted(listed) == sorted(COMMANDS)
    assert {name for name in declared if name.startswith(("dev-", "staging-"))} == set(COMMANDS)


def test_the_setup_works_in_the_directory_of_the_stacks(stacks: Path) -> None:
    output = run("make", "staging-setup", cwd=stacks)

    assert "Wrote deploy/docker-compose/staging/.env from .env.example with new secrets." in output
    assert {name for name, value in settings(stacks / "staging/.env").items() if value} >= SECRETS


@pytest.mark.parametrize("kind", ["dev", "staging"])
@pytest.mark.parametrize("copied", ["{kind}/.env", ".env"])
def test_the_setup_adds_secrets_to_a_copy_of_the_example(stacks: Path, kind: str, copied: str) -> None:
    copy = copied.format(kind=kind)
    text = (stacks / ".env.example").read_text()
    (stacks / copy).write_text(text.replace("# OPEN_MFA_ISSUER=Open-MFA", "OPEN_MFA_ISSUER='My $ shop'"))

    output = run(str(stacks / "env.sh"), kind)

    found = settings(stacks / kind / ".env")
    assert f"Wrote deploy/docker-compose/{kind}/.env from {copy} with new secrets." in output
    assert {name for name, value in found.items() if value} >= SECRETS
    assert found["OPEN_MFA_ISSUER"] == "'My $ shop'"
    assert (stacks / kind / ".env").stat().st_mode & 0o077 == 0
    tenant, _, key = found["OPEN_MFA_API_KEYS"].partition(":")
    assert tenant == "default"
    assert has_prefix(key)
    assert is_well_formed(key)


def test_only_the_owner_can_reach_the_key_of_redis_in_a_directory_that_existed_before(stacks: Path) -> None:
    directory = stacks / "redis/tls"
    directory.mkdir()
    directory.chmod(0o755)

    run(str(stacks / "env.sh"), "dev")

    assert (directory / "redis-key.pem").is_file()
    assert directory.stat().st_mode & 0o077 == 0


def test_a_copy_with_windows_line_ends_gets_secrets(stacks: Path) -> None:
    text = (stacks / ".env.example").read_text()
    (stacks / "dev/.env").write_text(text.replace("\n", "\r\n"), newline="")

    run(str(stacks / "env.sh"), "dev")

    assert "\r" not in (stacks / "dev/.env").read_bytes().decode()
    assert {name for name, value in settings(stacks / "dev/.env").items() if value} >= SECRETS


@pytest.mark.parametrize("name", ["REDIS_PASSWORD", "OPEN_MFA_SECRET_KEY", "OPEN_MFA_ENCRYPTION_KEYS"])
def test_the_setup_does_not_change_settings_with_a_secret(stacks: Path, name: str) -> None:
    """A missing secret may be one that a running stack needs, and that somebody has deleted by mistake."""
    text = (stacks / ".env.example").read_text().replace(f"\n{name}=\n", f"\n{name}='x'\n")
    (stacks / "staging/.env").write_text(text)

    output = run(str(stacks / "env.sh"), "staging")

    assert "deploy/docker-compose/staging/.env exists already and is kept." in output
    assert (stacks / "staging/.env").read_text() == text


def test_lost_settings_are_not_replaced_while_the_data_that_needs_them_exists(docker: None, stacks: Path) -> None:
    project = f"open-mfa-test-lost-{os.getpid()}"
    labels = {"com.docker.compose.project": project, "com.docker.compose.volume": "redis"}
    options = [part for label, value in labels.items() for part in ("--label", f"{label}={value}")]
    volume = run("docker", "volume", "create", *options, f"{project}_redis").strip()
    try:
        done = attempt(str(stacks / "env.sh"), "staging", env=os.environ | {"COMPOSE_PROJECT_NAME": project})
    finally:
        run("docker", "volume", "rm", volume)

    assert done.returncode == 1
    assert f"docker volume rm {volume}" in done.stderr
    assert not (stacks / "staging/.env").exists()


def domains(stacks: Path, **values: str) -> Path:
    """Write settings of the staging stack with these variables, and return their file."""
    run(str(stacks / "env.sh"), "staging")
    file = stacks / "staging/.env"
    lines = [line for line in file.read_text().splitlines() if not re.match("DOMAIN=|ACME_EMAIL=", line)]
    lines += [f"{name}={value}" for name, value in {"ACME_EMAIL": "staff@example.test", **values}.items()]
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.mark.parametrize(
    "values",
    [
        {"DOMAIN": "mfa.example.test"},
        {"DNS_DOMAIN": "mfa.example.test"},
        {"DOMAIN": "", "DNS_DOMAIN": "mfa.example.test"},
        {"DOMAIN": "mfa.example.test", "DNS_DOMAIN": '"mfa.example.test"'},
    ],
)
def test_dns_domain_is_another_name_of_domain(compose: None, stacks: Path, values: dict[str, str]) -> None:
    domains(stacks, **values)
    text = run("docker", "compose", "config", cwd=stacks / "staging")

    names = re.findall(r"^ +(?:DOMAIN|VIRTUAL_HOST|ACME_HOST|LETSENCRYPT_HOST): (.*)$", text, re.MULTILINE)
    assert names == ["mfa.example.test"] * 5
    # The script accepts the settings, and then needs the daemon, which this address does not lead to.
    nowhere = os.environ | {"DOCKER_HOST": "tcp://127.0.0.1:1"}
    done = attempt(str(stacks / "stack.sh"), "staging", "up", env=nowhere)
    assert done.stderr.startswith("The Docker daemon does not answer.")


def test_domain_and_dns_domain_with_different_values_are_an_error(compose: None, stacks: Path) -> None:
    domains(stacks, DOMAIN="mfa.example.test", DNS_DOMAIN="other.example.test")
    done = attempt(str(stacks / "stack.sh"), "staging", "up")

    assert done.returncode == 1
    assert done.stderr == (
        "deploy/docker-compose/staging/.env: DOMAIN and DNS_DOMAIN mean the same, but have different values."
        " Remove one of them.\n"
    )


def test_without_a_domain_the_start_creates_the_settings_and_names_what_is_missing(compose: None, stacks: Path) -> None:
    done = attempt(str(stacks / "stack.sh"), "staging", "up")

    assert done.returncode == 1
    assert "Wrote deploy/docker-compose/staging/.env from .env.example with new secrets." in done.stdout
    assert done.stderr == "deploy/docker-compose/staging/.env: set DOMAIN ACME_EMAIL\n"


@pytest.mark.parametrize("command", ["down", "roll"])
def test_only_the_start_creates_missing_settings(compose: None, stacks: Path, command: str) -> None:
    done = attempt(str(stacks / "stack.sh"), "staging", command)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "deploy/docker-compose/staging/.env is missing: make staging-setup\n"


def programs(directory: Path, *managers: str) -> str:
    """Return a PATH with the programs that the set-up needs, without mkcert, and with these package managers."""
    directory.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        assert found is not None, name
        (directory / name).symlink_to(found)
    for name in managers:
        (directory / name).write_text(f'#!/bin/bash\necho "$0 $*" >>{directory}/calls\n')
        (directory / name).chmod(0o755)
    return str(directory)


def environment(path: str, stacks: Path) -> dict[str, str]:
    hosts = stacks / "hosts"
    hosts.write_text("127.0.0.1 open-mfa.local\n")
    return {"PATH": path, "HOSTS_FILE": str(hosts)}


@pytest.mark.parametrize("manager", MANAGERS)
def test_without_mkcert_the_setup_shows_the_command_of_this_platform(
    stacks: Path, tmp_path: Path, manager: str
) -> None:
    path = programs(tmp_path / "bin", manager)
    done = attempt(str(stacks / "dev/setup.sh"), env=environment(path, stacks))

    prefix = "" if os.geteuid() == 0 or manager == "brew" else "sudo "
    assert (done.returncode, done.stderr) == (1, f"To install it: {prefix}{MANAGERS[manager]}\n")
    assert not (tmp_path / "bin/calls").exists()
    assert (stacks / "dev/.env").exists()


def test_on_an_unknown_platform_the_setup_names_the_instructions(stacks: Path, tmp_path: Path) -> None:
    done = attempt(str(stacks / "dev/setup.sh"), env=environment(programs(tmp_path / "bin"), stacks))

    assert done.returncode == 1
    assert done.stderr == "To install it, see https://github.com/FiloSottile/mkcert#installation\n"


@pytest.mark.parametrize(("answer", "installs"), [("y", True), ("n", False), ("", False)])
def test_on_a_terminal_the_setup_offers_to_install_mkcert(
    stacks: Path, tmp_path: Path, answer: str, installs: bool
) -> None:
    if os.geteuid() != 0:
        missing("Only root installs packages without sudo, which these programs do not contain")
    path = programs(tmp_path / "bin", "apt-get")
    reading, writing = pty.openpty()
    with subprocess.Popen(
        [str(stacks / "dev/setup.sh")], stdin=writing, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=environment(path, stacks), text=True,
    ) as process:  # fmt: skip
        os.close(writing)
        os.write(reading, f"{answer}\n".encode())
        output, _ = process.communicate(timeout=60)
    os.close(reading)

    calls = tmp_path / "bin/calls"
    assert process.returncode == 1
    assert calls.exists() == installs
    if installs:
        assert calls.read_text().endswith("apt-get install mkcert libnss3-tools\n")
        assert output.endswith("has not installed mkcert.\n")
    else:
        assert output.endswith("To install it: apt-get install mkcert libnss3-tools\n")


@pytest.fixture
def of_nobody(stacks: Path) -> Iterator[Path]:
    """Return a checkout that belongs to another user, who can reach it."""
    if os.geteuid() != 0 or shutil.which("sudo") is None:
        missing("Only root can act as another user, with sudo")
    directory = Path(mkdtemp(prefix="open-mfa-sudo-"))
    directory.chmod(0o755)
    tree = Path(shutil.move(stacks.parents[1], directory / "checkout"))
    for path in (directory, *directory.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    yield tree
    shutil.rmtree(directory)


def under_sudo(tree: Path) -> dict[str, str]:
    """Return the environment in which sudo runs a command of the user `nobody`, who has a home directory."""
    home = tree.parent
    (home / "hosts").write_text("127.0.0.1 localhost\n")
    return os.environ | {
        "SUDO_UID": str(NOBODY),
        "SUDO_GID": str(NOBODY),
        "SUDO_USER": "nobody",
        # As on systems whose sudo keeps the variable.
        "HOME": str(home),
        "HOSTS_FILE": str(home / "hosts"),
        "CAROOT": str(home / "authority"),
        "TRUST_STORES": "none",
    }


def owned_by_root(directory: Path) -> list[str]:
    return [str(path.relative_to(directory)) for path in directory.rglob("*") if path.lstat().st_uid == 0]


def test_files_that_the_setup_creates_under_sudo_belong_to_the_user(of_nobody: Path) -> None:
    if shutil.which("mkcert") is None:
        missing("mkcert is not installed")
    stacks, environment = of_nobody / "deploy/docker-compose", under_sudo(of_nobody)

    run("make", "-C", str(stacks), "dev-setup", "staging-setup", env=environment)

    for name in ("dev/.env", "staging/.env", "redis/tls/redis-key.pem", "dev/certs/open-mfa.local-key.pem"):
        path = stacks / name
        assert (path.stat().st_uid, path.stat().st_gid) == (NOBODY, NOBODY), name
    assert (of_nobody.parent / "authority/rootCA.pem").stat().st_uid == NOBODY
    assert owned_by_root(of_nobody.parent) == ["hosts"]


def test_files_that_a_start_creates_under_sudo_belong_to_the_user(compose: None, of_nobody: Path) -> None:
    """The start ends at the first setting that a person has to choose, or at the daemon."""
    stack, environment = of_nobody / "deploy/docker-compose/stack.sh", under_sudo(of_nobody)
    repository = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "A commit"]):
        run("git", "-C", str(of_nobody), *command, env=environment | repository)
    for path in (of_nobody / ".git", *(of_nobody / ".git").rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    # The index is no longer up to date, so that git would like to write it.
    (of_nobody / "README.md").touch()

    # Docker's programs create such files as root.
    (of_nobody.parent / ".docker/buildx").mkdir(parents=True)
    (of_nobody.parent / ".docker/buildx/current").touch()

    done = attempt(str(stack), "staging", "up", env=environment)
    assert "set DOMAIN ACME_EMAIL" in done.stderr
    domains(stack.parent, DOMAIN="mfa.example.test")
    os.chown(stack.parent / "staging/.env", NOBODY, NOBODY)
    done = attempt(
        str(stack), "staging", "down", env=environment | {"COMPOSE_PROJECT_NAME": f"open-mfa-test-{os.getpid()}"}
    )

    assert done.returncode == 0, done.stderr
    assert (stack.parent / "staging/.lock").exists()
    assert owned_by_root(of_nobody.parent) == ["hosts"]
