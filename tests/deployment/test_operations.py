"""The how-to guides for Compose, AWS and GitHub: their commands run unchanged, and the names in them exist."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pyotp
import pytest
import yaml

from tests.deployment import test_compose_staging
from tests.deployment.docker_support import ROOT, Client, Stack, attempt, missing, run
from tests.support.command_line import COMMAND
from tests.support.documents import block, page, rows, section

COMPOSE = page("how-to/deploy-with-compose")
AWS = page("how-to/operate-on-aws")
GITHUB = page("how-to/use-the-workflows")
WATCHING = (ROOT / "deploy/terraform/app-stack/watching.tf").read_text()
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
COMMANDS = rows(section(COMPOSE, "Commands and settings"))
ALICE = "alice@example.com"

staging = test_compose_staging.staging
"""A separate stack for this module."""


def names(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def operate(staging: Stack, commands: str) -> str:
    """Run commands in the directory of the guide and return their output. The first failure ends the run."""
    shutil.copy2(ROOT / "Makefile", staging.tree)
    return run("bash", "-ec", commands, patience=600, cwd=staging.home, env=staging.environment)


def as_shop(staging: Stack) -> tuple[Client, dict[str, str]]:
    """Return a client, and the header field with the API key of the shop."""
    return staging.client(), {"Authorization": f"Bearer {staging.settings()['OPEN_MFA_API_KEYS'].partition(':')[2]}"}


def send(staging: Stack, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    client, key = as_shop(staging)
    status, _, document = client.ask(method, f"/api/v1/accounts/{path}", body, key)
    return status, document


def enrol(staging: Stack, account: str) -> pyotp.HOTP:
    """Enrol and confirm an HOTP secret."""
    status, document = send(staging, "POST", f"{account}/hotp", {})
    assert status == 201, document
    hotp = pyotp.HOTP(document["secret"])
    assert send(staging, "POST", f"{account}/hotp/verify", {"code": hotp.at(0)})[0] == 200
    return hotp


@pytest.fixture(scope="module")
def alice(staging: Stack) -> pyotp.HOTP:
    return enrol(staging, ALICE)


# --- Backup and restore ---


def test_the_backup_restores_a_lost_volume(staging: Stack, alice: pyotp.HOTP) -> None:
    told = operate(staging, block(COMPOSE, "docker compose exec redis redis-cli"))
    keys = int(told.split()[-1])
    bob = enrol(staging, "bob")
    staging.compose("rm", "--stop", "--force", "redis")
    run("docker", "volume", "rm", f"{staging.project}_redis")
    assert send(staging, "GET", ALICE)[0] == 503

    operate(staging, block(page("how-to/back-up-and-restore"), "cat >restore.sh"))
    told = operate(staging, block(COMPOSE, "docker compose stop app redis"))
    shown = json.loads(told[told.index("\n{") :])
    operate(staging, block(COMPOSE, "make -C ../../.. staging-up"))
    staging.wait_until_it_serves()

    assert (staging.home / "open-mfa.rdb").read_bytes().startswith(b"REDIS")
    assert f"restored: {keys} keys\n" in told
    assert (shown["account_id"], [factor["status"] for factor in shown["factors"]]) == (ALICE, ["confirmed"])
    assert judged(staging, ALICE, alice.at(0)) == (403, "replayed")
    assert judged(staging, ALICE, alice.at(1)) == (200, None)
    assert judged(staging, "bob", bob.at(1))[0] != 200
    appends = "redis-cli --tls --cacert /etc/redis/redis.pem info persistence"
    assert "aof_enabled:1" in staging.compose("exec", "-T", "redis", "sh", "-c", appends)


def judged(staging: Stack, account: str, code: str) -> tuple[int, str | None]:
    status, document = send(staging, "POST", f"{account}/challenge", {"code": code})
    return status, document.get("reason")


def test_an_existing_store_is_not_overwritten(staging: Stack, alice: pyotp.HOTP) -> None:
    operate(staging, block(page("how-to/back-up-and-restore"), "cat >restore.sh"))
    into = block(COMPOSE, "docker compose stop app redis").splitlines()[2].removesuffix(" &&")
    before = staging.compose("exec", "-T", "redis", "ls", "-l", "appendonlydir")
    dump = ["docker", "compose", "exec", "-T", "redis", "sh", "-c", "echo some backup >dump.rdb"]
    run(*dump, cwd=staging.home, env=staging.environment)
    done = attempt("bash", "-c", into, cwd=staging.home, env=staging.environment)

    assert "restore.sh" in into
    assert done.returncode == 1
    assert "NOT RESTORED: appendonly* belongs to another store" in done.stderr
    assert staging.compose("exec", "-T", "redis", "ls", "-l", "appendonlydir") == before
    assert send(staging, "GET", ALICE)[0] == 200


# --- Commands, logs, metrics ---


def test_commands_of_the_service_are_run_in_its_container(staging: Stack, alice: pyotp.HOTP) -> None:
    (row,) = [cells for cells in COMMANDS if cells[0].startswith("run a command")]
    doctor, reseal, show = re.findall("`(.*?)`", row[1])
    prefix = doctor.removesuffix("doctor")
    shown = json.loads(operate(staging, prefix + show.replace("ID", ALICE)))

    assert "Redis at redis:6379 evicts no keys" in operate(staging, doctor)
    assert operate(staging, prefix + reseal)
    assert [factor["factor"] for factor in shown["factors"]] == ["hotp"]


def test_logs_of_all_instances_are_read_with_the_filters(staging: Stack, alice: pyotp.HOTP) -> None:
    if shutil.which("jq") is None:
        missing("jq is missing (Debian: apt-get install jq)")
    client, key = as_shop(staging)
    _, headers, _ = client.ask("POST", f"/api/v1/accounts/{ALICE}/challenge", {"code": "000000"}, key)
    read = block(COMPOSE, "for i in $(docker compose ps --quiet app); do docker logs")
    text = page("how-to/look-something-up")
    of_request = block(text, "jq -cR").replace("5f0c…", headers["X-Request-ID"])
    _, of_account, of_locks = block(text, "open-mfa audit search").splitlines()

    def printed(command: str) -> list[str]:
        to_file = read.partition(" 2>&1 | jq")[0] + " >log 2>&1"
        return operate(staging, f"{to_file}\nPATH=$PATH:{Path(COMMAND).parent}\n{command}").splitlines()

    (line,) = map(json.loads, printed(of_request))
    assert (line["account"], line["outcome"], line["reason"]) == (ALICE, "refused", "wrong")
    assert line in map(json.loads, printed(f"{of_account} --json"))
    assert printed(f"{of_locks} || test $? = 3") == []
    operate(staging, read)


def test_another_logging_driver_replaces_the_default_of_docker(staging: Stack) -> None:
    override = staging.home / "compose.override.yaml"
    override.write_text(block(COMPOSE, "services:\n  app:\n    logging", "yaml"))
    try:
        told = json.loads(staging.compose("config", "--format", "json"))
    finally:
        override.unlink()

    assert told["services"]["app"]["logging"] == {"driver": "journald", "options": {"tag": "open-mfa"}}
    assert told["services"]["redis"]["logging"]["driver"] == "json-file"


def test_every_instance_can_be_scraped_from_inside_the_network(staging: Stack) -> None:
    """The test sends the requests that Prometheus sends with the configuration in the guide."""
    (job,) = yaml.safe_load(block(COMPOSE, "scrape_configs:", "yaml"))["scrape_configs"]
    ((found,),) = (each["names"] for each in job["dns_sd_configs"])
    port = job["dns_sd_configs"][0]["port"]
    assert f"`{yaml.safe_load((staging.home / 'compose.yml').read_text())['name']}_front`" in COMPOSE
    ask = (
        "import socket, sys, urllib.request as u\n"
        "for address in sorted({each[4][0] for each in socket.getaddrinfo(sys.argv[1], None, socket.AF_INET)}):\n"
        "    print(u.urlopen(f'http://{address}:{sys.argv[2]}/metrics', timeout=5).read().decode())\n"
    )
    inside = ["docker", "run", "--rm", "--network", f"{staging.project}_front", "--entrypoint", "python"]
    scraped = run(*inside, staging.environment["IMAGE"], "-c", ask, found, str(port))
    by_hand = operate(staging, block(COMPOSE, "for i in $(docker compose ps --quiet app); do\n"))

    for told in (scraped, by_hand):
        assert told.count("\nopen_mfa_build_info{") == 2, told


# --- Changed settings (last: they change the stack for the other tests) ---


def test_the_password_and_the_certificate_of_redis_are_renewed(staging: Stack, alice: pyotp.HOTP) -> None:
    commands = {cells[0]: re.findall("`(.*?)`", cells[1]) for cells in COMMANDS}
    (up,) = commands["change any other setting in `.env`"]
    remove, make = commands["renew Redis' certificate"]
    certificate = staging.home.parent / "redis/tls/redis.pem"
    former = certificate.read_text()

    staging.setting(REDIS_PASSWORD="anotherPassword42")
    operate(staging, up)
    staging.wait_until_it_serves()
    assert send(staging, "GET", ALICE)[0] == 200

    operate(staging, f"{remove}\n{make}")
    staging.wait_until_it_serves()
    assert send(staging, "GET", ALICE)[0] == 200
    assert certificate.read_text() != former


def test_a_setting_of_the_service_is_rolled_out(staging: Stack, alice: pyotp.HOTP) -> None:
    (row,) = [cells for cells in COMMANDS if cells[0].startswith("deploy, or change a setting")]
    (roll,) = re.findall("`(make .*?)`", row[1])
    staging.setting(OPEN_MFA_ISSUER="Example")
    operate(staging, roll)
    staging.wait_until_it_serves()
    _, document = send(staging, "POST", "carol/totp", {})

    assert "issuer=Example" in document["uri"]
    assert send(staging, "GET", ALICE)[0] == 200


# --- Names that other files define ---


def test_every_alarm_is_described() -> None:
    declared = WATCHING.partition("  alarms = merge(")[2].partition("\n  )\n}")[0]
    plain = re.findall(r"^ {6}([a-z0-9-]+) = \{$", declared, re.MULTILINE)
    of_nodes = re.findall(r'"([a-z-]+)-\$\{node\}" =>', declared)
    metrics = re.findall(r"^ +namespace += ", declared, re.MULTILINE)
    listed = re.findall(r"^### `([a-z0-9-]+)`$", section(AWS, "Alarms"), re.MULTILINE)

    assert len(plain) + len(of_nodes) == len(metrics) > 10
    assert sorted(listed) == sorted(plain + of_nodes)


def test_every_terraform_variable_in_the_guide_is_declared() -> None:
    text = (ROOT / "deploy/terraform/app-stack/variables.tf").read_text()
    declared = dict(re.findall(r'^variable "(\w+)" \{$(.*?)^\}$', text, re.MULTILINE | re.DOTALL))
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+|settings|processes)(?: = [^`]*)?`", AWS))
    members = set(re.findall(r"`tasks\.(\w+)`", AWS))

    assert len(named) > 5
    assert named <= declared.keys()
    assert members
    assert all(re.search(rf"\b{member} = number", declared["tasks"]) for member in members)


def test_every_log_group_in_the_guide_exists() -> None:
    groups = set(re.findall(r'^ +\w+ += "([^"]*\$\{local\.prefix\}[^"]*)"', WATCHING.partition("}\n")[0], re.MULTILINE))
    groups |= set(re.findall(r'= "((?:/|aws-waf-logs-)\$\{local\.prefix\}[^"]*)"', WATCHING))
    named = set(re.findall(r'"((?:/|aws-waf-logs-)\$prefix[^"]*)"', AWS))

    assert named
    assert named <= {group.replace("${local.prefix}", "$prefix") for group in groups}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_the_table_of_workflows_lists_the_environments_and_variables_of_each(workflow: Path) -> None:
    ((_, _, environments, variables),) = [row for row in rows(GITHUB) if f"[{workflow.name}]" in row[0]]
    text = workflow.read_text()

    assert names(environments) == set(re.findall(r"^    environment: (\S+)$", text, re.MULTILINE))
    assert names(variables) == set(re.findall(r"\bvars\.([A-Z_]+)", text))


def test_the_table_of_workflows_lists_every_workflow() -> None:
    assert len(rows(GITHUB)) == len(WORKFLOWS)


def test_removing_the_development_stack_removes_only_its_own_lines_from_the_hosts_file(tmp_path: Path) -> None:
    commands = block(COMPOSE, "docker compose down --volumes").splitlines()
    (line,) = [each for each in commands if "/etc/hosts" in each]
    set_up = (ROOT / "deploy/docker-compose/dev/setup.sh").read_text()
    assert 'lines="127.0.0.1 $NAME"$\'\\n\'"::1 $NAME"' in set_up
    hosts = tmp_path / "hosts"
    others = "127.0.0.1 localhost\n::1 localhost\n127.0.0.1 www.open-mfa.local\n127.0.0.1 open-mfa.local other\n"
    hosts.write_text(f"{others}127.0.0.1 open-mfa.local\n::1 open-mfa.local\n")

    subprocess.run(
        ["bash", "-ec", line.removeprefix("sudo ").replace("/etc/hosts", str(hosts))], check=True, timeout=10
    )

    assert hosts.read_text() == others
