"""Three stacks of `deploy/terraform`: checked statically, and applied, changed and destroyed in a stand-in for AWS.

The stand-in shows that the resources fit together, that a second plan has no changes, and that everything can be
destroyed. It does not evaluate policies and firewall rules, and does not simulate fail-overs.
"""

import json
import re
import shutil
import string
import time
import zipfile
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pyotp
import pytest
import redis
import requests
from limits import parse_many

from domain.secret import SharedSecret
from infrastructure.settings import Administrator, load
from tests.conftest import require_redis_server
from tests.deployment.conftest import spoken
from tests.deployment.docker_support import ROOT, attempt, run
from tests.deployment.judging import posts
from tests.deployment.terraform_support import (
    ACCOUNT,
    APP,
    APPLY,
    BOOTSTRAP,
    COMMON,
    CORE,
    LAMBDA,
    LONGEST,
    PLAN,
    PROVIDER,
    REGION,
    SOURCE,
    Aws,
    Call,
    Rights,
    Stack,
    at_once,
    copies,
    known,
    without_effect,
)
from tests.presentation.api import API_KEYS, Api, all_routes, document
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.service import Service

STACKS: Final = (BOOTSTRAP, CORE, APP)
"""lambda-stack has its own tests."""
ALL_STACKS: Final = (*STACKS, LAMBDA)
REPOSITORY: Final = "Example@123456/open-mfa@456789"
VARIABLES: Final[dict[str, dict[str, Any]]] = {
    BOOTSTRAP: COMMON | {"github_repository": REPOSITORY, "lambda": True},
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
FIRST, LAST = "first", "last"
"""Access keys that identify callers to the stand-in, in addition to the roles: the first apply, the last destroy."""
FIRST_PLAN: Final = "everything"
"""The file of the plan that creates a stack."""


@dataclass
class Installation:
    """The applied stacks. They were applied in the order of deploy/terraform/README.md."""

    aws: Aws
    stacks: dict[str, Stack]
    bucket: str

    def task(self) -> dict[str, str]:
        """Return the environment of a task with the newest task definition."""
        definition = self.stacks[APP].resources()["aws_ecs_task_definition.service"]
        (container,) = json.loads(definition["container_definitions"])
        environment = {each["name"]: each["value"] for each in container["environment"]}
        for each in container["secrets"]:
            # arn:aws:secretsmanager:region:account:secret:name : JSON key : stage : version
            *arn, _key, _stage, version = each["valueFrom"].split(":")
            environment[each["name"]] = self.aws.secret(":".join(arn), version)
        return environment

    def policies(self, role: str) -> list[str]:
        """Return the policies of a role of the workflows, as JSON."""
        made = self.stacks[BOOTSTRAP].resources()
        shared, inline = "aws_iam_role_policy_attachment.github_plan", "aws_iam_role_policy.github"
        attached = [made["aws_iam_policy.github_plan[0]"]["policy"]] if f'{shared}["{role}"]' in made else []
        own = f"{inline}_{role}[0]"
        return attached + ([made[own]["policy"]] if own in made else [])

    def refused(self, role: str, who: str) -> set[str]:
        """Return the actions of a caller that the policies of a role do not allow."""
        rights, calls = Rights(*self.policies(role)), self.aws.calls(who)
        assert calls, f"{who} has sent no requests"
        return {call.action for call in calls if not rights.allow(call)}

    def secrets(self) -> dict[str, str]:
        """Return all values in Secrets Manager, by name."""
        found = [
            values
            for stack in (CORE, APP)
            for address, values in self.stacks[stack].resources().items()
            if address.startswith("aws_secretsmanager_secret.")
        ]
        return {values["name"].partition("/")[2]: self.aws.secret(values["arn"]) for values in found}


@pytest.fixture(scope="module")
def stacks(terraform: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stack]:
    made = copies(tmp_path_factory.mktemp("terraform"), VARIABLES)
    versions = json.loads(made[BOOTSTRAP].terraform("version", "-json"))
    (provider,) = versions["provider_selections"].values()
    assert provider == PROVIDER
    spoken.append(f"{terraform} {versions['terraform_version']}, AWS provider {provider}; moto, not AWS")
    return made


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
        stack.by(FIRST).terraform("plan", f"-out={FIRST_PLAN}")
        stack.by(FIRST).terraform("apply", FIRST_PLAN)
    return Installation(aws, stacks, bootstrap.terraform("output", "-raw", "state_bucket"))


@pytest.fixture(scope="module")
def readings(installation: Installation) -> dict[str, str]:
    """Return plans without a change of variables, and the results of `terraform test`.

    Plans of the workflow use its role.
    """
    planners = {name: stack if name == BOOTSTRAP else stack.by(PLAN) for name, stack in installation.stacks.items()}
    commands = {f"plan {name}": partial(each.terraform, "plan", "-lock=false") for name, each in planners.items()}
    tests = {f"test {name}": partial(installation.stacks[name].terraform, "test") for name in (CORE, APP)}
    return at_once(tests | commands)


@pytest.fixture(scope="module")
def before(installation: Installation) -> dict[str, str]:
    """Return the secrets, then change almost every variable and apply with the roles of the workflow."""
    before = installation.secrets()
    core, app = installation.stacks[CORE], installation.stacks[APP]
    core.choose(**CHANGED[CORE])
    core.deploy()
    app.choose(**CHANGED[APP])
    app.deploy()
    return before


CHANGED: Final[dict[str, dict[str, Any]]] = {
    CORE: {
        "api_keys": ["shop", "desk", "till", "shop/2"],
        "encryption_keys": ["k2", "k1"],
        "redis_passwords": ["p2", "p1"],
        "secret_generations": {"OPEN_MFA_ADMIN_PASSWORD": 2},
    },
    APP: {
        "image": "0.1.1",
        "tasks": {"min": 3, "max": 6},
        "client_cidrs": ["198.51.100.0/24"],
        "backend_cidrs": ["203.0.113.7/32", "203.0.113.9/32"],
        "admin_cidrs": [],
        "rate_limits": {"all": 3000, "codes": 200},
        "internet_egress": True,
        "mail_server": {"cidrs": ["192.0.2.25/32"], "port": 587},
        "redis_snapshot_days": 20,
        "alarm_emails": ["on-call@example.org"],
        "alarm_thresholds": {"latency": 1},
        "log_retention_days": 400,
        "container_insights": "disabled",
    },
}


# --- Tests without AWS ---


def test_the_files_are_formatted(terraform: str) -> None:
    run(terraform, "fmt", "-check", "-recursive", "-diff", str(SOURCE))


@pytest.mark.parametrize("name", STACKS)
def test_the_stack_is_valid(stacks: dict[str, Stack], name: str) -> None:
    said = json.loads(stacks[name].terraform("validate", "-json"))
    assert said["valid"]
    assert said["diagnostics"] == []


def test_the_terraform_tests_of_bootstrap_pass(stacks: dict[str, Stack]) -> None:
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", stacks[BOOTSTRAP].terraform("test"))


def test_checkov_reports_only_explained_findings(tools: Path) -> None:
    options = ["--framework", "terraform", "--skip-download", "--output", "json"]
    done = attempt(str(tools / "checkov"), "--directory", str(SOURCE), *options, patience=LONGEST)
    report = json.loads(done.stdout)
    failed = [f"{each['check_id']} {each['resource']}" for each in report["results"]["failed_checks"]]
    assert failed == []
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 200
    reasons = [each["check_result"]["suppress_comment"] for each in report["results"]["skipped_checks"]]
    assert all(reason and reason != "No comment provided" for reason in reasons)


@pytest.mark.parametrize("name", ALL_STACKS)
def test_the_example_sets_every_required_variable_and_no_secret(name: str) -> None:
    """It contains only existing variables."""
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


def test_tasks_start_after_all_their_network_resources() -> None:
    network, service = ((SOURCE / APP / f"{name}.tf").read_text() for name in ("network", "service"))
    ways = {
        f"{kind}.{name}"
        for kind, name in re.findall(r'^resource "(\w+)" "(\w+)"', network, re.MULTILINE)
        if kind in {"aws_route", "aws_route_table_association", "aws_vpc_endpoint"}
        or (kind.startswith("aws_vpc_security_group_") and "tasks" in name)
    }
    assert len(ways) >= 14
    (waited_for,) = re.findall(r"^  depends_on = \[(.*?)\]", service, re.DOTALL | re.MULTILINE)
    assert ways <= set(re.findall(r"aws_\w+\.\w+", waited_for))


# --- Apply, change and destroy ---


@pytest.mark.parametrize("name", STACKS)
def test_a_second_plan_has_no_changes(readings: dict[str, str], name: str) -> None:
    assert "No changes." in readings[f"plan {name}"]


@pytest.mark.parametrize("name", [CORE, APP])
def test_the_terraform_tests_of_the_stack_pass(readings: dict[str, str], name: str) -> None:
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", readings[f"test {name}"])


def test_the_bucket_contains_the_state_of_all_stacks(installation: Installation) -> None:
    keys = {key for key, _ in installation.aws.objects(installation.bucket)}
    # The locks were objects in the bucket, too.
    assert {f"{name}.tfstate" for name in STACKS} <= keys
    assert f"{CORE}.tfstate.tflock" in keys


def test_the_service_accepts_the_environment_of_a_task(installation: Installation) -> None:
    environment = installation.task()
    settings = load(environment)

    assert settings.notices == ()
    assert settings.mode.environment == "production"
    assert (settings.redis.wait, settings.server.trusted_proxies, settings.session.cookie_secure) == (1, 1, True)
    assert (settings.server.host, settings.server.port, settings.server.workers) == ("0.0.0.0", 8080, 2)
    assert [(key.id, len(key.material)) for key in settings.keys.encryption_keys] == [("k1", 32)]
    assert [name for name, _ in settings.accounts.api_keys] == ["shop", "desk"]
    assert all(
        len(key) == 64 and set(key) <= set(string.ascii_letters + string.digits)
        for _, key in settings.accounts.api_keys
    )
    assert isinstance(settings.gate.shared_secret, SharedSecret)
    assert len(settings.gate.shared_secret.key) == 20
    assert isinstance(settings.administrator, Administrator)
    assert settings.administrator.user == "admin"
    url = urlsplit(environment["OPEN_MFA_REDIS_URL"])
    assert (url.scheme, url.username, url.port) == ("rediss", "default", 6379)
    assert url.password == installation.secrets()["redis-passwords/p1"]
    assert url.hostname is not None
    assert url.hostname.startswith("master.")


def test_all_generated_values_differ(installation: Installation) -> None:
    parts = {name: value for name, value in installation.secrets().items() if name not in LISTS}
    assert len(set(parts.values())) == len(parts) >= 8


LISTS: Final = ("OPEN_MFA_ENCRYPTION_KEYS", "OPEN_MFA_API_KEYS", "OPEN_MFA_REDIS_URL")
"""Settings that consist of other values."""


def planned(stack: Stack) -> str:
    """Return the content of the plan that created a stack, from its file and as Terraform shows it."""
    with zipfile.ZipFile(stack.directory / FIRST_PLAN) as file:
        raw = "\n".join(file.read(name).decode(errors="replace") for name in file.namelist())
    return raw + stack.terraform("show", "-json", FIRST_PLAN)


def test_no_state_and_no_plan_contains_a_secret(installation: Installation) -> None:
    secrets = installation.secrets()
    values = set(secrets.values())
    assert len(values) >= 9
    kept = {
        f"{key} {version}": content
        for key, version in installation.aws.objects(installation.bucket)
        if (content := installation.aws.content(installation.bucket, key, version))
    }
    assert len(kept) > len(STACKS)
    plans = {name: planned(installation.stacks[name]) for name in (CORE, APP)}
    assert all('"actions":["create"]' in plan for plan in plans.values())
    # Terraform generates a value for the plan and another one for the apply, so the test knows only its form. Digests
    # have a similar form, but without capital letters.
    kept |= plans
    drawn = re.compile(r"\b(?=\w*[A-Z])[A-Za-z0-9]{64}\b|\b[A-Z2-7]{32}\b|[A-Za-z0-9+/]{42}A=")
    assert all(drawn.search(value) for name, value in secrets.items() if name not in LISTS)
    assert {source: found[0] for source, content in kept.items() if (found := drawn.search(content))} == {}
    for path in installation.stacks[BOOTSTRAP].directory.parent.glob("*/*.tfstate*"):
        kept[str(path)] = path.read_text()
    # The search works, because it finds the names of secrets in the state.
    assert any("redis-passwords/p1" in content for content in kept.values())
    assert [source for source, content in kept.items() if any(value in content for value in values)] == []


def test_only_public_paths_reach_the_service(installation: Installation) -> None:
    resources = installation.stacks[APP].resources()
    rules = [values for address, values in resources.items() if address.startswith("aws_lb_listener_rule.public")]
    patterns = [path for rule in rules for each in rule["condition"] for path in _values(each, "path_pattern")]
    assert len(patterns) == len(set(patterns)) >= 10
    for method, path in all_routes(Api(api_keys=tuple(API_KEYS.items()), gate_secret=SharedSecret(bytes(20)))):
        # Only the service decodes paths. The load balancer compares them without decoding.
        for written in (path.replace("<account_id>", "a"), path.replace("/", "/%2e/", 1), path.replace("e", "%65", 1)):
            reaches = any(fnmatchcase(written, pattern) for pattern in patterns)
            arrives = unquote(written)
            assert not (reaches and arrives.startswith(NOT_PUBLIC)), (method, written)
        assert any(fnmatchcase(path, pattern) for pattern in patterns) != path.startswith(NOT_PUBLIC), path


def _values(condition: dict[str, Any], kind: str) -> list[str]:
    return [value for each in condition[kind] for value in each["values"]]


def test_the_stricter_limit_counts_every_path_that_judges_codes(installation: Installation) -> None:
    acl = installation.stacks[APP].resources()["aws_wafv2_web_acl.main"]
    (rule,) = [each for each in acl["rule"] if each["name"] == "code-checks"]
    limits = rule["statement"][0]["rate_based_statement"][0]["scope_down_statement"][0]["and_statement"][0]["statement"]
    (pattern,) = [each["regex_match_statement"][0]["regex_string"] for each in limits if each["regex_match_statement"]]
    found = posts()
    assert {path for path in found.judging if not re.search(pattern, path)} == set()
    assert {path for path in found.others if re.search(pattern, path)} == set()


def test_the_firewall_answers_with_the_problem_document_of_the_service(installation: Installation) -> None:
    acl = installation.stacks[APP].resources()["aws_wafv2_web_acl.main"]
    (body,) = acl["custom_response_body"]
    refusals = [each["action"][0]["block"][0]["custom_response"][0] for each in acl["rule"] if each["action"]]
    api = Api(rate_limit=parse_many("1 per 5 minutes"))
    assert api.verify("totp", "000000").status_code == 404
    own = api.verify("totp", "000000")
    (header,) = refusals[0]["response_header"]
    assert {header["name"]} <= set(own.headers.keys())
    # Everything except the request ID, which the firewall does not know, and the duration.
    wait = re.compile(r"[0-9]+ s\.$")
    expected = {name: wait.sub("…", str(value)) for name, value in document(own).items() if name != "request_id"}
    assert {name: wait.sub("…", str(value)) for name, value in json.loads(body["content"]).items()} == expected
    assert f"{header['value']} s" in json.loads(body["content"])["detail"]
    assert [(each["response_code"], each["response_header"]) for each in refusals] == [(own.status_code, [header])] * 2


def test_the_user_of_redis_may_run_only_the_commands_of_the_service(installation: Installation) -> None:
    """The test applies the access string of the stacks to a real Redis with a replica."""
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


# The following tests change the installation, in this order.


def test_an_added_key_reaches_the_tasks_and_changes_no_other_key(
    installation: Installation, before: dict[str, str]
) -> None:
    core, app = installation.stacks[CORE], installation.stacks[APP]
    after = installation.secrets()
    changed = {name for name, value in before.items() if after[name] != value}
    assert changed == {*LISTS, "OPEN_MFA_ADMIN_PASSWORD"}
    assert after.keys() - before.keys() == {
        "api-keys/till",
        "api-keys/shop/2",
        "encryption-keys/k2",
        "redis-passwords/p2",
    }
    assert after["OPEN_MFA_API_KEYS"].startswith(before["OPEN_MFA_API_KEYS"] + ",till:")
    assert after["OPEN_MFA_ENCRYPTION_KEYS"].endswith("," + before["OPEN_MFA_ENCRYPTION_KEYS"])
    settings = load(installation.task())
    assert [key.id for key in settings.keys.encryption_keys] == ["k2", "k1"]
    # Both keys of the shop are valid.
    keys = [("shop", "shop"), ("desk", "desk"), ("till", "till"), ("shop", "shop/2")]
    assert settings.accounts.api_keys == tuple((tenant, after[f"api-keys/{name}"]) for tenant, name in keys)
    assert isinstance(settings.administrator, Administrator)
    assert settings.administrator.password == after["OPEN_MFA_ADMIN_PASSWORD"]
    assert settings.redis.url is not None
    assert urlsplit(settings.redis.url).password == after["redis-passwords/p2"]
    plans = at_once({stack.name: partial(stack.terraform, "plan", "-lock=false") for stack in (core, app)})
    assert all("No changes." in plan for plan in plans.values())


@pytest.mark.usefixtures("before")
def test_a_used_encryption_key_cannot_be_removed(installation: Installation) -> None:
    core = installation.stacks[CORE]
    core.choose(**CHANGED[CORE] | {"encryption_keys": ["k2"]})
    refusal = core.refusal("plan", "-lock=false", "-refresh=false")
    assert 'aws_secretsmanager_secret.generated["encryption-keys/k1"]' in refusal
    assert "Instance cannot be destroyed" in refusal


@pytest.mark.usefixtures("before")
def test_the_key_of_a_tenant_can_be_removed_after_its_replacement(installation: Installation) -> None:
    core, app = installation.stacks[CORE], installation.stacks[APP]
    keys = {name: installation.secrets()[f"api-keys/{name}"] for name in ("desk", "till", "shop/2")}
    core.choose(**CHANGED[CORE] | {"api_keys": list(keys)})
    gone = [f'aws_secretsmanager_{kind}.generated["api-keys/shop"]' for kind in ("secret", "secret_version")]
    core.terraform("state", "rm", *gone)
    core.apply()
    app.apply()
    found = load(installation.task()).accounts.api_keys
    assert found == (("desk", keys["desk"]), ("till", keys["till"]), ("shop", keys["shop/2"]))


@pytest.mark.usefixtures("before")
def test_an_invalid_variable_is_reported_with_its_value(installation: Installation) -> None:
    commands = {}
    for number, (name, wrong) in enumerate(MISTAKEN):
        values = {
            variable: value if isinstance(value, str) else json.dumps(value) for variable, (value, _) in wrong.items()
        }
        options = ["-lock=false", "-refresh=false", *(f"-var={variable}={value}" for variable, value in values.items())]
        commands[number] = partial(installation.stacks[name].refusal, "plan", *options)
    for number, refusal in at_once(commands).items():
        assert {name: said for name, (_, said) in MISTAKEN[number][1].items() if said not in refusal} == {}


MISTAKEN: Final[tuple[tuple[str, dict[str, tuple[Any, str]]], ...]] = (
    (
        CORE,
        {
            "api_keys": (["shop", "shop/new"], 'from 2 to 999. Invalid: "shop/new".'),
            "encryption_keys": (["k1", "k 2"], 'Invalid: "k 2".'),
        },
    ),
    # Terraform checks these only if the variables that they refer to are valid.
    (
        CORE,
        {
            "secret_generations": (
                {"api-key/shop": 2},
                "No generated secrets: api-key/shop. Secrets that can be generated again: OPEN_MFA_ADMIN_PASSWORD,",
            )
        },
    ),
    (
        APP,
        {
            "domain_name": ("https://mfa.example.com", "without https://"),
            "image": ("example.com/open-mfa:0.1.0", "Only the tag or the digest, without the repository"),
            "availability_zones": (["eu-central-1a", "eu-west-1b"], "such as eu-central-1a: eu-west-1b."),
            "client_cidrs": (["203.0.113.0/24", "everybody"], "Wrong: everybody."),
            "backend_cidrs": (["203.0.113.7/32", "0.0.0.0/0"], "Wrong: 0.0.0.0/0."),
            "admin_cidrs": (["203.0.113.7/32", "::1/128"], "wrong: ::1/128."),
            "public_paths": (["/", "/metrics"], "Wrong: /metrics."),
            "alarm_emails": (["on-call@example.com", "nobody"], "Wrong: nobody."),
            "waf_only_counted": (["NoUserAgent_HEADER", "Typo_RULE"], "CommonRuleSet: Typo_RULE."),
            "settings": ({"OPEN_MFA_ISSUER": "Example", "PORT": "1"}, "decided here: PORT."),
            "redis_engine_version": ("7.1", "valkey has no version 7.1"),
        },
    ),
)


@pytest.mark.usefixtures("before")
def test_redis_can_be_replaced_from_a_snapshot(installation: Installation) -> None:
    """As in the README: remove `prevent_destroy` and replace one address. The task definition follows."""
    app = installation.stacks[APP]
    protected = (app.directory / "redis.tf").read_text()
    former = app.resources()
    app.choose(**CHANGED[APP] | {"redis_snapshot_name": "restored-from"})
    assert "No changes." in app.terraform("plan", "-lock=false", "-refresh=false")
    refusal = app.refusal("plan", "-lock=false", "-refresh=false", "-replace=terraform_data.redis")
    assert "aws_elasticache_replication_group.redis has lifecycle.prevent_destroy" in refusal
    (app.directory / "redis.tf").write_text(protected.replace("prevent_destroy = true", "prevent_destroy = false"))
    app.apply("-replace=terraform_data.redis")
    (app.directory / "redis.tf").write_text(protected)
    group = "aws_elasticache_replication_group.redis"
    assert app.resources()[group]["snapshot_name"] == "restored-from"
    assert app.resources()[group]["final_snapshot_identifier"] != former[group]["final_snapshot_identifier"]
    assert "No changes." in app.terraform("plan", "-lock=false")


# --- The roles of the workflows on GitHub ---


def test_the_plan_role_allows_every_call_of_a_plan(installation: Installation, readings: dict[str, str]) -> None:
    assert readings
    calls = installation.aws.calls(PLAN)
    # Not obvious: a plan without changes sends these, too.
    assert {"secretsmanager:GetSecretValue", "secretsmanager:GetRandomPassword", "s3:GetObject"} <= {
        call.action for call in calls
    }
    assert installation.refused("plan", PLAN) == set()


def test_the_plan_role_allows_only_reading(installation: Installation, iam: dict[str, Any]) -> None:
    allowed = {
        name: described["access_level"]
        for pattern, _ in Rights(*installation.policies("plan")).patterns()
        for name, described in known(iam, pattern)
    }
    assert len(allowed) > 100
    # AWS classifies this action as writing, although it changes nothing.
    assert allowed.pop("kms:Decrypt") == "Write"
    assert {name: level for name, level in allowed.items() if level not in {"Read", "List"}} == {}


CONTENT: Final = ("s3:GetObject", "secretsmanager:GetSecretValue", "kms:Decrypt")


@pytest.mark.parametrize("role", ["plan", "apply"])
def test_no_role_can_read_data_of_other_installations(installation: Installation, role: str) -> None:
    rights = Rights(*installation.policies(role))
    elsewhere = [
        Call("s3:GetObject", (f"arn:aws:s3:::{installation.bucket}/bootstrap.tfstate",)),
        Call("s3:GetObject", ("arn:aws:s3:::another/core-stack.tfstate",)),
        Call("s3:GetObject", (f"arn:aws:s3:::open-mfa-production-access-{ACCOUNT}/AWSLogs/1",)),
        *(
            Call("secretsmanager:GetSecretValue", (f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-AbCdEf",))
            for name in ("another", "open-mfa-staging/OPEN_MFA_SECRET_KEY", *provided())
        ),
    ]
    assert [call for call in elsewhere if rights.allow(call)] == []
    # The role does allow other reads.
    assert rights.allow(Call("s3:GetObject", (f"arn:aws:s3:::{installation.bucket}/core-stack.tfstate",)))
    assert {pattern for pattern, resources in rights.patterns() if resources == ["*"]} & set(CONTENT) == set()


def provided() -> list[str]:
    """Return the settings whose values third parties issue. core-stack creates empty secrets for them."""
    variables = (SOURCE / CORE / "variables.tf").read_text()
    (names,) = re.findall(r"setsubtract\(var\.provided_secrets, \[(.*?)\]", variables)
    found = [f"open-mfa-production/{name}" for name in re.findall(r'"(\w+)"', names)]
    assert len(found) == 3
    return found


LEFT_TO_ADMINISTRATORS: Final = {
    "to apply first": {
        # Permissions.
        "iam:CreateRole",
        "iam:PutRolePolicy",
        "kms:CreateAlias",
        "kms:CreateKey",
        "kms:EnableKeyRotation",
        "s3:PutBucketPolicy",
        # Resources that are created once and then protected.
        "cloudformation:CreateStack",
        "ecr:CreateRepository",
        "ecr:PutLifecyclePolicy",
        "elasticache:CreateReplicationGroup",
        "route53:ChangeTagsForResource",
        "route53:CreateHostedZone",
        "s3:CreateBucket",
        "s3:PutBucketOwnershipControls",
        "s3:PutBucketPublicAccessBlock",
        "s3:PutEncryptionConfiguration",
        # Logging.
        "ec2:CreateFlowLogs",
        "wafv2:PutLoggingConfiguration",
    },
    "to take app-stack down": {
        "iam:DeleteRole",
        "iam:DeleteRolePolicy",
        "iam:ListInstanceProfilesForRole",
        "s3:DeleteBucketPolicy",
        "cloudformation:DeleteStack",
        "ecs:DeleteCluster",
        "elasticache:DeleteReplicationGroup",
        "logs:DeleteLogGroup",
        "s3:DeleteBucket",
        "s3:PutBucketOwnershipControls",
        "s3:PutBucketPublicAccessBlock",
        "s3:PutEncryptionConfiguration",
        "secretsmanager:DeleteSecret",
        "ec2:DeleteFlowLogs",
        "wafv2:DeleteLoggingConfiguration",
    },
}


def test_the_roles_allow_every_call_of_a_deployment(installation: Installation, before: dict[str, str]) -> None:
    assert before
    assert installation.refused("plan", PLAN) == set()
    assert installation.refused("apply", APPLY) == set()
    # The deployment did change something.
    changed = {call.action for call in installation.aws.calls(APPLY)} - {
        call.action for call in installation.aws.calls(PLAN)
    }
    assert len(changed) > 20


def test_only_an_administrator_can_apply_first(installation: Installation) -> None:
    assert installation.refused("apply", FIRST) == LEFT_TO_ADMINISTRATORS["to apply first"]


def test_the_apply_role_cannot_extend_its_permissions_or_destroy_protected_resources(
    installation: Installation, iam: dict[str, Any]
) -> None:
    rights = Rights(*installation.policies("apply"))
    here = f"{REGION}:{ACCOUNT}"
    secret = f"arn:aws:secretsmanager:{here}:secret:open-mfa-production/OPEN_MFA_SECRET_KEY-AbCdEf"
    bucket = f"arn:aws:s3:::{installation.bucket}"
    never = {
        *(Call("secretsmanager:" + action, (secret,)) for action in ("DeleteSecret", "PutResourcePolicy")),
        *(
            Call("s3:" + action, (bucket,))
            for action in ("DeleteBucket", "PutBucketPolicy", "PutLifecycleConfiguration")
        ),
        *(Call("s3:DeleteObject", (f"{bucket}/{name}.tfstate",)) for name in STACKS),
        *(Call("s3:DeleteObjectVersion", (f"{bucket}/{name}.tfstate",)) for name in STACKS),
        Call("s3:PutObject", (f"{bucket}/{BOOTSTRAP}.tfstate",)),
        *(
            Call("kms:" + action, ())
            for action in ("ScheduleKeyDeletion", "PutKeyPolicy", "CreateGrant", "UpdateAlias")
        ),
        Call(
            "elasticache:DeleteReplicationGroup",
            (f"arn:aws:elasticache:{here}:replicationgroup:open-mfa-production-redis",),
        ),
        Call("ecr:DeleteRepository", (f"arn:aws:ecr:{here}:repository/open-mfa-production",)),
        Call("route53:DeleteHostedZone", ()),
        Call("sts:AssumeRole", ("arn:aws:iam::123456789012:role/open-mfa-production-start-1",)),
    }
    assert {call for call in never if rights.allow(call)} == set()
    # The role can change nothing in IAM, including itself and the identity provider. It may pass two roles.
    changing = {name for name, described in known(iam, "iam:*") if described["access_level"] not in {"Read", "List"}}
    assert len(changing) > 80
    assert {name for name in changing if rights.allow(Call(name, ()))} == {"iam:PassRole"}
    passed = {
        name: f"arn:aws:iam::{ACCOUNT}:role/open-mfa-production-{name}"
        for name in ("start-1", "github-apply", "flow-1")
    }
    assert [name for name, arn in passed.items() if rights.allow(Call("iam:PassRole", (arn,)))] == ["start-1"]


def test_the_release_role_can_push_only_to_the_repositories_of_the_installation(
    installation: Installation, iam: dict[str, Any]
) -> None:
    rights = dict(Rights(*installation.policies("release")).patterns())
    repositories = {
        installation.stacks[CORE].resources()["aws_ecr_repository.service"]["arn"],
        installation.stacks[BOOTSTRAP].resources()["aws_ecr_repository.lambda[0]"]["arn"],
    }
    assert rights.pop("ecr:GetAuthorizationToken") == ["*"]
    assert set(map(frozenset, rights.values())) == {frozenset(repositories)}
    changing = {name for name, described in known(iam, "ecr:*") if described["access_level"] not in {"Read", "List"}}
    assert rights.keys() & changing == {
        "ecr:CompleteLayerUpload",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecr:UploadLayerPart",
    }


ROLES: Final = ("release", "plan", "apply")


@pytest.mark.parametrize("role", ROLES)
def test_every_allowed_action_exists_and_supports_its_resources(
    installation: Installation, iam: dict[str, Any], role: str
) -> None:
    """A statement with resources never allows an action that supports none. IAM does not report this."""
    assert without_effect(iam, Rights(*installation.policies(role))) == []


NOT_NEEDED: Final = {
    # For firewalls in front of other services than a load balancer.
    "apprunner:DescribeWebAclForService",
    "cognito-idp:GetWebACLForResource",
    "ec2:GetVerifiedAccessInstanceWebAcl",
    # For all stacks at once. The provider requests only ours, by name.
    "cloudformation:ListStacks",
    # ElastiCache uses another role for these.
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
}
"""Dependent actions in AWS's list that these stacks do not need."""


def test_the_roles_allow_all_dependent_actions(
    installation: Installation, before: dict[str, str], iam: dict[str, Any]
) -> None:
    """For example, IAM checks permissions for tags and for passed roles, although no request names these actions."""
    assert before
    missing = set()
    for role, who in (("plan", PLAN), ("apply", APPLY)):
        rights = Rights(*installation.policies(role))
        for action in {call.action for call in installation.aws.calls(who)}:
            ((_, described),) = known(iam, action)
            needed = {each for kind in described["resource_types"].values() for each in kind["dependent_actions"]}
            missing |= {each for each in needed if not rights.allow(Call(each, ()))}
    assert missing == NOT_NEEDED


@pytest.mark.parametrize("role", ROLES)
def test_policies_do_not_exceed_the_limits_of_iam(installation: Installation, role: str) -> None:
    # With the longest allowed name and environment. IAM does not count spaces.
    lengths = [
        len(re.sub(r"\s", "", policy).replace("open-mfa-production", "x" * 27))
        for policy in installation.policies(role)
    ]
    assert lengths
    assert max(lengths[:1]) <= 6144
    assert max(lengths) <= 10240


def test_each_role_trusts_one_environment(installation: Installation) -> None:
    made = installation.stacks[BOOTSTRAP].resources()
    (provider,) = [
        values["arn"] for name, values in made.items() if name.startswith("aws_iam_openid_connect_provider.")
    ]
    environments = {"release": "release", "plan": "terraform-plan", "apply": "terraform-apply", "lambda": "lambda"}
    for role, environment in environments.items():
        (statement,) = json.loads(made[f'aws_iam_role.github["{role}"]']["assume_role_policy"])["Statement"]
        assert statement == {
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": provider},
            "Condition": {
                "StringEquals": {
                    "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                    "token.actions.githubusercontent.com:sub": f"repo:{REPOSITORY}:environment:{environment}",
                }
            },
        }


KEPT: Final = {
    BOOTSTRAP: {"aws_s3_bucket.state", "aws_kms_key.state", "aws_kms_key.lambda"},
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


@pytest.fixture(scope="module")
def refusals(installation: Installation) -> dict[str, str]:
    """Return the errors of plans that would destroy a stack."""
    options = ("plan", "-destroy", "-lock=false", "-refresh=false")
    return at_once({name: partial(stack.refusal, *options) for name, stack in installation.stacks.items()})


@pytest.mark.parametrize("name", STACKS)
def test_terraform_refuses_to_destroy_protected_resources(refusals: dict[str, str], name: str) -> None:
    text = "\n".join(file.read_text() for file in (SOURCE / name).glob("*.tf"))
    blocks = re.findall(r'^resource "(\w+)" "(\w+)" \{(.*?)^\}', text, re.DOTALL | re.MULTILINE)
    assert {f"{kind}.{of}" for kind, of, body in blocks if "prevent_destroy = true" in body} == KEPT[name]
    # Terraform reports only those that it reaches.
    named = set(re.findall(r"Resource (aws_\w+\.\w+)\S* has lifecycle\.prevent_destroy", refusals[name]))
    assert named
    assert named <= KEPT[name]


def test_all_stacks_can_be_destroyed(installation: Installation) -> None:
    """As in the README: remove the protection by hand first."""
    bootstrap = installation.stacks[BOOTSTRAP]
    for stack in installation.stacks.values():
        for file in stack.directory.glob("*.tf"):
            file.write_text(file.read_text().replace("prevent_destroy = true", "prevent_destroy = false"))
    app, core = installation.stacks[APP], installation.stacks[CORE]
    app.choose(deletion_protection=False)
    app.apply("-target=aws_lb.main")
    app.destroy(who=LAST)
    assert app.resources() == {}
    assert installation.refused("apply", LAST) == LEFT_TO_ADMINISTRATORS["to take app-stack down"]
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
