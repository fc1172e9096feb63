"""schemathesis asks the real service all that its own OpenAPI document allows, and much that it forbids."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.sessions import FACTORS, Session
from tests.support.service import Service

HERE = Path(__file__).parent
LONGEST = 120
"""Seconds that one run may take."""


@pytest.mark.parametrize("enrolled", [False, True], ids=["without a session", "with everything enrolled"])
def test_the_service_keeps_what_its_document_promises(service: Service, enrolled: bool, tmp_path: Path) -> None:
    session = Session(service.port)
    for factor in FACTORS if enrolled else ():
        session.enrol(factor)
    command = [str(Path(sys.executable).with_name("schemathesis")), f"--config-file={HERE / 'schemathesis.toml'}"]
    command += ["run", f"{service.base}/openapi.json", "--warnings=off", "--continue-on-failure"]
    for name, value in session.headers.items():
        command += ["--header", f"{name}: {value}"]
    environment = os.environ | {
        "BASE": service.base,
        "HOOKS": str(HERE / "schemathesis_hooks.py"),
        "PASSWORD": service.settings["OPEN_MFA_ADMIN_PASSWORD"],
    }

    run = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=LONGEST, env=environment, cwd=tmp_path
    )

    assert run.returncode == 0, run.stdout[-20000:] + run.stderr
