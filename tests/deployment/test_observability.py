"""The rules of Prometheus and the dashboard of Grafana agree with the metrics of a real service, and with the guide.

`promtool` checks and tests the rules. A real Prometheus scrapes the service and evaluates every rule and every query.
Grafana was not run.
"""

import itertools
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyotp
import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import require_redis_server
from tests.deployment.docker_support import ROOT, missing, run
from tests.service.accounts import KEYS, Account, good_code
from tests.support.documents import page, rows, section
from tests.support.processes import free_port, spawn, stop, wait_until
from tests.support.redis_server import RedisServer
from tests.support.service import Service

FILES: Final = ROOT / "deploy/observability"
DASHBOARD: Final[dict[str, Any]] = json.loads((FILES / "dashboard.json").read_text())
RULES: Final[list[dict[str, Any]]] = [
    rule for group in yaml.safe_load((FILES / "rules.yml").read_text())["groups"] for rule in group["rules"]
]
ALERTS: Final = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDINGS: Final = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}
SITE: Final = "https://open-mfa.github.io/open-mfa/"
NOT_ON_THE_DASHBOARD: Final[set[str]] = set()
"""Metrics that the dashboard deliberately does not show."""
TARGET: Final = {"job", "instance"}
"""The labels that Prometheus adds to every series."""
COLUMNS: Final = 24
"""The width of a dashboard of Grafana."""
VARIABLES: Final = {"$job": ".+", "$instance": ".+", "$__rate_interval": "1m"}
"""The values of the dashboard's variables in the tests."""

Panel = dict[str, Any]
Series = dict[str, set[str]]
"""The labels of each metric."""


def panels(*, rows: bool = False) -> list[Panel]:
    """Return the panels of the dashboard that show something, or its rows."""
    return [panel for panel in DASHBOARD["panels"] if (panel["type"] == "row") is rows]


def queries() -> list[tuple[str, str]]:
    """Return the title of each panel with each of its queries."""
    return [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]


def expressions() -> list[str]:
    return [*(query for _, query in queries()), *(rule["expr"] for rule in RULES)]


# --- the rules --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        missing("promtool is not installed, so the rules were not tested (Debian: apt-get install prometheus)")
    return found


def test_the_rules_and_the_configuration_are_valid(promtool: str) -> None:
    assert f"{len(RULES)} rules found" in run(promtool, "check", "rules", str(FILES / "rules.yml"))
    assert "1 rule files found" in run(promtool, "check", "config", str(FILES / "prometheus.yml"))


def test_each_alert_fires_and_does_not_fire_as_its_cases_say(promtool: str) -> None:
    run(promtool, "test", "rules", str(FILES / "rules.test.yml"))


@pytest.mark.parametrize(
    ("expression", "noticed"), [("vector(1) == 0", "fires"), ("vector(1)", "does not fire")], ids=["never", "always"]
)
def test_an_alert_that_never_fires_and_one_that_always_fires_are_noticed(
    promtool: str, expression: str, noticed: str, tmp_path: Path
) -> None:
    shutil.copy(FILES / "rules.test.yml", tmp_path)
    changed = yaml.safe_load((FILES / "rules.yml").read_text())
    for rule in changed["groups"][1]["rules"]:
        rule["expr"] = expression
        rule.pop("for", None)
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(changed))

    with pytest.raises(AssertionError) as raised:
        run(promtool, "test", "rules", str(tmp_path / "rules.test.yml"))

    assert {alert for alert in ALERTS if f"name: {alert} {noticed}: " in str(raised.value)} == {*ALERTS}


