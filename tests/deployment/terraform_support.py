"""Terraform in the tests: copies of the stacks, a stand-in for AWS, and the permissions of policies."""

import json
import os
import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

import requests

from tests.deployment.docker_support import ROOT, attempt, missing, run

SOURCE: Final = ROOT / "deploy/terraform"
TOOLS: Final = ROOT / ".venv-deploy/bin"
PROGRAM: Final = os.environ.get("TERRAFORM_PROGRAM", "terraform")
"""`TERRAFORM_PROGRAM=tofu` tests the stacks with OpenTofu."""
BOOTSTRAP, CORE, APP, LAMBDA = "bootstrap", "core-stack", "app-stack", "lambda-stack"
NO_TERRAFORM: Final = f"{PROGRAM} 1.11 or newer is not installed, so deploy/terraform was not tested"
NO_TOOLS: Final = (
    "The tools of requirements/deploy.txt are not installed (make e2e installs them), so there is no stand-in for AWS"
)
NO_PROVIDER: Final = (
    "Terraform finds the AWS provider neither in its registry nor in a mirror. To use a mirror, set"
    " TF_CLI_CONFIG_FILE to a file with provider_installation, as .ci/run does"
)
REGION: Final = "eu-central-1"
ACCOUNT: Final = "123456789012"
COMMON: Final = {"region": REGION, "account_id": ACCOUNT}
PLAN, APPLY = "plan", "apply"
"""Access keys that identify the workflow's two roles to the stand-in."""
PROVIDER: Final = "5.100.0"
"""The tested version. The stacks allow others."""
PIN: Final = (
    "terraform {\n  required_providers {\n    aws = {\n"
    f'      source  = "hashicorp/aws"\n      version = "{PROVIDER}"\n    }}\n  }}\n}}\n'
)
Key = TypeVar("Key")
LONGEST: Final = 900
"""Seconds for one command. The provider may wait for minutes."""


@dataclass
class Stack:
    """A copy of one stack."""

    directory: Path
    environment: dict[str, str]
    variables: Mapping[str, Any] = field(default_factory=dict)
    _resources: dict[str, dict[str, Any]] | None = None

    @property
    def name(self) -> str:
        return self.directory.name

    def by(self, who: str) -> "Stack":
        """Return the stack with the access key of another caller."""
        return replace(self, environment=self.environment | {"AWS_ACCESS_KEY_ID": who})

    def terraform(self, *arguments: str) -> str:
        return run(PROGRAM, *arguments, patience=LONGEST, cwd=self.directory, env=self.environment)

    def refusal(self, *arguments: str) -> str:
        """Run a command that must fail, and return its error text."""
        done = attempt(PROGRAM, *arguments, patience=LONGEST, cwd=self.directory, env=self.environment)
        assert done.returncode == 1, done.stdout
        return re.sub(r"\s+", " ", re.sub(r"[│╷╵]", "", done.stderr))

    def choose(self, **variables: Any) -> None:
        (self.directory / "terraform.tfvars.json").write_text(json.dumps({**self.variables, **variables}))

    def apply(self, *options: str, who: str = "testing") -> None:
        self.by(who).terraform("apply", "-auto-approve", *options)
        self._resources = None

    def deploy(self) -> None:
        """Plan and apply in the same way as .github/workflows/terraform.yml."""
        self.by(PLAN).terraform("init", "-reconfigure", "-backend-config=../backend.hcl")
        self.by(PLAN).terraform("plan", "-lock=false", "-out=plan")
        self.by(APPLY).terraform("init", "-reconfigure", "-backend-config=../backend.hcl", "-lockfile=readonly")
        self.by(APPLY).terraform("apply", "plan")
        self._resources = None

    def destroy(self, who: str = "testing") -> None:
        self.by(who).terraform("destroy", "-auto-approve")
        self._resources = None

    def resources(self) -> dict[str, dict[str, Any]]:
        """Return the managed resources of the state, by address. The state is read once after each change."""
        if self._resources is None:
            state = json.loads(self.terraform("show", "-json"))
            found = state.get("values", {}).get("root_module", {}).get("resources", [])
            self._resources = {each["address"]: each["values"] for each in found if each["mode"] == "managed"}
        return self._resources


