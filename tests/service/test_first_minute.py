"""The service prints the first steps in development, and logs one line for its start and one for its end."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path
from typing import Self

import pytest
import requests

from tests.support.processes import die_with_parent, free_port, stop, wait_until
from tests.support.service import Service
from tests.support.terminal import qr_text

COLUMNS = 80
DEVELOPMENT = {"OPEN_MFA_ENV": "development"}
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LINE = re.compile(r"^[0-9]{2}:[0-9]{2}:[0-9]{2} ([A-Z]+) +(.*)$")
KEY = re.compile(r"^ +API key +(\S+)$", re.MULTILINE)


class OnTerminal:
    """`open-mfa serve` in development on a terminal of 80 columns."""

    def __init__(self, **environment: str) -> None:
        self.base = f"http://127.0.0.1:{free_port()}"
        port = self.base.rpartition(":")[2]
        self._environment = {"PATH": os.environ["PATH"], "PORT": port} | DEVELOPMENT | environment
        self._output = b""

    def __enter__(self) -> Self:
        self._reading, writing = pty.openpty()
        fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
        command = [str(Path(sys.executable).with_name("open-mfa")), "serve"]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            env=self._environment,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - it only calls prctl
        )
        os.close(writing)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        wait_until(self.answers, "the service's start")
        return self

    def __exit__(self, *_: object) -> None:
        stop(self.process)
        self._reader.join()
        os.close(self._reading)

    @property
    def shown(self) -> str:
        return self._output.decode(errors="replace").replace("\r\n", "\n")

    @property
    def text(self) -> str:
        """What is shown, without colours."""
        return COLOUR.sub("", self.shown)

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.base}/healthz", timeout=2).ok
        except (requests.ConnectionError, requests.Timeout):
            assert self.process.poll() is None, self.shown
            return False

    def _read(self) -> None:
        # Linux reports the end of the other side as an error.
        try:
            while piece := os.read(self._reading, 65536):
                self._output += piece
        except OSError:
            pass


@pytest.fixture(scope="module")
def on_terminal() -> OnTerminal:
    """A service that was started, used and stopped."""
    service = OnTerminal()
    with service:
        requests.post(f"{service.base}/api/v1/session/totp", timeout=5)
    return service


def test_a_terminal_shows_readable_log_lines(on_terminal: OnTerminal) -> None:
    lines = [LINE.match(line) for line in on_terminal.text.splitlines()]
    logged = [(line[1], line[2].partition("  ")[0]) for line in lines if line]

    assert [text for level, text in logged if level == "INFO"] == ["serving", "enrolled", "stopping"]
    assert not [line for line in on_terminal.text.splitlines() if line.startswith("{")]


def test_an_audit_line_on_a_terminal_has_every_member(on_terminal: OnTerminal) -> None:
    (line,) = re.findall(r"enrolled  (.*?)\n\d\d:", on_terminal.text, re.DOTALL)

    assert re.findall(r"(\w+)=", line) == ["session", "factor", "authenticator", "request_id", "address", "logger"]


def test_nothing_on_a_terminal_is_wider_than_80_columns_but_the_provisioning_uri(on_terminal: OnTerminal) -> None:
    wide = [line for line in on_terminal.text.splitlines() if len(line) > COLUMNS]

    assert [line.partition(":")[0] for line in wide] == ["otpauth"]


def test_the_qr_code_on_a_terminal_contains_the_provisioning_uri(on_terminal: OnTerminal) -> None:
    picture = "\n".join(line for line in on_terminal.shown.splitlines() if {"█"} <= set(line))
    (uri,) = re.findall(r"^otpauth://\S+$", on_terminal.text, re.MULTILINE)

    assert qr_text(picture, dark=True) == qr_text(picture, dark=False) == uri


def test_the_first_steps_are_the_last_lines_before_the_start(on_terminal: OnTerminal) -> None:
    steps = on_terminal.text.partition("otpauth:")[2].partition("serving")[0]

    for path in ("/", "/docs", "/auth/login"):
        assert re.search(rf" {on_terminal.base}{path}$", steps, re.MULTILINE)


def test_the_printed_command_enrols_an_account() -> None:
    with OnTerminal() as service:
        (command,) = re.findall(r"^ +curl .*?[^\\]$", service.text, re.MULTILINE | re.DOTALL)
        arguments = re.findall(r"-X (\S+) (\S+) \\\n +-H \"(.+?): (.+?)\"", command)
        (method, url, name, value) = arguments[0]
        answer = requests.request(method, url, headers={name: value}, timeout=5)

    assert answer.status_code == 201
    assert answer.json()["secret"]


def test_no_color_switches_the_colours_of_log_lines_off(on_terminal: OnTerminal) -> None:
    def log(service: OnTerminal) -> str:
        return service.shown.partition("otpauth:")[2]

    with OnTerminal(NO_COLOR="1") as plain:
        pass

    assert "\x1b[" in log(on_terminal)
    assert "\x1b[" not in log(plain)


def test_a_generated_key_is_printed_once_and_stands_in_no_log_record() -> None:
    with Service(**DEVELOPMENT, OPEN_MFA_LOG_LEVEL="DEBUG") as service:
        (key,) = KEY.findall(service.log.read_text())
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: service.log.read_text().count("Booting worker") == 2, "a new worker", service.log)
        wait_until(service.answers, "its service", service.log)
        headers = {"Authorization": f"Bearer {key}"}
        assert requests.get(f"{service.api}/accounts/alice", headers=headers, timeout=5).status_code == 200
        text = service.log.read_text()

    assert KEY.findall(text) == [key]
    assert not [line for line in text.splitlines() if key in line and line.startswith("{")]


@pytest.mark.parametrize(
    "settings",
    [{}, DEVELOPMENT | {"OPEN_MFA_API_KEYS": f"shop:{'k' * 32}"}],
    ids=["production", "development with a key"],
)
def test_without_a_generated_key_none_is_printed(settings: dict[str, str]) -> None:
    with Service(**settings) as service:
        text = service.log.read_text()

    assert not KEY.findall(text)
    assert "k" * 32 not in text


def test_production_logs_one_line_for_the_start_and_one_for_the_end() -> None:
    with Service(WEB_CONCURRENCY="1") as service:
        stop(service.process)
        lines = service.lines()
        text = service.log.read_text()

    assert [line["message"] for line in lines if line["level"] == "INFO"] == ["serving", "stopping"]
    assert {"version", "url", "workers", "store"} <= lines[-2].keys()
    assert len(text.splitlines()) == len(lines)


def test_the_setting_selects_text_without_a_terminal() -> None:
    with Service(OPEN_MFA_LOG_FORMAT="text") as service:
        lines = service.log.read_text().splitlines()

    assert all(re.match(r"[0-9-]{10}T[0-9:.]{12}Z [A-Z]+ +\S", line) for line in lines)
    assert len([line for line in lines if " serving  " in line]) == 1
