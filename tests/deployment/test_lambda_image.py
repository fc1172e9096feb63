"""The image of the function for AWS Lambda, invoked through the Runtime API."""

import json
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import require_redis_server
from tests.deployment.docker_support import APP_IMAGE, ROOT, attempt, run
from tests.lambda_function.conftest import SETTINGS
from tests.support.authenticator import hotp_codes
from tests.support.dynamodb import CREDENTIALS, running
from tests.support.lambda_events import LambdaClient
from tests.support.redis_server import RedisServer
from tests.support.runtime_api import Environment

INSTALLED = """
import json
from importlib.metadata import distributions
print(json.dumps({each.metadata["Name"].lower().replace("_", "-"): each.version for each in distributions()}))
"""


@pytest.fixture(scope="module")
def lambda_image(images: dict[str, str], tree: Path) -> Iterator[str]:
    """Build the image and return its name, which no other run has."""
    name = f"{APP_IMAGE}-lambda:{secrets.token_hex(4)}"
    options = ["--build-arg", f"BASE_IMAGE={images['BASE_IMAGE']}"] if "BASE_IMAGE" in images else []
    command = ["docker", "build", "--quiet", "--file", "deploy/Dockerfile", "--target", "lambda", "--tag", name]
    run(*command, *options, ".", patience=900, cwd=tree, env=os.environ | {"DOCKER_BUILDKIT": "1"})
    yield name
    attempt("docker", "image", "rm", "--force", name)


@pytest.fixture(scope="module")
def installed(lambda_image: str) -> dict[str, str]:
    output = run("docker", "run", "--rm", "--entrypoint", "python", lambda_image, "-c", INSTALLED)
    packages: dict[str, str] = json.loads(output)
    return packages


def locked(name: str) -> set[tuple[str, str]]:
    """Return the packages of a lock file with their versions."""
    text = (ROOT / "requirements" / name).read_text()
    return set(re.findall(r"^([a-z0-9.-]+)==(\S+)", text, re.MULTILINE))


class Container(Environment):
    """An execution environment in a container, as restricted as those of AWS Lambda."""

    def __init__(self, image: str, **settings: str) -> None:
        self.name = f"open-mfa-test-lambda-{secrets.token_hex(4)}"
        options = ["--name", self.name, "--network", "host", "--user", "993:990", "--read-only", "--tmpfs", "/tmp"]
        passed = ["AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME", *settings]
        environment = [part for name in passed for part in ("--env", name)]
        super().__init__(["docker", "run", "--rm", *options, *environment, image], **settings)

    def __exit__(self, *details: object) -> None:
        attempt("docker", "rm", "--force", self.name)
        super().__exit__(*details)


@pytest.fixture(params=["Redis", "DynamoDB"])
def store(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The settings of a store."""
    if request.param == "Redis":
        require_redis_server()
        with RedisServer() as redis_server:
            yield {"OPEN_MFA_REDIS_URL": redis_server.url}
    else:
        with running("moto") as dynamodb:
            yield CREDENTIALS | {"OPEN_MFA_STORE_URL": dynamodb.new_table()}


def test_the_image_serves_requests_without_write_access(lambda_image: str, store: dict[str, str]) -> None:
    with Container(lambda_image, **SETTINGS, **store) as environment:
        client = LambdaClient(environment.invoke)
        assert client.ask("GET", "/readyz").status == 200
        code = next(hotp_codes(client.ask("POST", "/api/v1/session/hotp", {}).json()["secret"]))
        answers = [client.ask("POST", "/api/v1/session/hotp/verify", {"code": code}).status for _ in range(2)]
        assert answers == [200, 403]
        assert client.ask("GET", "/docs").status == 200
        assert [line["message"] for line in environment.lines() if "message" in line] == [
            "enrolled",
            "judged",
            "judged",
        ]
        assert environment.api.violations == []


def test_without_settings_the_image_reports_the_missing_ones(lambda_image: str) -> None:
    with Container(lambda_image) as environment:
        assert environment.wait_for_end() == 1
        assert environment.api.init_error is not None
        assert "OPEN_MFA_ENCRYPTION_KEYS: Is required." in environment.api.init_error["errorMessage"]


def test_the_image_contains_only_locked_packages_and_no_server(installed: dict[str, str]) -> None:
    assert {package for package in installed.items() if package[0] != "open-mfa"} <= locked("lambda.txt")
    assert {"apig-wsgi", "awslambdaric", "botocore"} <= installed.keys()
    assert not {"gunicorn", "fakeredis", "lupa", "setuptools", "pip"} & installed.keys()


def test_both_images_have_the_same_versions() -> None:
    names = {name for name, _ in locked("serve.txt")}
    assert {package for package in locked("lambda.txt") if package[0] in names} <= locked("serve.txt")


@pytest.mark.parametrize("module", ["pip", "ensurepip"])
def test_the_image_contains_no_installer(lambda_image: str, module: str) -> None:
    done = attempt(
        "docker", "run", "--rm", "--entrypoint", "/usr/local/bin/python3", lambda_image, "-c", f"import {module}"
    )
    assert "No module named" in done.stderr