def test_each_alert_has_cases_in_which_it_fires_and_cases_in_which_it_does_not() -> None:
    cases = [
        (case["alertname"], bool(case["exp_alerts"]))
        for test in yaml.safe_load((FILES / "rules.test.yml").read_text())["tests"]
        for case in test["alert_rule_test"]
    ]

    assert set(cases) == set(itertools.product(ALERTS, (True, False)))


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_leads_to_a_section_that_names_it(alert: str) -> None:
    notes = ALERTS[alert]["annotations"]
    assert notes.keys() == {"summary", "description", "runbook_url"}
    assert notes["summary"].endswith(".")
    assert notes["description"].endswith(".")

    path, anchor = notes["runbook_url"].removeprefix(SITE).split("/#")
    text = page(path)
    titles = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-"): title
        for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }

    assert f"`{alert}`" in section(text, titles[anchor])


def test_the_guide_lists_each_alert_with_its_severity_its_section_and_its_duration() -> None:
    listed = {}
    for name, severity, condition in rows(section(page("how-to/watch"), "Alerts")):
        alert, anchor = re.fullmatch(r"\[`(\w+)`\]\(troubleshoot\.md#(.*)\)", name).groups()  # type: ignore[union-attr]
        duration = re.search(r"for (\d+) min$", condition)
        listed[alert] = (severity, anchor, f"{duration[1]}m" if duration else None)

    assert listed == {
        name: (rule["labels"]["severity"], rule["annotations"]["runbook_url"].split("#")[1], rule.get("for"))
        for name, rule in ALERTS.items()
    }


# --- the dashboard ----------------------------------------------------------------------------------------------------


def test_the_panels_have_unique_ids_and_fill_the_width_without_gaps_and_overlaps() -> None:
    every = [*panels(), *panels(rows=True)]
    cells: dict[tuple[int, int], str] = {}
    for panel in every:
        place = panel["gridPos"]
        for x, y in itertools.product(range(place["w"]), range(place["h"])):
            cell = (place["x"] + x, place["y"] + y)
            assert cell not in cells, f"{panel['title']} is over {cells[cell]}"
            cells[cell] = panel["title"]

    assert len({panel["id"] for panel in every}) == len(every)
    assert {x for x, _ in cells} == set(range(COLUMNS))
    assert len(cells) == COLUMNS * (1 + max(y for _, y in cells))


def test_the_rows_are_in_order() -> None:
    titles = [panel["title"] for panel in sorted(panels(rows=True), key=lambda panel: panel["gridPos"]["y"])]

    assert titles == ["Overview", "Traffic", "API keys", "Verdicts", "Locks", "Store", "Latency", "Delivery", "Process"]


def test_every_panel_explains_itself_and_uses_the_chosen_data_source() -> None:
    declared = {f"${variable['name']}" for variable in DASHBOARD["templating"]["list"]}

    assert DASHBOARD["schemaVersion"] >= 41
    for panel in panels():
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert {source["uid"] for source in sources} == {"${datasource}"}
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"].get("unit") or panel["type"] == "heatmap"
    assert {"$datasource", "$job", "$instance"} == declared
    for title, query in queries():
        assert {*re.findall(r"\$\w+", query)} <= declared | VARIABLES.keys(), title
        assert query.count('job=~"$job", instance=~"$instance"') == len(re.findall(r"\b(?:open_mfa_\w+|up)\{", query))


def test_thresholds_of_the_dashboard_are_those_of_the_alerts() -> None:
    shown = {
        panel["title"]: step["value"]
        for panel in panels()
        if panel["type"] == "timeseries"
        for step in panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
        if step["value"] is not None
    }
    alerts = {
        "Share of wrong and replayed codes": ("OpenMfaMostCodesWrong", 0.5),
        "Locks": ("OpenMfaManyLocks", 50),
        "Share of requests that the store fails": ("OpenMfaStoreUnavailable", 0.05),
        "Duration of requests": ("OpenMfaSlow", 0.5),
        "Share of undelivered codes": ("OpenMfaDeliveryFailing", 0.05),
        "Memory of workers": ("OpenMfaWorkerMemory", 256 * 1024 * 1024),
    }

    assert shown == {title: value for title, (_, value) in alerts.items()}
    for alert, value in alerts.values():
        written = "256 * 1024 * 1024" if value > 1000 else str(value)
        assert re.search(rf"> (?:ignoring \(outcome\) )?{re.escape(written)}(?!\.?\d)", ALERTS[alert]["expr"])


