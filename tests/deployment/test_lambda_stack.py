"""lambda-stack of `deploy/terraform`: applied, used by the service, changed and destroyed in a stand-in for AWS.

The stand-in runs no function. So the tests run it on awslambdaric with the environment that the stack gives it, on the
table of the stack, and compare its calls with the permissions of its role.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pyotp
import pytest

from infrastructure.settings import load
from tests.deployment.docker_support import ROOT, attempt
from tests.deployment.terraform_support import (
    ACCOUNT,
    BOOTSTRAP,
    COMMON,
    LAMBDA,
    REGION,
    Aws,
    Call,
    Rights,
    Stack,
    copies,
    known,
    without_effect,
)
from tests.presentation.api import API_KEYS, Api, all_routes
from tests.support.documents import page
from tests.support.lambda_events import LambdaClient
from tests.support.processes import wait_until
from tests.support.runtime_api import Environment

NAME: Final = "open-mfa-production-lambda"
IMAGE: Final = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{NAME}@sha256:{'0123456789abcdef' * 4}"
VARIABLES: Final[dict[str, dict[str, Any]]] = {
    BOOTSTRAP: COMMON | {"github_repository": "Example/open-mfa", "lambda": True},
    LAMBDA: COMMON | {"image": IMAGE, "ephemeral": True, "api_keys": ["shop"], "alarm_emails": ["on-call@example.com"]},
}
FOR_LAMBDA: Final = (
    "aws_kms_alias.lambda",
    "aws_ecr_lifecycle_policy.lambda",
    "aws_ecr_repository_policy.lambda",
    "aws_iam_role_policy.lambda",
    "aws_iam_role_policy.github_lambda",
)
"""What lambda-stack needs of bootstrap. The tests of the other stacks apply all of bootstrap, which takes a minute."""
WORKFLOW, FUNCTION = "workflow", "function"
"""Access keys that identify callers to the stand-in: the workflow that applies and destroys, and the function."""
SETUP_KEY: Final = "the setup key of our team"
CHANGED: Final[dict[str, Any]] = {
    "api_keys": ["shop", "desk", "shop/2"],
    "encryption_keys": ["k2", "k1"],
    "endpoint": "function-url",
    "ephemeral": False,
}
NOT_PUBLIC: Final = ("/metrics", "/readyz", "/api/v1/admin")
GUIDE: Final = page("how-to/run-on-lambda-with-terraform")


@dataclass
class Installation:
    """The applied stack, and the policies of bootstrap."""

    aws: Aws
    stack: Stack
    policies: dict[str, str]

    def environment(self) -> dict[str, str]:
        """Return the environment of the function."""
        return dict(self.aws.function(NAME)["Environment"]["Variables"])

    def template(self) -> dict[str, Any]:
        """Return the resources in the template of the function."""
        body = self.stack.resources()["aws_cloudformation_stack.function"]["template_body"]
        return dict(json.loads(body)["Resources"])

    def gate_secret(self) -> str:
        """Return the ARN of the secret with the setup key, which an operator has entered."""
        return self.aws.secret_arn(f"{NAME}-gate")

    def refused(self, who: str, policy: str) -> set[str]:
        """Return the actions of a caller that a policy does not allow."""
        rights, calls = Rights(self.policies[policy]), self.aws.calls(who)
        assert calls, f"{who} has sent no requests"
        return {call.action for call in calls if not rights.allow(call)}


@pytest.fixture(scope="module")
def installation(terraform: str, aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    stacks = copies(tmp_path_factory.mktemp("lambda"), VARIABLES)
    for stack in stacks.values():
        stack.environment |= aws.environment
    bootstrap, stack = stacks[BOOTSTRAP], stacks[LAMBDA].by(WORKFLOW)
    bootstrap.apply(*(f"-target={address}" for address in FOR_LAMBDA))
    backend = bootstrap.directory.parent / "backend.hcl"
    backend.write_text(bootstrap.terraform("output", "-raw", "backend"))
    stack.terraform("init", "-reconfigure", f"-backend-config={backend}")
    stack.terraform("apply", "-auto-approve")
    made = bootstrap.resources()
    names = ("aws_iam_role_policy.lambda[0]", "aws_iam_role_policy.github_lambda[0]")
    return Installation(
        aws, stack, dict(zip((FUNCTION, WORKFLOW), (made[name]["policy"] for name in names), strict=True))
    )


@pytest.fixture(scope="module")
def function(installation: Installation) -> Iterator[Environment]:
    """Run the function with its environment, on the table of the stack."""
    environment = installation.environment()
    environment["OPEN_MFA_STORE_URL"] += f"&endpoint={installation.aws.endpoint}"
    credentials = {"AWS_ACCESS_KEY_ID": FUNCTION, "AWS_SECRET_ACCESS_KEY": "testing"}
    with Environment(**environment | credentials) as running:
        yield running
        assert running.api.violations == []


# --- Without AWS ---


def test_the_stack_has_nothing_that_takes_minutes() -> None:
    """Such as a network or a load balancer."""
    text = "\n".join(path.read_text() for path in (ROOT / "deploy/terraform" / LAMBDA).glob("*.tf"))
    kinds = set(re.findall(r'^resource "(\w+)"', text, re.MULTILINE))

    assert kinds == {
        "aws_dynamodb_table",
        "aws_secretsmanager_secret",
        "aws_secretsmanager_secret_version",
        "aws_cloudformation_stack",
        "aws_apigatewayv2_api",
        "aws_apigatewayv2_integration",
        "aws_apigatewayv2_route",
        "aws_apigatewayv2_stage",
        "aws_cloudwatch_log_group",
        "aws_cloudwatch_log_metric_filter",
        "aws_cloudwatch_metric_alarm",
        "aws_sns_topic",
        "aws_sns_topic_policy",
        "aws_sns_topic_subscription",
    }


# --- Applied ---


def test_the_stack_is_valid(installation: Installation) -> None:
    said = json.loads(installation.stack.terraform("validate", "-json"))

    assert (said["valid"], said["diagnostics"]) == (True, [])


def test_the_terraform_tests_of_the_stack_pass(installation: Installation) -> None:
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", installation.stack.terraform("test"))


def test_a_second_plan_has_no_changes(installation: Installation) -> None:
    assert "No changes." in installation.stack.terraform("plan", "-lock=false")


def test_the_service_accepts_the_environment_of_the_function(installation: Installation) -> None:
    environment = installation.environment()
    settings = load(environment)

    assert settings.notices == ()
    assert environment["OPEN_MFA_STORE_URL"] == f"dynamodb://{NAME}?region={REGION}"
    assert settings.mode.environment == "production"
    assert settings.session.cookie_secure
    assert [(key.id, len(key.material)) for key in settings.keys.encryption_keys] == [("k1", 32)]
    assert [(name, len(key)) for name, key in settings.accounts.api_keys] == [("shop", 64)]
    assert settings.gate.shared_secret is not None
    assert len(settings.gate.shared_secret.key) == 20
    # The values are encrypted with our own key.
    assert ":key/" in installation.aws.function(NAME)["KMSKeyArn"]


def test_no_state_and_no_template_contains_a_secret(installation: Installation) -> None:
    environment = installation.environment()
    values = {
        part.rpartition(":")[2]
        for name, value in environment.items()
        if "KEY" in name or "SECRET" in name
        for part in value.split(",")
    }
    assert len(values) == 4
    bucket = f"open-mfa-production-state-{ACCOUNT}"
    states = {
        version: installation.aws.content(bucket, key, version) or ""
        for key, version in installation.aws.objects(bucket)
        if key == "lambda-stack.tfstate"
    }

    # The search works, because it finds the references to the secrets.
    assert any("{{resolve:secretsmanager:" in state for state in states.values())
    assert [version for version, state in states.items() if any(value in state for value in values)] == []


def test_only_public_paths_reach_the_function(installation: Installation) -> None:
    keys = [
        values["route_key"]
        for address, values in installation.stack.resources().items()
        if address.startswith("aws_apigatewayv2_route.")
    ]
    patterns = [key.removeprefix("ANY ").replace("{rest+}", "?*") for key in keys]
    assert len(patterns) == len(set(patterns)) >= 10
    for method, path in all_routes(Api(api_keys=tuple(API_KEYS.items()))):
        # Only the service decodes paths. API Gateway compares them without decoding.
        for written in (path.replace("<account_id>", "a"), path.replace("/", "/%2e/", 1), path.replace("e", "%65", 1)):
            reaches = any(fnmatchcase(written, pattern) for pattern in patterns)
            assert not (reaches and unquote(written).startswith(NOT_PUBLIC)), (method, written)
        assert any(fnmatchcase(path, pattern) for pattern in patterns) != path.startswith(NOT_PUBLIC), path


def test_only_the_api_of_the_stack_may_call_the_function(installation: Installation) -> None:
    resources = installation.stack.resources()
    template = installation.template()
    permissions = [each["Properties"] for each in template.values() if each["Type"] == "AWS::Lambda::Permission"]

    assert permissions == [
        {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Ref": "Function"},
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": f"{resources['aws_apigatewayv2_api.main[0]']['execution_arn']}/*",
        }
    ]
    assert resources["aws_apigatewayv2_integration.function[0]"]["integration_uri"].endswith(f":function:{NAME}")


# --- The function on the table of the stack ---


def test_the_function_works_on_the_table(function: Environment, installation: Installation) -> None:
    settings = installation.environment()
    browser, shop = LambdaClient(function.invoke), LambdaClient(function.invoke)
    key = {"Authorization": f"Bearer {settings['OPEN_MFA_API_KEYS'].partition(':')[2]}"}
    account = "/api/v1/accounts/alice"
    enrolled = browser.ask("POST", "/api/v1/session/totp", {})
    assert enrolled.status == 201
    code = {"code": pyotp.TOTP(enrolled.json()["secret"]).now()}
    assert browser.ask("POST", "/api/v1/session/totp/verify", code).status == 200
    assert browser.ask("POST", "/api/v1/session/totp/verify", code).json()["reason"] == "replayed"
    assert shop.ask("POST", f"{account}/otp", {}, headers=key).status == 201
    assert shop.ask("GET", account, headers=key).status == 200
    listed = shop.ask("GET", "/api/v1/accounts", headers=key).json()
    assert [each["id"] for each in listed["accounts"]] == ["alice"]
    assert shop.ask("DELETE", account, headers=key).status == 204
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    log_in = f"code={pyotp.TOTP(settings['OPEN_MFA_GATE_SECRET']).now()}"
    assert browser.ask("POST", "/auth/login", log_in, headers=form).status == 303
    assert browser.ask("GET", "/auth/check").status == 200
    assert browser.ask("POST", "/auth/logout", "", headers=form).status == 303
    assert browser.ask("GET", "/auth/check").status == 401


def test_the_role_of_the_function_allows_what_the_function_does_and_nothing_else(
    function: Environment, installation: Installation
) -> None:
    assert LambdaClient(function.invoke).ask("GET", "/readyz").status == 200
    rights = dict(Rights(installation.policies[FUNCTION]).patterns())
    allowed = {action: resources for action, resources in rights.items() if action.startswith("dynamodb:")}
    calls = {call.action for call in installation.aws.calls(FUNCTION)}

    assert calls == allowed.keys()
    assert set(map(tuple, allowed.values())) == {(f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{NAME}",)}
    assert rights.keys() - allowed.keys() == {
        "kms:Decrypt",
        "kms:Encrypt",
        "kms:GenerateDataKey*",
        "kms:ReEncrypt*",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }


def test_the_role_uses_the_key_only_for_the_table_and_the_environment(installation: Installation) -> None:
    statements = Rights(installation.policies[FUNCTION]).statements
    conditions = [each["Condition"] for each in statements if "kms:Decrypt" in each["Action"]]

    assert conditions == [
        {
            "StringEquals": {
                "kms:ViaService": f"dynamodb.{REGION}.amazonaws.com",
                "kms:EncryptionContext:aws:dynamodb:tableName": NAME,
            }
        },
        {
            "StringEquals": {
                "kms:EncryptionContext:aws:lambda:FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}"
            }
        },
    ]


def test_the_alarm_on_errors_of_the_table_counts_every_operation_of_the_service(installation: Installation) -> None:
    alarm = installation.stack.resources()["aws_cloudwatch_metric_alarm.system_errors"]
    counted = {
        metric["dimensions"]["Operation"]
        for query in alarm["metric_query"]
        for metric in query["metric"]
        if metric["dimensions"]["TableName"] == NAME
    }
    actions = [action for action, _ in Rights(installation.policies[FUNCTION]).patterns()]

    assert {f"dynamodb:{name}" for name in counted} == {name for name in actions if name.startswith("dynamodb:")}


def test_the_commands_of_the_guide_print_the_setup_key(installation: Installation, tmp_path: Path) -> None:
    """Both commands run unchanged, except for the last one, which draws the QR code. A program replaces AWS's."""
    for secret, value in {
        "open-mfa-production-lambda/OPEN_MFA_GATE_SECRET": installation.environment()["OPEN_MFA_GATE_SECRET"],
        "open-mfa-production-lambda-gate": SETUP_KEY,
    }.items():
        (command,) = re.findall(
            rf"^(aws secretsmanager get-secret-value .* {secret} \\\n.*?) \| \S+open-mfa qr -$", GUIDE, re.MULTILINE
        )
        (tmp_path / "aws").write_text(f"#!/bin/sh\n[ \"$8\" = {secret} ] && echo '{value}'\n")
        (tmp_path / "aws").chmod(0o755)
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

        done = attempt("bash", "-c", command, cwd=ROOT / "deploy/terraform", env=environment)

        assert done.returncode == 0, done.stderr
        key = pyotp.parse_uri(done.stdout.strip())
        assert key.byte_secret() == (value.encode() if value == SETUP_KEY else pyotp.TOTP(value).byte_secret())  # type: ignore[attr-defined]


