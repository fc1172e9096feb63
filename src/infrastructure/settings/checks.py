"""Checks of several settings together, and notices about settings that work but may be mistakes."""

import difflib
import sys
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from importlib.util import find_spec
from typing import Any, Final

from application.key_expiry import expiry_notices
from infrastructure.delivery.channel import DeliveryProfile
from infrastructure.settings.declaration import ENVIRONMENT, PRODUCTION, STANDALONE, STORES
from infrastructure.settings.groups.delivery import Mail
from infrastructure.settings.parsers import SHORTEST_KEY
from infrastructure.settings.settings import Settings
from infrastructure.system import SystemClock
from infrastructure.tenants.delivery import tenant_profile
from infrastructure.tenants.tenants_file import TenantsFile

INSTALL: Final = f"{sys.executable} -m pip install --require-hashes -r requirements/dynamodb.txt"
"""The command that installs what DynamoDB needs, into the environment of the service."""
TENANTS: Final = frozenset({"OPEN_MFA_TENANTS", "OPEN_MFA_TENANTS_TOML"})
"""The variables of the tenants file."""
_MAIL: Final = frozenset({"OPEN_MFA_ISSUER", "OPEN_MFA_LANGUAGE", "OPEN_MFA_MAIL_TEMPLATE", "OPEN_MFA_MAIL_LANGUAGES"})
"""The variables of what mails contain."""
_PREFIX: Final = "OPEN_MFA_"
_IN_MEMORY: Final = f"with {ENVIRONMENT}={STANDALONE}, the state is in memory"


