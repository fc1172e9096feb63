"""Findings about the channels that send codes."""

from collections.abc import Iterator

from infrastructure.settings import Settings
from presentation.cli.doctor.finding import Finding, Grade


def check_delivery(settings: Settings, grave: Grade) -> Iterator[Finding]:
    """Yield a finding for each channel: whether codes are encrypted in transit.

    Args:
        settings: the settings.
        grave: the grade of codes that are not encrypted.
    """
    for each in settings.channels:
        if each.is_unencrypted:
            yield Finding(grave, f"{each.url_variable} sends codes unencrypted: use {each.encrypted_schemes}")
        else:
            yield Finding(Grade.OK, f"{each.url_variable} sends codes encrypted or on this machine only")