# --- The role of the workflows ---


def test_the_workflow_may_send_every_call_of_an_apply(installation: Installation) -> None:
    assert len({call.action for call in installation.aws.calls(WORKFLOW)}) > 30
    assert installation.refused(WORKFLOW, WORKFLOW) == set()


def test_the_workflow_may_not_read_data_or_change_permissions(installation: Installation, iam: dict[str, Any]) -> None:
    rights = Rights(installation.policies[WORKFLOW])
    here = f"{REGION}:{ACCOUNT}"
    table = f"arn:aws:dynamodb:{here}:table/{NAME}"
    secrets = f"arn:aws:secretsmanager:{here}:secret"
    never = {
        *(
            Call(f"dynamodb:{name}", (table,))
            for name in ("GetItem", "PutItem", "Scan", "Query", "ExportTableToPointInTime")
        ),
        Call("dynamodb:DeleteTable", (f"{table}-other",)),
        Call("lambda:InvokeFunction", (f"arn:aws:lambda:{here}:function:{NAME}",)),
        Call("lambda:UpdateFunctionCode", (f"arn:aws:lambda:{here}:function:other",)),
        Call("secretsmanager:GetSecretValue", (f"{secrets}:open-mfa-production/OPEN_MFA_SECRET_KEY-AbCdEf",)),
        Call("secretsmanager:DeleteSecret", (f"{secrets}:{NAME}-gate-AbCdEf",)),
        Call("s3:GetObject", (f"arn:aws:s3:::open-mfa-production-state-{ACCOUNT}/bootstrap.tfstate",)),
        Call("s3:PutObject", (f"arn:aws:s3:::open-mfa-production-state-{ACCOUNT}/app-stack.tfstate",)),
        Call("ecr:PutImage", (f"arn:aws:ecr:{here}:repository/{NAME}",)),
        Call("iam:PassRole", (f"arn:aws:iam::{ACCOUNT}:role/open-mfa-production-github-apply",)),
    }
    changing = {
        name
        for service in ("iam:*", "kms:*", "ecr:*", "logs:*ResourcePolicy")
        for name, described in known(iam, service)
        if described["access_level"] == "Permissions management"
    }

    assert len(changing) > 40
    assert {call for call in never if rights.allow(call)} == set()
    # Grants are limited to the services that use the key, and a role is only passed to the function.
    assert {name for name in changing if rights.allow(Call(name, ()))} == {"iam:PassRole", "kms:CreateGrant"}
    assert rights.allow(Call("iam:PassRole", (f"arn:aws:iam::{ACCOUNT}:role/{NAME}",)))


