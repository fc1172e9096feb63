"""The files in `deploy/kubernetes`: rendered, validated, and run as far as that is possible without a cluster."""

import json
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from domain.secret import SharedSecret
from infrastructure.settings import VARIABLES, load
from presentation.bootstrap.server import GRACE
from tests.deployment.docker_support import ROOT, attempt, missing
from tests.deployment.manifests import (
    GATES,
    KUBERNETES,
    OVERLAYS,
    Object,
    all_of,
    container,
    environment,
    find,
    labels,
    rendered,
    rendered_text,
    secret_of_the_guide,
    selects,
    with_component,
)
from tests.presentation.api import API_KEYS, Api, all_routes
from tests.support.documents import page, section

VERSIONS = ("1.31", "1.34", "1.37")
"""The oldest version with which the files work, the oldest and the newest version that validators and projects know."""
CUSTOM = {"ServiceMonitor", "Middleware"}
"""Kinds that an operator or a controller defines. Kubernetes has no schema of them."""
EXPLAINED = {
    "CKV_K8S_15": "A tag of a release is never moved, so a node needs to pull it only once.",
    "CKV_K8S_35": "The service reads each secret once. Optional secrets could not be files, because files must exist.",
    "CKV_K8S_40": "The image of Redis has the user 999, which owns no files of hosts.",
    "CKV_K8S_43": "The digest of a release is known only after its commit. The guide shows how to pin it.",
}
"""Findings of checkov, and for each the reason to leave it."""
SERVICE = {"app.kubernetes.io/name": "open-mfa", "app.kubernetes.io/component": "service"}
CHECKOV = ROOT / ".venv-deploy/bin/checkov"
NOT_PUBLIC = ("/metrics", "/readyz", "/api/v1/admin")
STARTUP = 60
"""Seconds that a start may take on a busy node."""


@pytest.fixture(scope="module", params=OVERLAYS)
def objects(request: pytest.FixtureRequest) -> list[Object]:
    return rendered(request.param)


@pytest.fixture(scope="module")
def production() -> list[Object]:
    return rendered("overlays/production")


@pytest.fixture(scope="module")
def development() -> list[Object]:
    return rendered("overlays/development")


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return secret_of_the_guide("Install it in production", tmp_path_factory.mktemp("secret"))


@pytest.fixture
def deployment(objects: list[Object]) -> Object:
    return find(objects, "Deployment")


# --- Validation ---


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", OVERLAYS + GATES)
def test_every_object_has_only_fields_that_kubernetes_knows(folder: str, version: str) -> None:
    for each in rendered(folder):
        if each["kind"] not in CUSTOM:
            kubernetes_validate.validate(each, version, strict=True)


def test_the_validation_finds_an_unknown_field(production: list[Object]) -> None:
    deployment = json.loads(json.dumps(find(production, "Deployment")))
    deployment["spec"]["template"]["spec"]["terminationGracePeriod"] = 35

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, VERSIONS[-1], strict=True)


@pytest.mark.parametrize(
    "component", sorted(path.parent.name for path in KUBERNETES.glob("components/*/kustomization.yaml"))
)
def test_every_component_can_be_added_to_the_base(component: str) -> None:
    found = with_component(component)

    for each in found:
        if each["kind"] not in CUSTOM:
            kubernetes_validate.validate(each, VERSIONS[-1], strict=True)
    assert found != rendered("base")


def test_checkov_reports_only_explained_findings(tmp_path: Path) -> None:
    if not CHECKOV.exists():
        missing("checkov is not installed (make e2e installs it), so the files of Kubernetes were not linted")
    for folder in OVERLAYS + GATES:
        (tmp_path / f"{folder.replace('/', '-')}.yaml").write_text(rendered_text(folder))
    options = ["--framework", "kubernetes", "--skip-download", "--output", "json"]
    report = json.loads(attempt(str(CHECKOV), "--directory", str(tmp_path), *options).stdout)

    assert {each["check_id"] for each in report["results"]["failed_checks"]} == EXPLAINED.keys()
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 200


# --- Pods ---


