"""The three stacks of `deploy/terraform`: read, checked, and carried through a life in a stand-in for AWS.

The stand-in shows that everything is wired right, that a second plan finds nothing to do, and that what was built can
be taken down. What AWS itself decides (policies, firewall rules, fail-over) it does not show.
"""

import json
import os
import re
import shutil
import string
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote, unquote, urlsplit

import pyotp
import pytest
import redis
import requests

from domain.secret import SharedSecret
from infrastructure.settings import Administrator, Settings, load_settings
from tests.conftest import require_redis_server
from tests.deployment.docker_support import ROOT, attempt, missing, run
from tests.presentation.api import API_KEYS, Api, all_routes, document
from tests.support.processes import free_port, listens, spawn, stop, wait_until
from tests.support.redis_server import RedisServer
from tests.support.service import Service

SOURCE: Final = ROOT / "deploy/terraform"
TOOLS: Final = ROOT / ".venv-deploy/bin"
BOOTSTRAP, CORE, APP = STACKS = ("bootstrap", "core-stack", "app-stack")
NO_TERRAFORM: Final = "Terraform (1.11 or newer) is not installed, so nothing of deploy/terraform was run"
NO_TOOLS: Final = (
    "The tools of requirements/deploy.txt are not installed (make e2e installs them), so there is no AWS to try"
)
NO_PROVIDER: Final = "Terraform finds no AWS provider, neither in its registry nor in a mirror"
REGION: Final = "eu-central-1"
ACCOUNT: Final = "123456789012"
COMMON: Final = {"region": REGION, "account_id": ACCOUNT}
VARIABLES: Final[dict[str, dict[str, Any]]] = {
    BOOTSTRAP: COMMON,
    CORE: COMMON
    | {
        "zone_name": "mfa.example.com",
        "api_keys": ["shop", "desk"],
        "optional_secrets": ["OPEN_MFA_ADMIN_PASSWORD", "OPEN_MFA_DERIVATION_SECRET", "OPEN_MFA_GATE_SECRET"],
    },
    APP: COMMON
    | {
        "availability_zones": [f"{REGION}{letter}" for letter in "abc"],
        "state_bucket": f"open-mfa-production-state-{ACCOUNT}",
        "domain_name": "mfa.example.com",
        "image": "0.1.0",
        "backend_cidrs": ["203.0.113.7/32"],
        "admin_cidrs": ["198.51.100.0/28"],
        "alarm_emails": ["on-call@example.com"],
    },
}
NOT_PUBLIC: Final = ("/metrics", "/readyz", "/api/v1/admin")
LONGEST: Final = 900
"""Seconds for one command: the provider waits for minutes until S3 says what it was told."""


@dataclass
class Stack:
    """A copy of one stack."""

    directory: Path
    environment: dict[str, str]
    _resources: dict[str, dict[str, Any]] | None = None

    @property
    def name(self) -> str:
        return self.directory.name

    def terraform(self, *arguments: str) -> str:
        return run("terraform", *arguments, patience=LONGEST, cwd=self.directory, env=self.environment)

    def refusal(self, *arguments: str) -> str:
        """What a command says that must fail."""
        done = attempt("terraform", *arguments, patience=LONGEST, cwd=self.directory, env=self.environment)
        assert done.returncode == 1, done.stdout
        return re.sub(r"\s+", " ", re.sub(r"[│╷╵]", "", done.stderr))

    def choose(self, **variables: Any) -> None:
        (self.directory / "terraform.tfvars.json").write_text(json.dumps(VARIABLES[self.name] | variables))

    def apply(self, *options: str) -> None:
        self.terraform("apply", "-auto-approve", *options)
        self._resources = None

    def destroy(self) -> None:
        self.terraform("destroy", "-auto-approve")
        self._resources = None

    def resources(self) -> dict[str, dict[str, Any]]:
        """What the state knows, by address; read once after each change, for Terraform takes its time."""
        if self._resources is None:
            state = json.loads(self.terraform("show", "-json"))
            found = state.get("values", {}).get("root_module", {}).get("resources", [])
            self._resources = {each["address"]: each["values"] for each in found if each["mode"] == "managed"}
        return self._resources


