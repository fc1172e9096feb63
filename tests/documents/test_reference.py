"""The reference pages list exactly what the code has."""

import itertools
import re
from collections.abc import Iterator

import pytest

from application.ports.events import Action, Purpose
from domain.api_key import ApiKey
from domain.owner import Factor
from domain.secret import SharedSecret
from domain.usage import LimitName
from domain.verdict import Accepted, Reason
from infrastructure.observability.metrics import Metrics
from infrastructure.settings import VARIABLES
from presentation.http.accounts.api_keys import Refusal
from presentation.http.docs.openapi import REQUIRED_SCOPE
from presentation.http.framework.problem_types import BY_SLUG
from tests.presentation.api import API_KEYS, Api, document
from tests.support.command_line import called
from tests.support.documents import ROOT, page, rows, section

HTTP = page("reference/http")
SESSION, ACCOUNT = "/api/v1/session", "/api/v1/accounts/{account_id}"


def expanded(path: str) -> list[str]:
    """Return the paths that a path with alternatives in braces stands for. Variables have one name only."""
    parts = re.split(r"\{([\w.-]+(?:,[\w.-]+)+)\}", path)
    choices = [part.split(",") if position % 2 else [part] for position, part in enumerate(parts)]
    return ["".join(each) for each in itertools.product(*choices)]


def operations_of_the_page() -> Iterator[str]:
    accounts_only = section(HTTP, "Accounts only")
    for method, path in re.findall(r"^\| `([A-Z]+) (\S+)`", HTTP, re.MULTILINE):
        owners = [ACCOUNT] if f"| `{method} {path}`" in accounts_only else [SESSION, ACCOUNT]
        for owner in owners if path.startswith("OWNER") else [""]:
            yield from (f"{method} {each}" for each in expanded(path.replace("OWNER", owner, 1)))


def test_every_operation_of_accounts_is_listed_with_its_scope() -> None:
    listed = [
        (f"{method} {each}", row[0].strip("`"))
        for row in rows(section(HTTP, "API keys"))
        for method, path in re.findall(r"`([A-Z]+) (\S+)`", row[1])
        for each in expanded(path.replace("OWNER", ACCOUNT, 1))
    ]
    paths = document(Api(api_keys=tuple(API_KEYS.items())).client.get("/openapi.json"))["paths"]

    assert len(listed) == len(dict(listed))
    assert dict(listed) == {
        f"{method.upper()} {path}": operation[REQUIRED_SCOPE]
        for path, methods in paths.items()
        for method, operation in methods.items()
        if REQUIRED_SCOPE in operation
    }


def operations_of_the_service() -> Iterator[str]:
    api = Api(api_keys=tuple(API_KEYS.items()), gate_secret=SharedSecret(bytes(20)))
    for path, methods in document(api.client.get("/openapi.json"))["paths"].items():
        yield from (f"{method.upper()} {path}" for method in methods if method != "parameters")


def test_every_operation_of_the_service_is_listed_once() -> None:
    listed = list(operations_of_the_page())

    assert len(listed) == len(set(listed))
    pages = {each for each in listed if " /auth/" in each}
    assert {*listed} - pages == {*operations_of_the_service()}


def test_every_listed_page_of_the_gate_exists() -> None:
    api = Api(gate_secret=SharedSecret(bytes(20)))
    pages = [each.split() for each in operations_of_the_page() if " /auth/" in each]

    assert len(pages) > 5
    for method, path in pages:
        assert api.client.open(path, method=method).status_code not in {404, 405}, path


def test_every_problem_is_listed_with_its_status() -> None:
    listed = {row[0].strip("`"): int(row[1]) for row in rows(page("reference/problems"))}

    assert listed == {slug: problem.status for slug, problem in BY_SLUG.items()}


def test_every_metric_is_listed_with_its_type_and_labels() -> None:
    metrics = Metrics()
    metrics.request("GET", "/healthz", 200, 0.1)
    metrics.verdict("totp", "verify", Accepted())
    metrics.change("totp", "enrolled")
    metrics.lock("totp")
    metrics.weak_secret("totp")
    metrics.limit_refusal("shop", "sends_per_day")
    metrics.show_keys([ApiKey(tenant="shop", id="web", digest=bytes(32), expires_at=1)])
    metrics.key_refused("unknown")
    text = metrics.exposition().decode()
    types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    labels = {
        name: set(re.findall(r'(\w+)="', series)) - {"le"}
        for name, series in re.findall(r"^(open_mfa_\w+?)(?:_bucket)?(?:\{(.*)\})? [0-9.e+]+$", text, re.MULTILINE)
        if name in types
    }

    assert {
        row[0].strip("`"): (row[1], set(re.findall(r"`(\w+)`", row[2]))) for row in rows(page("reference/metrics"))
    } == {name: (kind, labels[name]) for name, kind in types.items()}


def test_every_value_of_a_label_is_listed() -> None:
    table = rows(f"| label {page('reference/metrics').partition('| label ')[2]}")
    listed = {row[0].strip("`"): set(re.findall(r"`([a-z_-]+)`", row[1])) for row in table}

    assert listed == {
        "factor": {factor.value for factor in Factor},
        "purpose": {purpose.value for purpose in Purpose},
        "outcome": {"accepted", "locked", *(reason.value for reason in Reason)},
        "action": {action.value for action in Action},
        "limit": {limit.value for limit in LimitName},
        "reason": {reason.value for reason in Refusal},
    }


def commands(*command: str) -> Iterator[tuple[str, ...]]:
    """Yield each command that has no commands of its own, as its help reports them."""
    text = called(*command, "--help").stdout
    names = re.findall(r"^    ([a-z][a-z-]+) {2,}", text, re.MULTILINE)
    if not names:
        yield command
    for name in names:
        yield from commands(*command, name)


def test_every_command_is_listed() -> None:
    listed = {tuple(each.split()) for each in re.findall(r"`open-mfa ([a-z -]+)`", page("reference/cli"))}

    assert {*commands()} <= listed


@pytest.mark.parametrize("command", [*commands()], ids=" ".join)
def test_every_option_of_a_command_is_listed(command: tuple[str, ...]) -> None:
    options = set(re.findall(r"^  (?:-h, )?(-{1,2}[a-z-]+)", called(*command, "--help").stdout, re.MULTILINE))
    text = page("reference/cli")
    described = section(text, command[0]) if f"\n## {command[0]}\n" in text else ""

    assert options - {"--help"} <= set(re.findall(r"(?<![\w-])-{1,2}[a-z-]+", described))


def test_every_setting_is_listed() -> None:
    listed = re.findall(r"`([A-Z_]+)`", " ".join(re.findall(r"^\|([^|]*)\|", page("reference/settings"), re.MULTILINE)))

    assert {*VARIABLES} <= {*listed}


def test_every_message_in_the_guide_to_failures_is_logged() -> None:
    guide = " ".join(page("how-to/troubleshoot").split())
    messages = set(re.findall(r"(?:ERROR|WARNING)(?: line)? `([^`]+)`", guide))
    source = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))

    assert len(messages) > 3
    assert [each for each in messages if not all(part.strip() in source for part in each.split("…"))] == []
