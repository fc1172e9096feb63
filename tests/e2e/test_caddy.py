"""What is Caddy's own in its configuration. The rest holds behind every proxy: test_proxies.py."""

import subprocess

from tests.e2e.proxies import CONFIGURATIONS, require


def test_caddy_finds_nothing_to_warn_of() -> None:
    command = [require("caddy"), "validate", "--adapter", "caddyfile", "--config", str(CONFIGURATIONS / "Caddyfile")]

    result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)

    told = result.stdout + result.stderr
    assert (result.returncode, '"level":"warn"' in told) == (0, False), told
    assert "Valid configuration" in told


def test_the_configuration_is_written_as_caddy_writes_it() -> None:
    command = [require("caddy"), "fmt", str(CONFIGURATIONS / "Caddyfile")]

    formatted = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout

    assert formatted == (CONFIGURATIONS / "Caddyfile").read_text()
