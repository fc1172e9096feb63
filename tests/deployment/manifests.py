"""The files in `deploy/kubernetes`, rendered by Kustomize."""

import base64
import os
import re
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from tests.deployment.docker_support import ROOT, missing, run
from tests.support.documents import block, page, section

KUBERNETES: Final = ROOT / "deploy/kubernetes"
OVERLAYS: Final = ("overlays/development", "overlays/production")
GATES: Final = ("gate/ingress-nginx", "gate/traefik")
NO_KUSTOMIZE: Final = "Neither kubectl nor kustomize is installed, so deploy/kubernetes was not tested"

Object = dict[str, Any]


def kustomize() -> list[str]:
    """Return the command that renders a folder."""
    commands = (["kustomize", "build"], ["kubectl", "kustomize"])
    return next((command for command in commands if shutil.which(command[0])), None) or missing(NO_KUSTOMIZE)


@cache
def rendered_text(folder: str) -> str:
    """Return the YAML that `kubectl apply --kustomize` would send to the cluster."""
    return run(*kustomize(), str(KUBERNETES / folder))


def rendered(folder: str) -> list[Object]:
    """Return the objects of a folder."""
    return list(yaml.safe_load_all(rendered_text(folder)))


@cache
def _with_component(component: str) -> str:
    """Return the base with a component as YAML. Kustomize accepts only relative paths."""
    with tempfile.TemporaryDirectory(prefix=".test-", dir=KUBERNETES / "overlays") as folder:
        text = f"resources: [../../base]\ncomponents: [../../components/{component}]\n"
        (Path(folder) / "kustomization.yaml").write_text(text)
        return run(*kustomize(), folder)


def with_component(component: str) -> list[Object]:
    """Return the objects of the base with a component."""
    return list(yaml.safe_load_all(_with_component(component)))


def find(objects: list[Object], kind: str, name: str = "open-mfa") -> Object:
    """Return the only object of this kind and name. Kustomize appends a digest to the name of a ConfigMap."""
    pattern = rf"{name}-[0-9a-z]{{10}}" if kind == "ConfigMap" else name
    (found,) = [each for each in all_of(objects, kind) if re.fullmatch(pattern, each["metadata"]["name"])]
    return found


def all_of(objects: list[Object], kind: str) -> list[Object]:
    return [each for each in objects if each["kind"] == kind]


def labels(workload: Object) -> dict[str, str]:
    """Return the labels of the pods of a Deployment or StatefulSet."""
    return dict(workload["spec"]["template"]["metadata"]["labels"])


def container(workload: Object) -> Object:
    """Return the only container of a Deployment or StatefulSet."""
    (found,) = workload["spec"]["template"]["spec"]["containers"]
    return dict(found)


def selects(selector: Object, found: dict[str, str]) -> bool:
    """Return whether a selector of labels, which is not empty, matches these labels."""
    return bool(selector["matchLabels"]) and selector["matchLabels"].items() <= found.items()


def environment(objects: list[Object], secret: dict[str, str]) -> dict[str, str]:
    """Return the variables that the container of the service gets, as the kubelet resolves them.

    Args:
        objects: the rendered objects.
        secret: the values in the Secret `open-mfa`.

    Raises:
        KeyError: the Secret lacks a key that is not optional. The pod would not start.
    """
    found: dict[str, str] = {}
    described = container(find(objects, "Deployment"))
    for source in described["envFrom"]:
        (configuration,) = [
            each for each in all_of(objects, "ConfigMap") if each["metadata"]["name"] == source["configMapRef"]["name"]
        ]
        found |= configuration["data"]
    for each in described["env"]:
        reference = each["valueFrom"]["secretKeyRef"]
        assert reference["name"] == "open-mfa"
        if reference["key"] in secret or not reference.get("optional"):
            found[each["name"]] = secret[reference["key"]]
    return found


def secret_of_the_guide(heading: str, directory: Path) -> dict[str, str]:
    """Run the commands of the guide that create the Secret, without a cluster. Return its values.

    The installed service generates the key instead of its image.
    """
    if shutil.which("kubectl") is None:
        missing("kubectl is not installed, so the commands of the guide were not run")
    commands = block(section(page("how-to/deploy-with-kubernetes"), heading), "kubectl apply --filename")
    (directory / "commands").write_text(
        f'''
        docker() {{ "{Path(sys.executable).with_name("open-mfa")}" "${{@: -1}}"; }}
        kubectl() {{
          case "$*" in "create secret generic"*) command kubectl "$@" --dry-run=client --output yaml ;; esac
        }}
        {commands}'''
    )
    text = run("bash", "-eu", str(directory / "commands"), env=os.environ | {"KUBECONFIG": os.devnull})
    described = yaml.safe_load(text)
    assert (described["metadata"]["name"], described["metadata"]["namespace"]) == ("open-mfa", "open-mfa")
    return {name: base64.b64decode(value).decode() for name, value in described["data"].items()}