@pytest.mark.parametrize("who", [FUNCTION, WORKFLOW])
def test_every_allowed_action_exists_and_supports_its_resources(
    who: str, installation: Installation, iam: dict[str, Any]
) -> None:
    policy = installation.policies[who]

    assert without_effect(iam, Rights(policy)) == []
    # With the longest allowed name and environment. IAM does not count spaces.
    assert len(re.sub(r"\s", "", policy).replace("open-mfa-production", "x" * 27)) <= 10240


# The following tests change the installation, in this order.


def test_another_key_and_another_setup_key_change_no_other_secret(installation: Installation) -> None:
    before = installation.environment()
    installation.aws.create_secret(f"{NAME}-gate", SETUP_KEY)
    arn = installation.gate_secret()
    assert Rights(installation.policies[WORKFLOW]).allow(Call("secretsmanager:GetSecretValue", (arn,)))
    installation.stack.choose(**CHANGED, gate_secret_arn=arn)
    installation.stack.apply(who=WORKFLOW)
    after = installation.environment()

    assert after["OPEN_MFA_SECRET_KEY"] == before["OPEN_MFA_SECRET_KEY"]
    assert after["OPEN_MFA_ENCRYPTION_KEYS"].endswith("," + before["OPEN_MFA_ENCRYPTION_KEYS"])
    assert after["OPEN_MFA_API_KEYS"].startswith(before["OPEN_MFA_API_KEYS"] + ",desk:")
    assert "OPEN_MFA_GATE_SECRET" not in after
    assert after["OPEN_MFA_GATE_SECRET_TEXT"] == SETUP_KEY
    settings = load(after)
    assert [key.id for key in settings.keys.encryption_keys] == ["k2", "k1"]
    assert [tenant for tenant, _ in settings.accounts.api_keys] == ["shop", "desk", "shop"]
    assert "No changes." in installation.stack.terraform("plan", "-lock=false")


