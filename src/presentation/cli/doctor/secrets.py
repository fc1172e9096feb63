"""Findings about the strength of the secrets among the settings."""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from domain.secret import SHORTEST_SECRET, SHORTEST_WEAK_SECRET
from infrastructure.settings import SHORTEST_KEY, Settings
from presentation.cli.doctor.delivery import tenant_webhooks
from presentation.cli.doctor.finding import Finding, Grade

SHORTEST_PASSWORD: Final = 12
"""Characters."""
FEWEST_DIFFERENT: Final = 8
"""Different characters; a random key of hexadecimal digits has about 14."""
WELL_KNOWN: Final = (
    "correcthorsebatterystaple",
    "administrator",
    "placeholder",
    "changethis",
    "replaceme",
    "changeme",
    "insecure",
    "password",
    "passw0rd",
    "default",
    "example",
    "letmein",
    "openmfa",
    "123456",
    "abcdef",
    "qwerty",
    "secret",
    "admin",
)
"""Words of examples, defaults and careless choices, in lower case and without punctuation."""
_GATE: Final = "OPEN_MFA_GATE_SECRET"


def secrets_in(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each secret among the settings."""
    yield "OPEN_MFA_SECRET_KEY", settings.keys.secret_key
    for key in settings.keys.encryption_keys:
        yield f"OPEN_MFA_ENCRYPTION_KEYS ({key.id})", key.material.decode("latin-1")
    if settings.administrator is not None:
        yield "OPEN_MFA_ADMIN_PASSWORD", settings.administrator.password
    for tenant, api_key in settings.accounts.api_keys:
        yield f"OPEN_MFA_API_KEYS ({tenant})", api_key
    if settings.keys.derivation_secret is not None:
        yield "OPEN_MFA_DERIVATION_SECRET", settings.keys.derivation_secret
    for channel in settings.channels:
        yield from channel.secrets.items()
    for name, webhook in tenant_webhooks(settings):
        yield name, webhook.secret
    if settings.gate.shared_secret is not None:
        yield settings.gate.secret_variable, settings.gate.shared_secret.key.decode("latin-1")


def check_secrets(secrets: Iterable[tuple[str, str]], grave: Grade) -> Iterator[Finding]:
    """Yield a finding for each secret: whether an attacker could guess it.

    Args:
        secrets: names and texts. People choose and type a secret whose name ends with PASSWORD, so it may be shorter.
        grave: the grade of a weak secret.
    """
    for name, text in secrets:
        shortest = SHORTEST_PASSWORD if name.endswith("PASSWORD") else SHORTEST_KEY
        short = name.startswith(_GATE) and len(text) < SHORTEST_SECRET
        if name.startswith(_GATE):
            shortest = SHORTEST_WEAK_SECRET if short else SHORTEST_SECRET
        weakness = _weakness(text, shortest)
        if weakness is not None:
            yield Finding(grave, f"{name} {weakness}: {_remedy(name)}")
        elif short:
            bits = f"has {len(text) * 8} bits, which OPEN_MFA_GATE_WEAK_SECRET accepts"
            yield Finding(Grade.WARNING, f"{name} {bits}: {_remedy(name)}")
        else:
            yield Finding(Grade.OK, f"{name} is not weak")


def _weakness(text: str, shortest: int) -> str | None:
    if len(text) < shortest:
        return f"is shorter than {shortest} characters"
    steps = {ord(later) - ord(former) for former, later in pairwise(text)}
    if len(set(text)) < min(FEWEST_DIFFERENT, shortest // 2) or len(steps) == 1:
        return "has very few different characters, or is a sequence"
    # A long random key may contain a word by chance, so the length without such words decides.
    plain = re.sub("[^a-z0-9]", "", text.lower())
    rest = re.sub("|".join(WELL_KNOWN), "", plain)
    if rest != plain and len(rest) < shortest:
        return "is a well-known example or default, or only slightly longer than one"
    return None


def _remedy(name: str) -> str:
    if "ENCRYPTION_KEYS" in name:
        return "replace it with `open-mfa key` and `open-mfa reseal`, as docs/how-to/rotate-keys.md describes"
    if "DERIVATION" in name:
        return "generate a new one; derived secrets must then be enrolled again"
    if name == _GATE:
        return "generate a new one with `head -c 20 /dev/urandom | base32`"
    return "generate a new one with `head -c 32 /dev/urandom | base64`"