def test_no_container_has_rights_that_it_does_not_need(objects: list[Object]) -> None:
    """The namespace refuses other pods, too."""
    workloads = all_of(objects, "Deployment") + all_of(objects, "StatefulSet")
    assert workloads
    for each in workloads:
        pod = each["spec"]["template"]["spec"]
        own = container(each)
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert own["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "hostUsers"}
        for kind in ("requests", "limits"):
            assert own["resources"][kind].keys() == {"cpu", "memory"}
        name, _, tag = own["image"].rpartition(":")
        assert name
        assert tag != "latest"
    assert find(objects, "ServiceAccount")["automountServiceAccountToken"] is False
    standard = find(objects, "Namespace")["metadata"]["labels"]
    assert standard["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_user_is_that_of_the_image(deployment: Object) -> None:
    context = deployment["spec"]["template"]["spec"]["securityContext"]
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()

    assert f"\nUSER {context['runAsUser']}:{context['runAsGroup']}\n" in dockerfile


def test_the_image_is_that_of_the_version(deployment: Object) -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)

    assert version is not None
    assert container(deployment)["image"] == f"ghcr.io/open-mfa/open-mfa:{version[1]}"


def test_both_stacks_use_the_same_redis(development: list[Object]) -> None:
    compose = (ROOT / "deploy/docker-compose/compose.common.yml").read_text()

    assert f":-{container(find(development, 'StatefulSet', 'open-mfa-redis'))['image']}}}" in compose


def test_every_selector_matches_the_pods(objects: list[Object], deployment: Object) -> None:
    found = labels(deployment)
    pod = deployment["spec"]["template"]["spec"]

    assert found == SERVICE
    assert selects(deployment["spec"]["selector"], found)
    assert find(objects, "Service")["spec"]["selector"] == found
    assert selects(find(objects, "PodDisruptionBudget")["spec"]["selector"], found)
    assert len(pod["topologySpreadConstraints"]) == 2
    assert all(selects(each["labelSelector"], found) for each in pod["topologySpreadConstraints"])
    for workload in all_of(objects, "StatefulSet"):
        assert selects(workload["spec"]["selector"], labels(workload))
        assert not selects(deployment["spec"]["selector"], labels(workload))
        assert find(objects, "Service", workload["spec"]["serviceName"])["spec"]["selector"] == labels(workload)
    for monitor in all_of(objects, "ServiceMonitor"):
        service = find(objects, "Service")
        assert selects(monitor["spec"]["selector"], service["metadata"]["labels"])
        assert {each["port"] for each in monitor["spec"]["endpoints"]} <= {
            each["name"] for each in service["spec"]["ports"]
        }


def test_updates_and_maintenance_never_end_the_last_pod(production: list[Object]) -> None:
    deployment = find(production, "Deployment")
    scaler = find(production, "HorizontalPodAutoscaler")["spec"]

    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert "replicas" not in deployment["spec"]
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "open-mfa"}
    assert scaler["minReplicas"] > find(production, "PodDisruptionBudget")["spec"]["maxUnavailable"]


def test_a_pod_has_time_to_start_and_to_end(deployment: Object) -> None:
    own = container(deployment)
    pod = deployment["spec"]["template"]["spec"]
    startup, ready = own["startupProbe"], own["readinessProbe"]

    assert startup["periodSeconds"] * startup["failureThreshold"] >= STARTUP
    assert deployment["spec"]["progressDeadlineSeconds"] > STARTUP + deployment["spec"]["minReadySeconds"]
    # The service gives up on Redis after 5 s.
    assert ready["timeoutSeconds"] > 5
    assert pod["terminationGracePeriodSeconds"] >= own["lifecycle"]["preStop"]["sleep"]["seconds"] + GRACE + 5


# --- Network ---


def policies_of(objects: list[Object], found: dict[str, str], direction: str) -> list[Any]:
    """Return the rules of all policies that select these pods."""
    rules: list[Any] = []
    for policy in all_of(objects, "NetworkPolicy"):
        if selects(policy["spec"]["podSelector"], found) and direction.title() in policy["spec"]["policyTypes"]:
            rules += policy["spec"].get(direction, [])
    return rules


def test_every_pod_is_isolated_except_for_named_peers_and_ports(objects: list[Object]) -> None:
    workloads = all_of(objects, "Deployment") + all_of(objects, "StatefulSet")
    for policy in all_of(objects, "NetworkPolicy"):
        assert any(selects(policy["spec"]["podSelector"], labels(each)) for each in workloads), policy["metadata"]
    for workload in workloads:
        types = {
            kind
            for policy in all_of(objects, "NetworkPolicy")
            if selects(policy["spec"]["podSelector"], labels(workload))
            for kind in policy["spec"]["policyTypes"]
        }
        assert types == {"Ingress", "Egress"}
        for direction, end in (("ingress", "from"), ("egress", "to")):
            for rule in policies_of(objects, labels(workload), direction):
                assert rule[end]
                assert rule["ports"]
                for peer in rule[end]:
                    assert peer.keys() in ({"podSelector"}, {"podSelector", "namespaceSelector"}, {"ipBlock"})
                    assert not peer.get("ipBlock", {}).get("cidr", "").endswith("/0")