@dataclass
class Aws:
    """The stand-in."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "2",
        }

    def secret(self, secret_id: str, version: str | None = None) -> str:
        """As ECS fetches it."""
        asked = {"SecretId": secret_id} | ({"VersionId": version} if version else {})
        headers = self._signed("secretsmanager") | {
            "X-Amz-Target": "secretsmanager.GetSecretValue",
            "Content-Type": "application/x-amz-json-1.1",
        }
        answer = requests.post(self.endpoint, json=asked, headers=headers, timeout=10)
        answer.raise_for_status()
        text: str = answer.json()["SecretString"]
        return text

    def objects(self, bucket: str) -> Iterator[tuple[str, str]]:
        """Keys and versions of everything that lies or lay in a bucket, delete markers included."""
        answer = requests.get(f"{self.endpoint}/{bucket}?versions", headers=self._signed("s3"), timeout=10)
        answer.raise_for_status()
        for each in ET.fromstring(answer.text):
            found = {child.tag.rpartition("}")[2]: child.text or "" for child in each}
            if "VersionId" in found:
                yield found["Key"], found["VersionId"]

    def content(self, bucket: str, key: str, version: str) -> str | None:
        """None for a delete marker."""
        url = f"{self.endpoint}/{bucket}/{quote(key)}?versionId={version}"
        answer = requests.get(url, headers=self._signed("s3"), timeout=10)
        return answer.text if answer.ok else None

    def empty(self, bucket: str) -> None:
        for key, version in list(self.objects(bucket)):
            url = f"{self.endpoint}/{bucket}/{quote(key)}?versionId={version}"
            requests.delete(url, headers=self._signed("s3"), timeout=10).raise_for_status()

    def _signed(self, service: str) -> dict[str, str]:
        scope = f"testing/20260101/{REGION}/{service}/aws4_request"
        return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"}


@dataclass
class Installation:
    """All that was built, in the order of deploy/terraform/README.md."""

    aws: Aws
    stacks: dict[str, Stack]
    bucket: str

    def task(self) -> dict[str, str]:
        """The environment that a task of the newest task definition starts with."""
        definition = self.stacks[APP].resources()["aws_ecs_task_definition.service"]
        (container,) = json.loads(definition["container_definitions"])
        environment = {each["name"]: each["value"] for each in container["environment"]}
        for each in container["secrets"]:
            # arn:aws:secretsmanager:region:account:secret:name : JSON key : stage : version
            *arn, _key, _stage, version = each["valueFrom"].split(":")
            environment[each["name"]] = self.aws.secret(":".join(arn), version)
        return environment

    def secrets(self) -> dict[str, str]:
        """Everything that lies in Secrets Manager, by name."""
        found = [
            values
            for stack in (CORE, APP)
            for address, values in self.stacks[stack].resources().items()
            if address.startswith("aws_secretsmanager_secret.")
        ]
        return {values["name"].partition("/")[2]: self.aws.secret(values["arn"]) for values in found}


@pytest.fixture(scope="module")
def terraform() -> str:
    found = shutil.which("terraform")
    if found is None:
        missing(NO_TERRAFORM)
    return cast("str", found)


@pytest.fixture(scope="module")
def tools() -> Path:
    if not all((TOOLS / name).exists() for name in ("checkov", "moto_server")):
        missing(NO_TOOLS)
    return TOOLS


@pytest.fixture(scope="module")
def stacks(terraform: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stack]:
    """Copies, so that nothing is left in the checkout; each with the provider, none with a backend."""
    directory = tmp_path_factory.mktemp("terraform")
    shutil.copytree(SOURCE, directory, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    providers = directory / "providers"
    providers.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_VAR_"))} | {
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "TF_CLI_ARGS": "-no-color",
        "CHECKPOINT_DISABLE": "1",
        # Fetched once, where it has to be fetched.
        "TF_PLUGIN_CACHE_DIR": os.environ.get("TF_PLUGIN_CACHE_DIR", str(providers)),
        "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "1",
        # No credentials but the stand-in's, whatever the machine has.
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    copies = {name: Stack(directory / name, environment) for name in STACKS}
    for stack in copies.values():
        init = attempt("terraform", "init", "-backend=false", patience=LONGEST, cwd=stack.directory, env=environment)
        if "Failed to query available provider packages" in init.stderr:
            missing(NO_PROVIDER)
        assert init.returncode == 0, init.stderr
        stack.choose()
    return copies


@pytest.fixture(scope="module")
def aws(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    port, log = free_port(), tmp_path_factory.mktemp("aws") / "log"
    process = spawn([str(tools / "python"), str(Path(__file__).with_name("aws_stand_in.py")), str(port)], log)
    wait_until(lambda: listens(port), "the stand-in's start", log, patience=60)
    yield Aws(f"http://127.0.0.1:{port}")
    stop(process)
    unsupported = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("UNSUPPORTED")]
    assert unsupported == []


@pytest.fixture(scope="module")
def installation(stacks: dict[str, Stack], aws: Aws) -> Installation:
    for stack in stacks.values():
        stack.environment |= aws.environment
    bootstrap = stacks[BOOTSTRAP]
    bootstrap.apply()
    backend = bootstrap.directory.parent / "backend.hcl"
    backend.write_text(bootstrap.terraform("output", "-raw", "backend"))
    shutil.copy(bootstrap.directory / "backend.tf.example", bootstrap.directory / "backend.tf")
    bootstrap.terraform("init", "-migrate-state", "-force-copy", f"-backend-config={backend}")
    for stack in (stacks[CORE], stacks[APP]):
        stack.terraform("init", "-reconfigure", f"-backend-config={backend}")
        stack.apply()
    return Installation(aws, stacks, bootstrap.terraform("output", "-raw", "state_bucket"))


# --- What can be said without any AWS ---


def test_is_formatted(terraform: str) -> None:
    run(terraform, "fmt", "-check", "-recursive", "-diff", str(SOURCE))


@pytest.mark.parametrize("name", STACKS)
def test_is_valid(stacks: dict[str, Stack], name: str) -> None:
    said = json.loads(stacks[name].terraform("validate", "-json"))
    assert said["valid"]
    assert said["diagnostics"] == []


def test_bootstrap_plans_what_it_must(stacks: dict[str, Stack]) -> None:
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", stacks[BOOTSTRAP].terraform("test"))


def test_checkov_finds_nothing_that_is_not_explained(tools: Path) -> None:
    options = ["--framework", "terraform", "--skip-download", "--output", "json"]
    done = attempt(str(tools / "checkov"), "--directory", str(SOURCE), *options, patience=LONGEST)
    report = json.loads(done.stdout)
    failed = [f"{each['check_id']} {each['resource']}" for each in report["results"]["failed_checks"]]
    assert failed == []
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 200
    reasons = [each["check_result"]["suppress_comment"] for each in report["results"]["skipped_checks"]]
    assert all(reason and reason != "No comment provided" for reason in reasons)


@pytest.mark.parametrize("name", STACKS)
def test_the_example_is_a_whole_one_and_holds_no_secret(name: str) -> None:
    """Every variable without a default is set in it, and nothing is that is no variable."""
    declared = {
        found[1]: "default" in found[2]
        for found in re.finditer(
            r'^variable "(\w+)" \{(.*?)^\}', (SOURCE / name / "variables.tf").read_text(), re.DOTALL | re.MULTILINE
        )
    }
    example = (SOURCE / name / "terraform.tfvars.example").read_text()
    shown = set(re.findall(r"^(?:# )?([a-z_]+) += ", example, re.MULTILINE))
    chosen = set(re.findall(r"^([a-z_]+) += ", example, re.MULTILINE))
    assert {variable for variable, optional in declared.items() if not optional} <= chosen
    assert shown <= declared.keys()
    assert not re.search(r"(?i)password\s*=|secret\s*=\s*\"", example)


# --- One life ---


@pytest.mark.parametrize("name", STACKS)
def test_a_second_plan_finds_nothing_to_do(installation: Installation, name: str) -> None:
    done = installation.stacks[name].terraform("plan", "-detailed-exitcode", "-lock=false")
    assert "No changes." in done


@pytest.mark.parametrize("name", [CORE, APP])
def test_plans_what_it_must(installation: Installation, name: str) -> None:
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", installation.stacks[name].terraform("test"))


def test_the_state_of_all_three_lies_in_the_bucket(installation: Installation) -> None:
    keys = {key for key, _ in installation.aws.objects(installation.bucket)}
    # The locks lay there too, and are gone again.
    assert {f"{name}.tfstate" for name in STACKS} <= keys
    assert f"{CORE}.tfstate.tflock" in keys


def settings_of(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in list(os.environ):
        if name.startswith("OPEN_MFA_") or name in {"HOST", "PORT", "WEB_CONCURRENCY", "THREADS"}:
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_the_service_reads_what_a_task_starts_with(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = installation.task()
    settings = settings_of(environment, monkeypatch)

    assert settings.notices == ()
    assert settings.environment == "production"
    assert (settings.redis_wait, settings.trusted_proxies, settings.cookie_secure) == (1, 1, True)
    assert (settings.host, settings.port, settings.workers) == ("0.0.0.0", 8080, 2)
    assert [(key.id, len(key.material)) for key in settings.encryption_keys] == [("k1", 32)]
    assert [name for name, _ in settings.api_keys] == ["shop", "desk"]
    assert all(len(key) == 64 and set(key) <= set(string.ascii_letters + string.digits) for _, key in settings.api_keys)
    assert isinstance(settings.gate_secret, SharedSecret)
    assert len(settings.gate_secret.key) == 20
    assert isinstance(settings.administrator, Administrator)
    assert settings.administrator.user == "admin"
    url = urlsplit(environment["OPEN_MFA_REDIS_URL"])
    assert (url.scheme, url.username, url.port) == ("rediss", "default", 6379)
    assert url.password == installation.secrets()["redis-passwords/p1"]
    assert url.hostname is not None
    assert url.hostname.startswith("master.")


def test_generated_values_differ(installation: Installation) -> None:
    parts = {name: value for name, value in installation.secrets().items() if name not in LISTS}
    assert len(set(parts.values())) == len(parts) >= 8


LISTS: Final = ("OPEN_MFA_ENCRYPTION_KEYS", "OPEN_MFA_API_KEYS", "OPEN_MFA_REDIS_URL")
"""Settings that are put together from others."""


def test_no_state_and_no_plan_holds_a_secret(installation: Installation) -> None:
    secrets = installation.secrets()
    values = set(secrets.values())
    assert len(values) >= 9
    kept = {
        f"{key} {version}": content
        for key, version in installation.aws.objects(installation.bucket)
        if (content := installation.aws.content(installation.bucket, key, version))
    }
    assert len(kept) > len(STACKS)
    for name in (CORE, APP):
        stack = installation.stacks[name]
        stack.terraform("plan", "-refresh=false", "-lock=false", "-out=planned")
        kept[f"plan of {name}"] = stack.terraform("show", "-json", "planned")
    for place in installation.stacks[BOOTSTRAP].directory.parent.glob("*/*.tfstate*"):
        kept[str(place)] = place.read_text()
    # What would be found, were it there: the state does hold the names.
    assert any("redis-passwords/p1" in content for content in kept.values())
    assert [place for place, content in kept.items() if any(value in content for value in values)] == []


def test_only_public_paths_reach_the_service(installation: Installation) -> None:
    resources = installation.stacks[APP].resources()
    rules = [values for address, values in resources.items() if address.startswith("aws_lb_listener_rule.public")]
    patterns = [path for rule in rules for each in rule["condition"] for path in _values(each, "path_pattern")]
    assert len(patterns) == len(set(patterns)) >= 10
    for method, path in all_routes(Api(api_keys=tuple(API_KEYS.items()), gate_secret=SharedSecret(bytes(20)))):
        # As clients write it, decoded by the service only: the load balancer compares what it sees.
        for written in (path.replace("<account_id>", "a"), path.replace("/", "/%2e/", 1), path.replace("e", "%65", 1)):
            reaches = any(fnmatchcase(written, pattern) for pattern in patterns)
            arrives = unquote(written)
            assert not (reaches and arrives.startswith(NOT_PUBLIC)), (method, written)
        assert any(fnmatchcase(path, pattern) for pattern in patterns) != path.startswith(NOT_PUBLIC), path


def _values(condition: dict[str, Any], kind: str) -> list[str]:
    return [value for each in condition[kind] for value in each["values"]]


def test_the_tighter_limit_counts_every_way_to_have_a_code_judged(installation: Installation) -> None:
    acl = installation.stacks[APP].resources()["aws_wafv2_web_acl.main"]
    (rule,) = [each for each in acl["rule"] if each["name"] == "code-checks"]
    limits = rule["statement"][0]["rate_based_statement"][0]["scope_down_statement"][0]["and_statement"][0]["statement"]
    (pattern,) = [each["regex_match_statement"][0]["regex_string"] for each in limits if each["regex_match_statement"]]
    api = Api(api_keys=tuple(API_KEYS.items()), gate_secret=SharedSecret(bytes(20)))
    openapi = document(api.client.get("/openapi.json"))
    judging, others = set(), set()
    for path, methods in openapi["paths"].items():
        if "post" in methods:
            body = json.dumps(_resolved(openapi, methods["post"].get("requestBody", {})))
            (judging if re.search(r'"(code|codes)": \{', body) else others).add(path.replace("{account_id}", "a@b.c"))
    judging.add("/auth/login")
    others.discard("/auth/login")
    assert {path for path in judging if not re.search(pattern, path)} == set()
    assert {path for path in others if re.search(pattern, path)} == set()
    assert len(judging) >= 15
    assert len(others) >= 8


def _resolved(openapi: dict[str, Any], node: Any) -> Any:
    """A part of the document, with what it refers to in the place of references."""
    if isinstance(node, list):
        return [_resolved(openapi, each) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        found: Any = openapi
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return _resolved(openapi, found)
    return {key: _resolved(openapi, value) for key, value in node.items()}


def test_redis_lets_the_service_do_what_it_must_and_nothing_else(installation: Installation) -> None:
    """The access string of the stacks, in a real Redis with a replica."""
    require_redis_server()
    stack = installation.stacks[APP].resources()["aws_cloudformation_stack.redis_user"]
    access = json.loads(stack["template_body"])["Resources"]["User"]["Properties"]["AccessString"]
    password = "a-password-of-the-service"
    gate = pyotp.TOTP(pyotp.random_base32())
    with RedisServer() as primary, RedisServer("--replicaof", "127.0.0.1", str(primary.port)) as replica:
        wait_until(lambda: replica.client().info("replication")["master_link_status"] == "up", "replication")
        with primary.client() as administrator:
            administrator.execute_command("ACL", "SETUSER", "service", "reset", f">{password}", *access.split())
        settings = {
            "OPEN_MFA_REDIS_URL": f"redis://service:{password}@127.0.0.1:{primary.port}",
            "OPEN_MFA_REDIS_WAIT": "1",
            "OPEN_MFA_RATE_LIMIT": "1000 per minute",
            "OPEN_MFA_API_KEYS": f"shop:{'k' * 32}",
            "OPEN_MFA_GATE_SECRET": gate.secret,
        }
        with Service(**settings) as service, service.browser() as browser:
            enrolled = browser.post(f"{service.api}/session/totp", json={}, timeout=10)
            assert enrolled.status_code == 201
            code = pyotp.parse_uri(enrolled.json()["uri"]).at(int(time.time()))  # type: ignore[attr-defined] # TOTP has it
            assert browser.post(f"{service.api}/session/totp/verify", json={"code": code}, timeout=10).ok
            again = browser.post(f"{service.api}/session/totp/verify", json={"code": code}, timeout=10)
            assert again.json()["reason"] == "replayed"
            key = {"Authorization": f"Bearer {'k' * 32}"}
            account = f"{service.api}/accounts/alice"
            assert requests.post(f"{account}/otp", json={}, headers=key, timeout=10).status_code == 201
            assert requests.get(account, headers=key, timeout=10).ok
            assert requests.delete(account, headers=key, timeout=10).status_code == 204
            log_in = {"data": {"code": gate.now()}, "timeout": 10, "allow_redirects": False}
            assert browser.post(f"{service.base}/auth/login", **log_in).status_code == 303
            assert browser.get(f"{service.base}/auth/check", timeout=10).ok
            admin = (service.settings["OPEN_MFA_ADMIN_USER"], service.settings["OPEN_MFA_ADMIN_PASSWORD"])
            assert requests.get(f"{service.api}/admin/database", auth=admin, timeout=10).json()["status"] != "down"
            levels = f"{service.api}/admin/logging"
            assert requests.put(levels, json={"level": "INFO"}, auth=admin, timeout=10).ok
            assert requests.get(f"{service.base}/readyz", timeout=10).ok
            assert run("env", *[f"{n}={v}" for n, v in service.settings.items()], str(OPEN_MFA), "reseal")
        with redis.Redis(port=primary.port, username="service", password=password, protocol=2) as restricted:
            for command in (["FLUSHALL"], ["KEYS", "*"], ["CONFIG", "GET", "*"], ["SET", "others", "1"], ["SHUTDOWN"]):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    restricted.execute_command(*command)


OPEN_MFA: Final = ROOT / ".venv/bin/open-mfa"


# From here on things are changed, in this order.


def test_a_key_that_is_added_leaves_the_others_and_reaches_the_tasks(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = installation.secrets()
    core, app = installation.stacks[CORE], installation.stacks[APP]
    core.choose(
        api_keys=["shop", "desk", "till"],
        encryption_keys=["k2", "k1"],
        redis_passwords=["p2", "p1"],
        secret_generations={"OPEN_MFA_ADMIN_PASSWORD": 2},
    )
    core.apply()
    app.apply()

    after = installation.secrets()
    changed = {name for name, value in before.items() if after[name] != value}
    assert changed == {*LISTS, "OPEN_MFA_ADMIN_PASSWORD"}
    assert after.keys() - before.keys() == {"api-keys/till", "encryption-keys/k2", "redis-passwords/p2"}
    assert after["OPEN_MFA_API_KEYS"].startswith(before["OPEN_MFA_API_KEYS"] + ",till:")
    assert after["OPEN_MFA_ENCRYPTION_KEYS"].endswith("," + before["OPEN_MFA_ENCRYPTION_KEYS"])
    settings = settings_of(installation.task(), monkeypatch)
    assert [key.id for key in settings.encryption_keys] == ["k2", "k1"]
    assert isinstance(settings.administrator, Administrator)
    assert settings.administrator.password == after["OPEN_MFA_ADMIN_PASSWORD"]
    assert settings.redis_url is not None
    assert urlsplit(settings.redis_url).password == after["redis-passwords/p2"]
    for stack in (core, app):
        assert "No changes." in stack.terraform("plan", "-lock=false")


def test_a_key_that_is_in_use_is_not_removed(installation: Installation) -> None:
    core = installation.stacks[CORE]
    core.choose(api_keys=["shop", "desk", "till"], encryption_keys=["k2"], redis_passwords=["p2", "p1"])
    refusal = core.refusal("plan", "-lock=false", "-refresh=false")
    assert 'aws_secretsmanager_secret.generated["encryption-keys/k1"]' in refusal
    assert "Instance cannot be destroyed" in refusal


KEPT: Final = {
    BOOTSTRAP: {"aws_s3_bucket.state", "aws_kms_key.state"},
    CORE: {
        "aws_kms_key.data",
        "aws_ecr_repository.service",
        "aws_route53_zone.service",
        "aws_secretsmanager_secret.generated",
        "aws_secretsmanager_secret.list",
        "aws_secretsmanager_secret.provided",
    },
    APP: {"aws_elasticache_replication_group.redis"},
}


@pytest.mark.parametrize("name", STACKS)
def test_what_must_not_be_lost_is_not_destroyed(installation: Installation, name: str) -> None:
    text = "\n".join(file.read_text() for file in (SOURCE / name).glob("*.tf"))
    blocks = re.findall(r'^resource "(\w+)" "(\w+)" \{(.*?)^\}', text, re.DOTALL | re.MULTILINE)
    assert {f"{kind}.{of}" for kind, of, body in blocks if "prevent_destroy = true" in body} == KEPT[name]
    # Terraform names those only that nothing else keeps it from coming to.
    refusal = installation.stacks[name].refusal("plan", "-destroy", "-lock=false", "-refresh=false")
    named = set(re.findall(r"Resource (aws_\w+\.\w+)\S* has lifecycle\.prevent_destroy", refusal))
    assert named
    assert named <= KEPT[name]


def test_all_of_it_can_be_taken_down(installation: Installation) -> None:
    """As the README says: the protections off first, by hand."""
    bootstrap = installation.stacks[BOOTSTRAP]
    for stack in installation.stacks.values():
        for file in stack.directory.glob("*.tf"):
            file.write_text(file.read_text().replace("prevent_destroy = true", "prevent_destroy = false"))
    app, core = installation.stacks[APP], installation.stacks[CORE]
    app.choose(deletion_protection=False)
    app.apply("-target=aws_lb.main")
    app.destroy()
    assert app.resources() == {}
    core.choose()
    core.destroy()
    assert core.resources() == {}
    (bootstrap.directory / "backend.tf").unlink()
    bootstrap.terraform("init", "-migrate-state", "-force-copy")
    installation.aws.empty(installation.bucket)
    bootstrap.destroy()
    assert bootstrap.resources() == {}
    gone = requests.get(f"{installation.aws.endpoint}/{installation.bucket}?versions", timeout=10)
    assert gone.status_code in {403, 404}