@dataclass
class Aws:
    """The stand-in for AWS."""

    endpoint: str
    log: Path

    def calls(self, who: str) -> set["Call"]:
        """Return the calls of a caller until now."""
        found = re.findall(rf"CALL {who} ([a-z0-9-]+:\w+)((?: arn:\S+)*)", self.log.read_text(errors="replace"))
        # AWS allows this action regardless of policies.
        return {Call(action, tuple(arns.split())) for action, arns in found if action != "sts:GetCallerIdentity"}

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

    def function(self, name: str) -> dict[str, Any]:
        """Return the configuration of a function, with the values of its environment."""
        url = f"{self.endpoint}/2015-03-31/functions/{name}/configuration"
        answer = requests.get(url, headers=self._signed("lambda"), timeout=10)
        answer.raise_for_status()
        return dict(answer.json())

    def secret(self, secret_id: str, version: str | None = None) -> str:
        """Return the value of a secret, as ECS reads it."""
        request = {"SecretId": secret_id} | ({"VersionId": version} if version else {})
        text: str = self._secrets("GetSecretValue", request)["SecretString"]
        return text

    def create_secret(self, name: str, value: str) -> None:
        """Store a secret as an operator does."""
        self._secrets("CreateSecret", {"Name": name, "SecretString": value, "ClientRequestToken": "0" * 32})

    def secret_arn(self, name: str) -> str:
        """Return the ARN of a secret."""
        arn: str = self._secrets("DescribeSecret", {"SecretId": name})["ARN"]
        return arn

    def secret_names(self) -> set[str]:
        """Return the names of all secrets, including those that are scheduled for deletion."""
        listed = self._secrets("ListSecrets", {"IncludePlannedDeletion": True, "MaxResults": 100})
        return {each["Name"] for each in listed["SecretList"]}

    def _secrets(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        headers = self._signed("secretsmanager") | {
            "X-Amz-Target": f"secretsmanager.{action}",
            "Content-Type": "application/x-amz-json-1.1",
        }
        answer = requests.post(self.endpoint, json=request, headers=headers, timeout=10)
        answer.raise_for_status()
        return dict(answer.json())

    def objects(self, bucket: str) -> Iterator[tuple[str, str]]:
        """Return keys and versions of all current and former objects of a bucket, including delete markers."""
        answer = requests.get(f"{self.endpoint}/{bucket}?versions", headers=self._signed("s3"), timeout=10)
        answer.raise_for_status()
        for each in ET.fromstring(answer.text):
            found = {child.tag.rpartition("}")[2]: child.text or "" for child in each}
            if "VersionId" in found:
                yield found["Key"], found["VersionId"]

    def content(self, bucket: str, key: str, version: str) -> str | None:
        """Return the content of an object, or None for a delete marker."""
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


@dataclass(frozen=True, order=True)
class Call:
    """A call that IAM allows or refuses: an action, and the ARNs in the request."""

    action: str
    arns: tuple[str, ...]


class Rights:
    """The permissions of policies. A condition counts as true in statements that allow, and as false in others."""

    def __init__(self, *policies: str) -> None:
        self.statements = [each for policy in policies for each in _list(json.loads(policy)["Statement"])]

    def allow(self, call: Call) -> bool:
        allowed = any(self._matches(each, call, True) for each in self.statements if each["Effect"] == "Allow")
        return allowed and not any(
            self._matches(each, call, False)
            for each in self.statements
            if each["Effect"] == "Deny" and "Condition" not in each
        )

    def patterns(self) -> Iterator[tuple[str, list[str]]]:
        """Return each pattern of allowed actions with its resources."""
        for each in self.statements:
            if each["Effect"] == "Allow":
                for action in _list(each["Action"]):
                    yield action, _list(each["Resource"])

    @staticmethod
    def _matches(statement: dict[str, Any], call: Call, without_arns: bool) -> bool:
        named = any(
            like(call.action, pattern) for pattern in _list(statement.get("Action", statement.get("NotAction")))
        )
        if named != ("Action" in statement):
            return False
        resources = _list(statement["Resource"])
        if resources == ["*"]:
            return True
        if not call.arns:
            return without_arns
        return any(fnmatchcase(arn, pattern) for arn in call.arns for pattern in resources)


def like(action: str, pattern: str) -> bool:
    """Match an action with a pattern as IAM does, without regard to case."""
    return fnmatchcase(action.lower(), pattern.lower())


def _list(one_or_more: Any) -> list[Any]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def at_once(commands: Mapping[Key, Callable[[], str]]) -> dict[Key, str]:
    """Return the results of commands that change nothing. They run at the same time, because they mostly wait.

    A command of Terraform with its provider needs half a gigabyte of memory.
    """
    with ThreadPoolExecutor(max_workers=3) as threads:
        running = {key: threads.submit(command) for key, command in commands.items()}
        return {key: each.result() for key, each in running.items()}


def copies(directory: Path, variables: Mapping[str, Mapping[str, Any]]) -> dict[str, Stack]:
    """Return copies of stacks, with the provider and without a backend, so that the checkout is not changed.

    Args:
        directory: an empty directory for the copies.
        variables: the stacks, each with its variables.
    """
    for name in variables:
        ignored = shutil.ignore_patterns(".terraform*", "*.tfstate*")
        shutil.copytree(SOURCE / name, directory / name, ignore=ignored)
        (directory / name / "pinned_override.tf").write_text(PIN)
    providers = directory / "providers"
    providers.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_VAR_"))} | {
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "TF_CLI_ARGS": "-no-color",
        "CHECKPOINT_DISABLE": "1",
        # Terraform downloads the provider at most once.
        "TF_PLUGIN_CACHE_DIR": os.environ.get("TF_PLUGIN_CACHE_DIR", str(providers)),
        "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "1",
        # Only credentials for the stand-in, even if the machine has others.
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    made = {name: Stack(directory / name, environment, values) for name, values in variables.items()}
    # The first one fills the cache, which the others only read.
    first, *others = made.values()
    _initialize(first)
    with ThreadPoolExecutor() as threads:
        list(threads.map(_initialize, others))
    return made


def _initialize(stack: Stack) -> None:
    arguments = ("init", "-backend=false")
    init = attempt(PROGRAM, *arguments, patience=LONGEST, cwd=stack.directory, env=stack.environment)
    require_provider(init.stderr)
    assert init.returncode == 0, init.stderr
    stack.choose()


def require_provider(errors: str) -> None:
    """Skip the test, or fail it in CI, if the errors of `init` say that there is no provider."""
    if "Failed to query available provider packages" in errors:
        missing(NO_PROVIDER)


def known(iam: dict[str, Any], pattern: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the actions that match a pattern."""
    service, _, action = pattern.partition(":")
    actions = iam[service]["privileges"].items() if service in iam else ()
    return [(f"{service}:{name}", described) for name, described in actions if like(name, action)]


def without_effect(iam: dict[str, Any], rights: Rights) -> list[str]:
    """Return the patterns of actions that do not exist or support none of their resources. IAM reports neither."""
    return [
        pattern
        for pattern, resources in rights.patterns()
        if not any(resources == ["*"] or _fits(iam, *action, resources) for action in known(iam, pattern))
    ]


def _fits(iam: dict[str, Any], name: str, described: dict[str, Any], resources: list[str]) -> bool:
    kinds = iam[name.partition(":")[0]]["resources"]
    here = {"${Partition}": "aws", "${Region}": REGION, "${Account}": ACCOUNT}
    for kind in filter(None, described["resource_types"]):
        form = re.sub(r"\$\{\w+\}", lambda found: here.get(found[0], "*"), kinds[kind]["arn"])
        for resource in resources:
            begins = [text.partition("*")[0] for text in (form, resource)]
            if begins[0].startswith(begins[1]) or begins[1].startswith(begins[0]):
                return True
    return False
