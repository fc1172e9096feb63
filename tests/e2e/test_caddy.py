"""The parts of the configuration that only Caddy has. test_proxies.py tests the behaviour of all proxies."""

import subprocess

from tests.e2e.proxies import CONFIGURATIONS, require


def test_caddy_accepts_the_configuration_without_a_warning() -> None:
    command = [require("caddy"), "validate", "--adapter", "caddyfile", "--config", str(CONFIGURATIONS / "Caddyfile")]

    result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)

    output = result.stdout + result.stderr
    assert (result.returncode, '"level":"warn"' in output) == (0, False), output
    assert "Valid configuration" in output


def test_the_configuration_has_the_format_of_caddy() -> None:
    command = [require("caddy"), "fmt", str(CONFIGURATIONS / "Caddyfile")]

    formatted = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout

    assert formatted == (CONFIGURATIONS / "Caddyfile").read_text()
