"""The service checks the address that it listens on before it starts."""

import socket

import pytest

from infrastructure.settings import SettingsError, checked_address, load
from tests.infrastructure.settings.variables import DEVELOPMENT, loaded

TRIPLETS = ["x86_64-conda-linux-gnu", "arm64-apple-darwin20.0.0", "nowhere.invalid", "a" * 70]
"""Values that conda and other tools set for HOST, and names that do not resolve."""


def test_a_port_in_use_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        with pytest.raises(SettingsError, match=r"PORT: .*Address already in use"):
            checked_address(loaded(PORT=str(taken.getsockname()[1])))


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(SettingsError, match="HOST"):
        checked_address(loaded(HOST="192.0.2.1"))


def test_an_address_of_another_machine_is_an_error_in_development() -> None:
    with pytest.raises(SettingsError, match="HOST"):
        checked_address(load({**DEVELOPMENT, "HOST": "192.0.2.1"}))


@pytest.mark.parametrize("host", TRIPLETS)
def test_a_host_that_another_tool_set_is_an_error_in_production(host: str) -> None:
    with pytest.raises(SettingsError, match=r"HOST: .*conda.*unset it"):
        checked_address(loaded(HOST=host, PORT="0"))


@pytest.mark.parametrize("host", TRIPLETS)
def test_the_default_replaces_a_host_that_another_tool_set_in_development(host: str) -> None:
    settings = checked_address(load({**DEVELOPMENT, "HOST": host, "PORT": "0"}))

    assert settings.server.host == "127.0.0.1"
    assert [each for each in settings.notices if each.startswith("HOST leads to no address") and "conda" in each]


def test_a_free_address_changes_nothing() -> None:
    assert checked_address(loaded(PORT="0")) == loaded(PORT="0")