def test_only_the_ingress_controller_and_prometheus_reach_the_service(production: list[Object]) -> None:
    rules = policies_of(production, SERVICE, "ingress")
    sources = {
        (
            peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"],
            *peer["podSelector"]["matchLabels"].values(),
        )
        for rule in rules
        for peer in rule["from"]
    }

    assert sources == {("traefik", "traefik"), ("monitoring", "prometheus")}
    assert {port["port"] for rule in rules for port in rule["ports"]} == {"http"}


def test_the_service_reaches_only_names_and_redis(production: list[Object], development: list[Object]) -> None:
    def ports(objects: list[Object]) -> set[Any]:
        return {port["port"] for rule in policies_of(objects, SERVICE, "egress") for port in rule["ports"]}

    assert ports(production) == {53, 6379}
    assert ports(development) == {53, "redis"}
    assert policies_of(development, SERVICE | {"app.kubernetes.io/component": "redis"}, "egress") == []


def test_the_ingress_has_every_public_path_and_no_other(production: list[Object]) -> None:
    """Both readings of a prefix are tested: by elements of the path, and by characters, as Traefik does."""
    (rule,) = find(production, "Ingress")["spec"]["rules"]
    exact = {each["path"] for each in rule["http"]["paths"] if each["pathType"] == "Exact"}
    prefixes = {each["path"] for each in rule["http"]["paths"] if each["pathType"] == "Prefix"}
    paths = {path for _, path in all_routes(Api(api_keys=tuple(API_KEYS.items()), gate_secret=SharedSecret(bytes(20))))}

    private = {path for path in paths if path.startswith(NOT_PUBLIC)}
    by_elements = {
        path for path in paths if path in exact | prefixes or path.startswith(tuple(f"{each}/" for each in prefixes))
    }
    by_characters = {path for path in paths if path in exact or path.startswith(tuple(prefixes))}

    assert len(private) >= 5
    assert by_elements == paths - private
    assert by_characters == paths - private


# --- Settings ---


def test_every_variable_is_a_setting(objects: list[Object]) -> None:
    configuration = find(objects, "ConfigMap")["data"]
    references = {
        each["name"]: each["valueFrom"]["secretKeyRef"] for each in container(find(objects, "Deployment"))["env"]
    }

    assert configuration.keys() <= VARIABLES.keys()
    assert {name for name in configuration if VARIABLES[name].secret} == set()
    assert references.keys() == {name for name, variable in VARIABLES.items() if variable.secret}
    assert all(reference["key"] == name for name, reference in references.items())
    assert all_of(objects, "Secret") == []


def test_no_file_contains_a_secret() -> None:
    """No line has the name of a secret and a value."""
    names = "|".join(name for name, variable in VARIABLES.items() if variable.secret)
    lines = [line for path in KUBERNETES.rglob("*.yaml") for line in path.read_text().splitlines()]

    assert [line for line in lines if re.search(rf"\b({names})\s*[=:]\s*\S", line)] == []


def test_the_guide_lists_every_key_of_the_secret(production: list[Object]) -> None:
    text = " ".join(section(page("how-to/deploy-with-kubernetes"), "Secrets").split())
    lists = re.search(r"required: (.*?)\. These are optional: (.*?)\. A tool", text)
    references = [each["valueFrom"]["secretKeyRef"] for each in container(find(production, "Deployment"))["env"]]

    assert lists is not None
    for number, optional in ((1, None), (2, True)):
        keys = {reference["key"] for reference in references if reference.get("optional") == optional}
        assert set(re.findall(r"`(\w+)`", lists[number])) == keys


def test_the_service_trusts_exactly_the_proxies_in_front_of_it(
    production: list[Object], development: list[Object], secret: dict[str, str]
) -> None:
    """In production, that is the Ingress controller; `kubectl port-forward` is none."""
    assert load(environment(production, secret)).server.trusted_proxies == 1
    assert load(environment(development, secret)).server.trusted_proxies == 0
    assert all_of(development, "Ingress") == []


def test_there_is_one_worker_for_each_cpu_of_the_limit(production: list[Object], secret: dict[str, str]) -> None:
    limit = container(find(production, "Deployment"))["resources"]["limits"]["cpu"]

    assert load(environment(production, secret)).server.workers == int(limit)


def test_the_files_are_one_document_for_yaml_readers() -> None:
    """Anchors are valid in their own document only."""
    for path in KUBERNETES.rglob("*.yaml"):
        assert all(list(yaml.safe_load_all(path.read_text()))), path
