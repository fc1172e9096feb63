"""The registry of channels."""

from typing import Any

import pytest

from application.ports.delivery import Channel
from infrastructure.delivery.channel import ChannelSettings, DeliveryProfile
from infrastructure.settings import Settings, load
from infrastructure.settings.declaration import groups_of
from tests.support.fakes import FakeClock

MAIL = {"OPEN_MFA_SMTP_URL": "smtp://localhost", "OPEN_MFA_MAIL_FROM": "mfa@example.com"}
WEBHOOK = {
    "OPEN_MFA_WEBHOOK_URL": "https://hook.example.com/codes",
    "OPEN_MFA_WEBHOOK_SECRET": "webhooks are signed with this secret",
}
DEVELOPMENT = {"OPEN_MFA_ENV": "development"}


def kinds() -> list[type[Any]]:
    return [group.kind for group in groups_of(Settings) if issubclass(group.kind, ChannelSettings)]


def test_every_channel_that_sends_has_one_group_of_settings() -> None:
    assert sorted(kind.channel for kind in kinds()) == sorted(set(Channel) - {Channel.RESPONSE})


@pytest.mark.parametrize("kind", kinds())
def test_the_variable_that_a_channel_is_reported_by_is_one_of_its_settings(kind: type[Any]) -> None:
    (group,) = [each for each in groups_of(Settings) if each.kind is kind]
    assert kind.url_variable in {variable.name for variable in group.variables.values()}


@pytest.mark.parametrize(
    ("environ", "channels"),
    [
        ({}, []),
        (MAIL, [Channel.EMAIL]),
        (WEBHOOK, [Channel.WEBHOOK]),
        (MAIL | WEBHOOK, [Channel.EMAIL, Channel.WEBHOOK]),
    ],
)
def test_the_channels_are_those_whose_settings_are_set(environ: dict[str, str], channels: list[Channel]) -> None:
    settings = load(DEVELOPMENT | environ)
    assert [each.channel for each in settings.channels] == channels
    for each in settings.channels:
        assert each.delivery(DeliveryProfile(issuer="Example"), FakeClock())


def test_the_secrets_of_a_channel_are_listed_by_their_variables() -> None:
    mail, webhook = load(DEVELOPMENT | MAIL | WEBHOOK).channels
    assert dict(mail.secrets) == {}
    assert dict(webhook.secrets) == {"OPEN_MFA_WEBHOOK_SECRET": WEBHOOK["OPEN_MFA_WEBHOOK_SECRET"]}