def test_a_function_url_can_be_called_only_as_a_url(installation: Installation) -> None:
    """Otherwise every AWS account could call the function with an event that contains a forged client address."""
    template = installation.template()
    permissions = [each["Properties"] for each in template.values() if each["Type"] == "AWS::Lambda::Permission"]

    assert not any("apigateway" in address for address in installation.stack.resources())
    assert [(each["Action"], each["Principal"]) for each in permissions] == [
        ("lambda:InvokeFunctionUrl", "*"),
        ("lambda:InvokeFunction", "*"),
    ]
    assert permissions[0]["FunctionUrlAuthType"] == "NONE"
    assert permissions[1]["InvokedViaFunctionUrl"] is True
    assert template["Function"]["Properties"]["ReservedConcurrentExecutions"] == 10
    assert re.fullmatch(r"https://\S+\.on\.aws", installation.stack.terraform("output", "-raw", "url"))


def test_the_protection_of_the_table_also_protects_the_keys_and_the_log(installation: Installation) -> None:
    before = installation.environment()

    refusal = installation.stack.refusal("destroy", "-auto-approve")

    assert re.search(r"deletion ?protection", refusal, re.IGNORECASE)
    names = installation.aws.secret_names()
    assert {f"{NAME}/{name}" for name in ("OPEN_MFA_SECRET_KEY", "encryption-keys/k1", "encryption-keys/k2")} <= names
    assert "aws_cloudwatch_log_group.service" in installation.stack.terraform("state", "list").split()
    # The next apply restores the service.
    installation.stack.choose(**CHANGED | {"ephemeral": True}, gate_secret_arn=installation.gate_secret())
    installation.stack.apply(who=WORKFLOW)
    after = installation.environment()
    assert all(after[name] == before[name] for name in ("OPEN_MFA_SECRET_KEY", "OPEN_MFA_ENCRYPTION_KEYS"))


def test_the_stack_can_be_destroyed_at_once(installation: Installation) -> None:
    installation.stack.destroy(who=WORKFLOW)

    assert installation.stack.resources() == {}
    # The names are free again, and the setup key is still there.
    wait_until(lambda: installation.aws.secret_names() == {f"{NAME}-gate"}, "the deletion of the secrets")
    assert installation.refused(WORKFLOW, WORKFLOW) == set()