def test_the_alarms_on_aws_have_the_same_threshold_for_locks_and_a_higher_one_for_the_latency() -> None:
    variables = (ROOT / "deploy/terraform/app-stack/variables.tf").read_text()
    (defaults,) = re.findall(r'variable "alarm_thresholds".*?object\(\{(.*?)\}\)', variables, re.DOTALL)
    on_aws = {name: float(value) for name, value in re.findall(r"(\w+) = optional\(number, ([0-9.]+)\)", defaults)}

    assert ALERTS["OpenMfaManyLocks"]["expr"].endswith(f"[5m])) > {on_aws['locks']:.0f}")
    assert f"so its threshold is {on_aws['latency']:.0f} s" in page("how-to/watch").replace("\n  ", " ")


# --- a real service ---------------------------------------------------------------------------------------------------


def use(service: Service) -> None:
    """Make requests that change every metric: accepted, wrong and replayed codes, locks, deliveries, a rate limit."""
    account = Account(service.port)
    enrolled = account.confirmed("totp")
    spent = good_code(enrolled)
    account.submit("totp/verify", spent)
    wrong = next(code for code in ("000000", "111111", "222222") if code not in near_codes(enrolled))
    for _ in range(6):
        account.submit("totp/verify", wrong)
    weak = {"secret": pyotp.random_base32(32)[:16], "weak_secret": "accept", "confirmed": True}
    assert Account(service.port).enrol("totp", **weak)["weak"]
    other = Account(service.port)
    other.enrol("otp")
    assert other.send("POST", "otp", {"delivery": {"channel": "webhook", "to": "+43123"}}).status == 502
    forum = Account(service.port, tenant="forum")
    assert [forum.send("POST", "recovery-codes").status for _ in range(2)][1] == 429
    requests.get(f"{service.api}/accounts", headers={"Authorization": "Bearer unknown"}, timeout=5)
    requests.get(f"{service.base}/readyz", timeout=5)


def near_codes(enrolled: dict[str, Any]) -> set[str]:
    return {good_code(enrolled, ahead) for ahead in range(-5, 6)}


TENANTS: Final = f"""
[forum]
enrolments_per_day = 1

[[shop.keys]]
id = "web"
sha256 = "{"0" * 64}"
scopes = ["verify"]
expires = 2199-12-31
"""
"""A key that expires, but not soon, and a limit that is reached soon."""


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    require_redis_server()
    webhook = {
        "OPEN_MFA_WEBHOOK_URL": f"http://127.0.0.1:{free_port()}/",
        "OPEN_MFA_WEBHOOK_SECRET": "w" * 32,
    }
    with (
        RedisServer() as redis,
        Service(
            OPEN_MFA_REDIS_URL=redis.url, WEB_CONCURRENCY="2", OPEN_MFA_TENANTS_TOML=TENANTS, **KEYS, **webhook
        ) as running,
    ):
        use(running)
        yield running


@pytest.fixture(scope="module")
def exported(service: Service) -> Series:
    """Return the metrics of the service with their labels, by the name of each series."""
    text = requests.get(f"{service.base}/metrics", timeout=5).text
    labels: Series = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    return {name: labels[name] for name in labels if not name.endswith("_created")}


