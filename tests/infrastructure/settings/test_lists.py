"""Everything that lists settings agrees with their declaration."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools.settings import (
    COMPOSE_SETS,
    FILES,
    LAMBDA_EXCLUDES,
    LAMBDA_SETS,
    ROOT,
    TERRAFORM_EXCLUDES,
    TERRAFORM_SETS,
    env_example,
    free_in_lambda,
    free_in_terraform,
    replaced,
)

from infrastructure.settings import GROUPS, VARIABLES
from tests.infrastructure.settings.variables import loaded

COMPOSE = ROOT / "deploy/docker-compose"
TERRAFORM = ROOT / "deploy/terraform"
EXAMPLE = (COMPOSE / ".env.example").read_text()
SECRETS = {name for name, variable in VARIABLES.items() if variable.secret}
LONGEST_ROW = 360
"""Characters: three lines of 120 columns."""


def services(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((COMPOSE / name).read_text())["services"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_generated_file_agrees_with_the_declaration(path: Path) -> None:
    former = path.read_text()

    assert FILES[path](former) == former, "run `make settings`"


def test_a_difference_from_the_declaration_is_noticed() -> None:
    changed = EXAMPLE.replace("# OPEN_MFA_SESSION_LIFETIME=3600", "# OPEN_MFA_SESSION_LIFETIME=60")

    assert changed != EXAMPLE
    assert env_example(changed) == EXAMPLE


def test_lines_outside_the_generated_ones_stay() -> None:
    text = env_example("before\n" + EXAMPLE + "after\n")

    assert text == f"before\n{EXAMPLE}after\n"
    assert replaced(text, "").count("\n") < text.count("\n")


def test_the_reference_describes_each_setting_in_one_row() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| .+ \| .+ \|$", page, re.MULTILINE)

    assert rows == list(VARIABLES)
    assert max(map(len, page.split("\n"))) <= LONGEST_ROW


@pytest.mark.parametrize("name", VARIABLES)
def test_the_description_of_a_setting_is_one_or_more_sentences(name: str) -> None:
    description = VARIABLES[name].description

    assert re.fullmatch(r"[A-Z`].*\.", description)
    assert "|" not in description
    assert "\n" not in description


def test_the_compose_stacks_pass_on_or_set_every_setting() -> None:
    passed = services("compose.common.yml")["app"]["environment"]
    by_image = {"HOST", "PORT", "OPEN_MFA_ENV"}
    other_stores = {"OPEN_MFA_REDIS_WAIT", "OPEN_MFA_STORE_URL"}

    assert passed.keys() == VARIABLES.keys() - by_image - other_stores
    assert {name for name, value in passed.items() if f"${{{name}:" not in value} == (
        COMPOSE_SETS - by_image - other_stores
    )


def test_terraform_sets_offers_or_excludes_every_setting() -> None:
    known = {
        stack: set(
            re.findall(
                rf"\b({'|'.join(VARIABLES)})\b",
                "\n".join(path.read_text() for path in (TERRAFORM / stack).glob("*.tf")),
            )
        )
        for stack in ("core-stack", "app-stack")
    }

    assert known["core-stack"] | {"OPEN_MFA_REDIS_URL"} == SECRETS
    assert known["app-stack"] >= TERRAFORM_SETS | free_in_terraform() | {"OPEN_MFA_REDIS_URL"}
    assert (known["core-stack"] | known["app-stack"]).isdisjoint(TERRAFORM_EXCLUDES)


def test_lambda_stack_sets_offers_or_excludes_every_setting() -> None:
    text = "\n".join(path.read_text() for path in (TERRAFORM / "lambda-stack").glob("*.tf"))
    known = set(re.findall(rf"\b({'|'.join(VARIABLES)})\b", text))
    secrets = {"OPEN_MFA_SECRET_KEY", "OPEN_MFA_ENCRYPTION_KEYS", "OPEN_MFA_API_KEYS", "OPEN_MFA_GATE_SECRET"}
    optional = {"OPEN_MFA_GATE_SECRET_TEXT", "OPEN_MFA_AUDIT_KEY"}

    assert known == LAMBDA_SETS | free_in_lambda() | secrets | optional
    assert VARIABLES.keys() - SECRETS == (LAMBDA_SETS - SECRETS) | free_in_lambda() | LAMBDA_EXCLUDES.keys()


def test_terraform_names_no_setting_that_does_not_exist() -> None:
    text = "\n".join(path.read_text() for path in TERRAFORM.glob("*-stack/**/*.*"))

    assert set(re.findall(r"\bOPEN_MFA_[A-Z_]+\b", text)) <= VARIABLES.keys()


def test_the_example_explains_every_variable_of_the_compose_files() -> None:
    texts = [(COMPOSE / name).read_text() for name in ("compose.common.yml", "dev/compose.yml", "staging/compose.yml")]
    used = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", "".join(texts))) - {"COMPOSE_PROJECT_NAME"}
    explained, words = set(), False
    for line in EXAMPLE.splitlines():
        name = re.match(r"(?:# )?([A-Z_]+)=", line)
        if name and words:
            explained.add(name[1])
        elif not name:
            words = bool(re.match(r"# [\w`]", line))

    assert explained == used | {"BASE_IMAGE", "SOURCE"}


def test_the_defaults_in_the_example_are_the_defaults() -> None:
    texts = [(COMPOSE / name).read_text() for name in ("compose.common.yml", "dev/compose.yml", "staging/compose.yml")]
    of_compose = dict(re.findall(r"\$\{([A-Z_]+):-([^}]+)\}", "".join(texts)))
    shown = dict(re.findall(r"^# ([A-Z_]+)=(.+)$", EXAMPLE, re.MULTILINE))
    of_service = {name: shown.pop(name) for name in VARIABLES.keys() & shown.keys()}

    assert len(of_service) > 5
    assert loaded(**of_service) == loaded()
    # The development stack has another image name and listens on another address.
    assert shown == {name: of_compose[name] for name in shown} | {"IMAGE": "open-mfa:staging"}


def test_every_secret_is_hidden_and_every_other_setting_is_shown() -> None:
    hidden = {
        group.variables[field].name
        for group in GROUPS
        for field in group.variables
        if not group.kind.__dataclass_fields__[field].repr
    }

    assert hidden == SECRETS