def conflicts(texts: Mapping[str, str], values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the variables whose values do not fit the values of others, and for each the problem.

    Args:
        texts: the texts of the variables that are set.
        values: the values of all variables, without those whose text is invalid.
    """
    if {"OPEN_MFA_GATE_SECRET", "OPEN_MFA_GATE_SECRET_TEXT"} <= texts.keys():
        yield (
            "OPEN_MFA_GATE_SECRET_TEXT",
            "Must not be set together with OPEN_MFA_GATE_SECRET: the gate has one secret.",
        )
    gate_secret = values.get("OPEN_MFA_GATE_SECRET")
    if gate_secret is not None and gate_secret.weak and values.get("OPEN_MFA_GATE_WEAK_SECRET") is None:
        yield (
            "OPEN_MFA_GATE_SECRET",
            "Must have 128 to 1024 bits. To keep a secret of 80 to 127 bits, set OPEN_MFA_GATE_WEAK_SECRET to accept.",
        )
    if texts.get(ENVIRONMENT) == STANDALONE:
        yield from _not_standalone(texts)
    yield from _stores(texts, values)
    yield from _tenants(texts, values)
    yield from _mail(values)
    yield from _audit(texts)


def _tenants(texts: Mapping[str, str], values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if texts.keys() >= TENANTS:
        yield "OPEN_MFA_TENANTS_TOML", "Must not be set together with OPEN_MFA_TENANTS: the service has one list."
        return
    if not {*TENANTS, "OPEN_MFA_API_KEYS", "OPEN_MFA_GATE_TENANT"} <= values.keys():
        return
    file = values["OPEN_MFA_TENANTS"] or values["OPEN_MFA_TENANTS_TOML"]
    variable = "OPEN_MFA_TENANTS" if "OPEN_MFA_TENANTS" in texts else "OPEN_MFA_TENANTS_TOML"
    for problem in tenants_conflicts(file, values["OPEN_MFA_API_KEYS"]):
        yield variable, sentence(problem)
    tenant = values["OPEN_MFA_GATE_TENANT"]
    if tenant is not None and tenant not in known_tenants(file, values["OPEN_MFA_API_KEYS"]):
        yield "OPEN_MFA_GATE_TENANT", "Must be a tenant of OPEN_MFA_TENANTS or OPEN_MFA_API_KEYS."


def known_tenants(file: TenantsFile | None, api_keys: Iterable[tuple[str, str]]) -> set[str]:
    """Return the names of all tenants of the tenants file and of `OPEN_MFA_API_KEYS`."""
    return {*(file.tables if file is not None else ()), *(tenant for tenant, _ in api_keys)}


def tenants_conflicts(file: TenantsFile | None, api_keys: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield a problem for each key of the tenants file that is a key of `OPEN_MFA_API_KEYS`, too."""
    digests = {sha256(key.encode()).digest() for _, key in api_keys}
    for table in file.tables.values() if file is not None else ():
        for each in table.keys:
            if each.key.digest in digests:
                yield f"{each.place} is the digest of a key in OPEN_MFA_API_KEYS; a key must be in one place only"


def sentence(text: str) -> str:
    """Return a problem as a sentence."""
    return f"{text[:1].upper()}{text[1:]}."


def _stores(texts: Mapping[str, str], values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if texts.keys() >= STORES:
        yield "OPEN_MFA_STORE_URL", "Must not be set together with OPEN_MFA_REDIS_URL: the service has one store."
    if values.get("OPEN_MFA_STORE_URL") is not None and find_spec("botocore") is None:
        yield "OPEN_MFA_STORE_URL", f"Needs the package botocore, which is not installed. To install it: {INSTALL}"
    if "OPEN_MFA_REDIS_URL" not in texts and values.get("OPEN_MFA_REDIS_WAIT"):
        yield "OPEN_MFA_REDIS_WAIT", "Needs a Redis with replicas, but OPEN_MFA_REDIS_URL is not set."
    if STORES.isdisjoint(texts) and (values.get("WEB_CONCURRENCY") or 1) > 1:
        unless = "unless OPEN_MFA_REDIS_URL or OPEN_MFA_STORE_URL is set"
        yield "WEB_CONCURRENCY", f"Must be 1 {unless}: processes do not share their memory."


def _not_standalone(texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in sorted(STORES & texts.keys()):
        yield name, f"Must not be set: {_IN_MEMORY}. To use a store, set {ENVIRONMENT}={PRODUCTION}."
    for name in sorted({"OPEN_MFA_API_KEYS", *TENANTS} & texts.keys()):
        remedy = f"To have accounts, set {ENVIRONMENT}={PRODUCTION} and OPEN_MFA_REDIS_URL."
        yield name, f"Must not be set: {_IN_MEMORY}, and a restart would delete all accounts. {remedy}"
    if not {"OPEN_MFA_GATE_SECRET", "OPEN_MFA_GATE_SECRET_TEXT"} & texts.keys():
        yield (
            "OPEN_MFA_GATE_SECRET_TEXT",
            f"Is required with {ENVIRONMENT}={STANDALONE}, unless OPEN_MFA_GATE_SECRET is set: all visitors share it.",
        )


def _audit(texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if "OPEN_MFA_AUDIT_KEY" in texts and texts.get("OPEN_MFA_LOG_FORMAT") == "text":
        yield (
            "OPEN_MFA_LOG_FORMAT",
            "Must be json, or not set, because OPEN_MFA_AUDIT_KEY is set: only JSON lines have codes.",
        )
    if "OPEN_MFA_AUDIT_PUBLIC_KEY" in texts and "OPEN_MFA_AUDIT_KEY" not in texts:
        yield "OPEN_MFA_AUDIT_PUBLIC_KEY", "Needs OPEN_MFA_AUDIT_KEY. To make both: open-mfa audit new-keys"


def _mail(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    server, sender = values.get("OPEN_MFA_SMTP_URL"), values.get("OPEN_MFA_MAIL_FROM")
    if server is None or sender is None or not values.keys() >= _MAIL:
        return
    mail = Mail(server, sender, values["OPEN_MFA_MAIL_TEMPLATE"], values["OPEN_MFA_MAIL_LANGUAGES"])
    profile = DeliveryProfile(issuer=values["OPEN_MFA_ISSUER"], language=values["OPEN_MFA_LANGUAGE"])
    try:
        mail.delivery(profile, SystemClock())
    except ValueError as error:
        yield "OPEN_MFA_ISSUER", f"Cannot be part of a mail: {error}."
        return
    for variable in TENANTS & values.keys():
        if values[variable] is not None:
            for problem in mail_conflicts(values[variable], mail, profile):
                yield variable, sentence(problem)


def mail_conflicts(file: TenantsFile, mail: Mail, service: DeliveryProfile) -> Iterator[str]:
    """Yield a problem for each tenant whose issuer cannot be a part of its mails.

    Args:
        file: the tenants file.
        mail: the settings of mail.
        service: the profile of the service.
    """
    for name, table in file.tables.items():
        try:
            mail.delivery(tenant_profile(service, table.issuer or service.issuer, table.delivery), SystemClock())
        except ValueError as error:
            yield f"[{name}] issuer cannot be part of a mail: {error}"


def notices(settings: Settings, texts: Mapping[str, str], known: Iterable[str], now: int) -> Iterator[str]:
    """Yield messages for the operator.

    Args:
        settings: the settings of the service.
        texts: the texts of the variables that are set.
        known: the names of all variables of the service.
        now: Unix time in seconds.
    """
    yield from _unknown(texts, sorted(known))
    yield from expiry_notices(settings.tenants.api_keys, now)
    if settings.generated:
        yield (
            f"Generated for {settings.mode.environment}; valid until the process exits:"
            f" {', '.join(sorted(settings.generated))}."
            + (" Stored secrets cannot be read after that." if "OPEN_MFA_ENCRYPTION_KEYS" in settings.generated else "")
        )
    if settings.standalone:
        yield (
            f"{ENVIRONMENT}={STANDALONE} keeps the state in the memory of this process. A restart ends all sessions and"
            " log-ins, and removes all locks. For up to 60 s after a start, the gate refuses codes, because a former"
            " process may have accepted them."
        )
    elif settings.in_memory:
        yield "OPEN_MFA_REDIS_URL is not set: the state is in the memory of this process and is lost when it exits."
    if not settings.development:
        secrets = {
            "OPEN_MFA_SECRET_KEY": (settings.keys.secret_key, "sign cookies"),
            "OPEN_MFA_DERIVATION_SECRET": (settings.keys.derivation_secret, "derive the secrets of all users"),
        }
        for name, (text, harm) in secrets.items():
            if text is not None and len(text) < SHORTEST_KEY:
                yield f"{name} is shorter than {SHORTEST_KEY} characters: an attacker who guesses it can {harm}."


def _unknown(names: Iterable[str], known: list[str]) -> Iterator[str]:
    """Yield a notice for each variable that has the prefix of the service but is none of its variables."""
    for name in sorted(names):
        if name.startswith(_PREFIX) and name not in known:
            plain = name.removeprefix(_PREFIX)
            close = [plain] if plain in known else difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else "."
            yield f"{name} is not a setting of this version{hint}"