def used(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each metric that an expression reads, with the labels of its matchers."""
    for name, matchers in re.findall(r"(?<![:\w])(open_mfa_\w+|up)\b(?!:)(?:\{([^}]*)\})?", expression):
        yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", matchers))


@pytest.mark.parametrize("expression", expressions())
def test_every_metric_and_every_label_exists(expression: str, exported: Series) -> None:
    known = exported | {"up": set()}
    readable = set(TARGET)
    for name, labels in used(expression):
        assert name in known, f"{name} is not exported"
        assert labels <= known[name] | TARGET
        readable |= known[name]
    recorded = {label for name in RECORDINGS if name in expression for label in grouped(RECORDINGS[name])}

    assert grouped(expression) <= readable | recorded


def grouped(expression: str) -> set[str]:
    """Return the labels that an expression groups or matches by."""
    lists = re.findall(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)", expression)
    return {label.strip() for each in lists for label in each.split(",") if label.strip()}


def test_every_metric_is_on_the_dashboard_or_deliberately_absent(exported: Series) -> None:
    shown = {family(name) for _, query in queries() for name, _ in used(query)} - {"up"}

    assert {family(name) for name in exported} == shown | NOT_ON_THE_DASHBOARD
    assert shown.isdisjoint(NOT_ON_THE_DASHBOARD)


def family(name: str) -> str:
    return re.sub(r"_(?:bucket|count|sum)$", "", name)


class Prometheus:
    """A real Prometheus with the configuration of the repository, which scrapes one service every second."""

    def __init__(self, program: str, service: Service, directory: Path) -> None:
        configuration = yaml.safe_load((FILES / "prometheus.yml").read_text())
        configuration["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        (job,) = configuration["scrape_configs"]
        job["static_configs"] = [{"targets": [f"127.0.0.1:{service.port}"]}]
        (directory / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        shutil.copy(FILES / "rules.yml", directory)
        self.base = f"http://127.0.0.1:{free_port()}"
        self.log = directory / "log"
        self.process = spawn(
            [
                program,
                f"--config.file={directory}/prometheus.yml",
                f"--storage.tsdb.path={directory}/data",
                f"--web.listen-address={self.base.removeprefix('http://')}",
            ],
            self.log,
        )

    def get(self, path: str, **parameters: str) -> Any:
        answer = requests.get(f"{self.base}/api/v1/{path}", params=parameters, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def value(self, query: str) -> list[Any]:
        found: list[Any] = self.get("query", query=query)["result"]
        return found

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.base}/-/ready", timeout=2).status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            return False


@pytest.fixture(scope="module")
def prometheus(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    program = shutil.which("prometheus")
    if program is None:
        missing("prometheus is not installed, so no query was evaluated (Debian: apt-get install prometheus)")
    started = Prometheus(program, service, tmp_path_factory.mktemp("prometheus"))
    try:
        wait_until(started.is_ready, "the start of Prometheus", started.log)
        wait_until(lambda: bool(started.value("count_over_time(up[1m]) > 1")), "two scrapes", started.log)
        # Only a change between two scrapes is an increase.
        use(service)
        fresh = "sum(open_mfa_verdicts_total) > sum(min_over_time(open_mfa_verdicts_total[5m]))"
        wait_until(lambda: bool(started.value(fresh)), "a scrape of the changes", started.log)
        yield started
    finally:
        stop(started.process)


@pytest.mark.parametrize(("title", "query"), queries())
def test_every_query_of_the_dashboard_returns_data(title: str, query: str, prometheus: Prometheus) -> None:
    for name, text in VARIABLES.items():
        query = query.replace(name, text)

    found = prometheus.value(query)

    assert found, f"{title}: {query}"
    assert all(each["value"][1] != "NaN" for each in found)


def test_prometheus_evaluates_every_rule(prometheus: Prometheus) -> None:
    def evaluated() -> list[dict[str, Any]]:
        return [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]

    wait_until(lambda: all(rule["health"] != "unknown" for rule in evaluated()), "the rules", prometheus.log)

    assert len(evaluated()) == len(RULES)
    assert [rule for rule in evaluated() if rule["health"] != "ok"] == []
    for name in RECORDINGS:
        wait_until(lambda name=name: bool(prometheus.value(name)), name, prometheus.log)  # type: ignore[misc]


def test_a_healthy_service_has_no_alert(prometheus: Prometheus) -> None:
    assert [each["metric"]["alertname"] for each in prometheus.value("ALERTS")] == []
