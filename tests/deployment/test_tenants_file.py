"""The tenants file in the stacks of Compose and Terraform, without containers and without AWS."""

import json
import shutil
import subprocess
from typing import Any, Final

import pytest

from infrastructure.tenants.tenants_file import TenantsFile
from presentation.bootstrap.command_line import main
from tests.deployment.docker_support import COMPOSE, ROOT, attempt
from tests.deployment.terraform_support import ACCOUNT, APP, COMMON, LAMBDA, PROGRAM, REGION, Stack, copies

EXAMPLE: Final = COMPOSE / "tenants/tenants.toml.example"
VARIABLES: Final[dict[str, dict[str, Any]]] = {
    APP: COMMON
    | {
        "availability_zones": [f"{REGION}{letter}" for letter in "abc"],
        "state_bucket": f"open-mfa-production-state-{ACCOUNT}",
        "domain_name": "mfa.example.com",
        "image": "0.1.0",
    },
    LAMBDA: COMMON | {"image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/open-mfa@sha256:{'0123456789abcdef' * 4}"},
}
PASSED_ON: Final = {APP: "local.plain", LAMBDA: "local.environment"}
LARGEST: Final = {APP: 48 * 1024, LAMBDA: 3 * 1024}
"""The size in bytes that the messages state."""


@pytest.fixture(scope="module")
def stacks(terraform: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stack]:
    made = copies(tmp_path_factory.mktemp("tenants"), VARIABLES)
    for stack in made.values():
        shutil.copy(EXAMPLE, stack.directory / "tenants.toml")
        # Otherwise, `terraform console` would need the bucket of the state.
        (stack.directory / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
        stack.terraform("init", "-reconfigure")
    return made


def test_the_example_for_compose_is_valid(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tenants", "check", str(EXAMPLE)]) == 0, capsys.readouterr().err


def test_git_ignores_the_tenants_file_but_not_its_example() -> None:
    for name, ignored in (("tenants.toml", True), ("tenants.toml.example", False)):
        path = f"deploy/docker-compose/tenants/{name}"
        done = attempt("git", "check-ignore", "--quiet", "--no-index", path, cwd=ROOT)
        assert (done.returncode == 0) == ignored, name


def console(stack: Stack, expression: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    """Evaluate an expression, which does not depend on AWS."""
    values = {name: value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()}
    return subprocess.run(
        [PROGRAM, "console", *(f"-var={name}={value}" for name, value in values.items())],
        input=f"jsonencode({expression})",
        cwd=stack.directory,
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def environment(stack: Stack, **variables: Any) -> dict[str, str]:
    """Return the settings that the stack passes on, without secrets."""
    done = console(stack, PASSED_ON[stack.directory.name], **variables)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(json.loads(done.stdout)))


@pytest.mark.parametrize("name", VARIABLES)
def test_a_stack_passes_on_the_text_of_the_tenants_file(stacks: dict[str, Stack], name: str) -> None:
    text = environment(stacks[name], tenants_file="tenants.toml")["OPEN_MFA_TENANTS_TOML"]

    assert text == EXAMPLE.read_text()
    assert set(TenantsFile.parse(text).tables) == {"shop", "forum"}


@pytest.mark.parametrize("name", VARIABLES)
def test_a_stack_without_a_tenants_file_passes_on_none(stacks: dict[str, Stack], name: str) -> None:
    assert "OPEN_MFA_TENANTS_TOML" not in environment(stacks[name])


@pytest.mark.parametrize("name", VARIABLES)
def test_a_stack_refuses_a_tenants_file_that_exceeds_the_limit_of_aws(stacks: dict[str, Stack], name: str) -> None:
    # The quotation marks of JSON are part of the size, and a line break is two characters there.
    file, largest = stacks[name].directory / "large.toml", LARGEST[name] - 2
    file.write_text("#" * largest)
    assert len(environment(stacks[name], tenants_file="large.toml")["OPEN_MFA_TENANTS_TOML"]) == largest
    file.write_text("#" * (LARGEST[name] + 1))

    refused = console(stacks[name], "1", tenants_file="large.toml")

    assert f"may have {LARGEST[name] // 1024} KiB" in " ".join(refused.stderr.split())


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("setting", ["OPEN_MFA_TENANTS", "OPEN_MFA_TENANTS_TOML"])
def test_a_stack_refuses_two_tenants_files(stacks: dict[str, Stack], name: str, setting: str) -> None:
    refused = console(stacks[name], "1", tenants_file="tenants.toml", settings={setting: "x"})

    assert "Set either tenants_file or a tenants file in settings." in refused.stderr
