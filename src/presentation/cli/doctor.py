"""`open-mfa doctor`: what has to change before the service can be relied on."""

import os
import re
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

from application.errors import StoreUnavailable
from domain.secret import SHORTEST_SECRET
from infrastructure.delivery.webhook import Webhook
from infrastructure.network.address import Address
from infrastructure.redis.client.explanations import permission
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.url import connector, places_in, scheme_of
from infrastructure.redis.diagnostics.inspection import Inspection, inspect
from infrastructure.redis.diagnostics.trial import commands_for_sending
from infrastructure.settings import SHORTEST_KEY, Settings, SettingsError, load
from presentation.cli.conventions import DONE, REFUSED, AddParser, say

OLDEST_REDIS: Final = (6, 2)
FULLEST: Final = 0.75
"""Of `maxmemory`: time to do something about it."""
LARGEST_CLOCK_DIFFERENCE: Final = 1.0
"""Seconds."""
SHORTEST_PASSWORD: Final = 12
"""Characters."""
_SERVICE: Final = "the service"
_GATE: Final = "OPEN_MFA_GATE_SECRET"
FEWEST_DIFFERENT: Final = 8
"""Characters; a random key of hexadecimal digits has about 14."""
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
"""What examples, defaults and lazy people put where a secret belongs, without case and punctuation."""


class Grade(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    MUST_CHANGE = "must change"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis; the text names what it is about first, and says what to change."""

    grade: Grade
    text: str

    def __str__(self) -> str:
        return f"{self.grade.value:<11}  {self.text}"


def add(add_parser: AddParser) -> None:
    """Adds the command."""
    parser = add_parser(
        "doctor",
        help="look for what has to change before production",
        description="Checks the settings (the same environment variables as for `serve`), how strong their secrets"
        " are, and every Redis master: version, eviction policy, persistence, TLS, clock, and every command that"
        " the service needs, tried on the doctor's own keys. Prints a line for each finding. The exit status is 1 if"
        " something must change. In development mode, findings that matter only in production are warnings.",
    )
    parser.set_defaults(run=_run)


def _run(_options: Namespace) -> int:
    try:
        findings = diagnose(load(os.environ))
    except SettingsError as error:
        findings = [
            Finding(Grade.MUST_CHANGE, f"{name}: {' '.join(error.problems[name])}") for name in sorted(error.problems)
        ]
    for finding in findings:
        say(str(finding))
    return REFUSED if any(finding.grade is Grade.MUST_CHANGE for finding in findings) else DONE


def diagnose(settings: Settings, now: Callable[[], float] = time.time) -> list[Finding]:
    """All that is found, good and bad; `now` is Unix time in seconds."""
    grave = Grade.WARNING if settings.development else Grade.MUST_CHANGE
    findings = [
        *judge_secrets(_secrets(settings), grave),
        *judge_deliveries(settings, grave),
        *_judge_store(settings, now, grave),
    ]
    said = {_subject(finding.text) for finding in findings}
    notices = [Finding(Grade.WARNING, notice) for notice in settings.notices if _subject(notice) not in said]
    return notices + findings


def _subject(text: str) -> str:
    return text.partition(" ")[0]


def _secrets(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every secret among the settings, by its name."""
    yield "OPEN_MFA_SECRET_KEY", settings.keys.secret_key
    for key in settings.keys.encryption_keys:
        yield f"OPEN_MFA_ENCRYPTION_KEYS ({key.id})", key.material.decode("latin-1")
    if settings.administrator is not None:
        yield "OPEN_MFA_ADMIN_PASSWORD", settings.administrator.password
    for tenant, api_key in settings.accounts.api_keys:
        yield f"OPEN_MFA_API_KEYS ({tenant})", api_key
    if settings.keys.derivation_secret is not None:
        yield "OPEN_MFA_DERIVATION_SECRET", settings.keys.derivation_secret
    if settings.webhook is not None:
        yield "OPEN_MFA_WEBHOOK_SECRET", settings.webhook.secret
    if settings.gate.shared_secret is not None:
        yield settings.gate.secret_variable, settings.gate.shared_secret.key.decode("latin-1")


def judge_secrets(secrets: Iterable[tuple[str, str]], grave: Grade) -> Iterator[Finding]:
    """Whether somebody could guess them.

    Args:
        secrets: names and texts; names that end with PASSWORD are of what people choose and type.
        grave: how bad it is where somebody could.
    """
    for name, text in secrets:
        shortest = SHORTEST_PASSWORD if name.endswith("PASSWORD") else SHORTEST_KEY
        if name.startswith(_GATE):
            shortest = SHORTEST_SECRET
        weakness = _weakness(text, shortest)
        if weakness is None:
            yield Finding(Grade.OK, f"{name} is not weak")
        elif "ENCRYPTION_KEYS" in name:
            remedy = "rotate it as the README says, with `open-mfa key` and `open-mfa reseal`"
            yield Finding(grave, f"{name} {weakness}: {remedy}")
        elif "DERIVATION" in name:
            yield Finding(grave, f"{name} {weakness}: make another one; what is derived must then be enrolled anew")
        elif name == _GATE:
            yield Finding(grave, f"{name} {weakness}: make another one, with `head -c 20 /dev/urandom | base32`")
        else:
            yield Finding(grave, f"{name} {weakness}: make another one, with `head -c 32 /dev/urandom | base64`")


def judge_deliveries(settings: Settings, grave: Grade) -> Iterator[Finding]:
    """Whether codes that are sent can be read on the way."""
    ways = []
    if settings.mail is not None:
        ways.append(("OPEN_MFA_SMTP_URL", settings.mail.server.in_the_clear, "smtps:// or smtp+starttls://"))
    if settings.webhook is not None:
        ways.append(("OPEN_MFA_WEBHOOK_URL", Webhook.in_the_clear(settings.webhook.url), "https://"))
    for name, clear, remedy in ways:
        if clear:
            yield Finding(grave, f"{name} sends codes in the clear: use {remedy}")
        else:
            yield Finding(Grade.OK, f"{name} lets nobody read codes on the way")


def _weakness(text: str, shortest: int) -> str | None:
    if len(text) < shortest:
        return f"is shorter than {shortest} characters"
    steps = {ord(later) - ord(former) for former, later in pairwise(text)}
    if len(set(text)) < min(FEWEST_DIFFERENT, shortest // 2) or len(steps) == 1:
        return "has hardly any different characters, or is a sequence"
    # A long random key may contain a word by chance: what counts is what is left.
    plain = re.sub("[^a-z0-9]", "", text.lower())
    rest = re.sub("|".join(WELL_KNOWN), "", plain)
    if rest != plain and len(rest) < shortest:
        return "is a well-known example or default, or hardly more than one"
    return None


def _judge_store(settings: Settings, now: Callable[[], float], grave: Grade) -> Iterator[Finding]:
    url = settings.redis.url
    if url is None:
        fine = settings.development
        remedy = "fine for development" if fine else "name a Redis that keeps what it is told"
        text = f"OPEN_MFA_REDIS_URL is not set, so what is enrolled or spent is gone when the process ends: {remedy}"
        yield Finding(Grade.OK if fine else Grade.MUST_CHANGE, text)
        return
    where = places_in(url)
    gateway = Gateway(connector(url), settings.redis.wait, where=where)
    try:
        masters = inspect(gateway, now)
    except StoreUnavailable as error:
        masters = []
        yield Finding(Grade.MUST_CHANGE, str(error))
    finally:
        gateway.close()
    yield judge_way(url, {*where.split(","), *(master.address for master in masters)}, grave)
    for master in masters:
        for finding in judge_master(master, settings.redis.wait, grave, _unneeded(settings)):
            yield Finding(finding.grade, f"Redis at {master.address or where}{finding.text}")


def _unneeded(settings: Settings) -> dict[str, str]:
    """Return the commands that this service does not need, and for each what does not work without it."""
    unneeded = {"SCAN": "`open-mfa reseal`"}
    if settings.mail is None and settings.webhook is None:
        unneeded |= dict.fromkeys(commands_for_sending(), "sending codes")
    return unneeded


def judge_way(url: str, addresses: set[str], grave: Grade) -> Finding:
    """Return whether others can read the data on its way to Redis.

    Args:
        url: the URL of Redis. Its scheme asks for TLS or not.
        addresses: the hosts and ports in the URL, and those that the Sentinels or the Cluster report.
        grave: the grade of a finding that others can read the data.
    """
    scheme = scheme_of(url)
    if scheme == "unix":
        return Finding(Grade.OK, "OPEN_MFA_REDIS_URL is a socket of this machine")
    if scheme.startswith("rediss"):
        return Finding(Grade.OK, "OPEN_MFA_REDIS_URL asks for TLS")
    remote = sorted(each for each in addresses if each and not _is_loopback(each))
    if not remote:
        return Finding(Grade.OK, "OPEN_MFA_REDIS_URL does not leave this machine, and so needs no TLS")
    text = f"leads to {', '.join(remote)} without TLS: use a URL that begins with rediss, and TLS in Redis"
    return Finding(grave, f"OPEN_MFA_REDIS_URL {text}")


def _is_loopback(address: str) -> bool:
    """Return whether an address is this machine's own. Every name but `localhost` may lead to another machine."""
    try:
        return Address.parse(address, default_port=1).is_loopback
    except ValueError:
        return False


def judge_master(
    master: Inspection, wait: int, grave: Grade, unneeded: Mapping[str, str] | None = None
) -> Iterator[Finding]:
    """Yield the findings about a server. Their texts follow its name.

    Args:
        master: its report about itself, and the commands that it refuses.
        wait: how many replicas must have a write.
        grave: the grade of findings that matter only in production.
        unneeded: the commands that the service does not need, and for each what does not work without it.
    """
    if master.information is not None:
        yield from _judge_information(master, grave)
    refused = list(_judge_trial(master, wait, unneeded or {}))
    yield from refused or [Finding(Grade.OK, " accepts every command that the service needs")]
    silent = {"INFO": master.information, "CONFIG GET": master.snapshots, "TIME": master.clock_ahead}
    unasked = [name for name, answer in silent.items() if answer is None]
    unknown = [name for name in unasked if name.split()[0] in master.unknown]
    forbidden = [name for name in unasked if name not in unknown]
    for names, verb, remedy in (
        (forbidden, "does not let this user run", "allow them, or"),
        (unknown, "does not know", "they are renamed or switched off, so"),
    ):
        if names:
            text = f"so some checks were skipped: {remedy} check version, eviction, persistence and clock yourself"
            yield Finding(Grade.WARNING, f" {verb} {', '.join(names)}, {text}")
    ahead = master.clock_ahead
    if ahead is not None and abs(ahead) > LARGEST_CLOCK_DIFFERENCE:
        yield Finding(Grade.MUST_CHANGE, f" has a clock {ahead:+.1f} s off this machine's: let NTP set both")
    elif ahead is not None:
        yield Finding(Grade.OK, " has this machine's time")


def _judge_trial(master: Inspection, wait: int, unneeded: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the findings about the commands that the service needs."""
    must, trial = Grade.MUST_CHANGE, master.trial
    purposes: dict[str, list[str]] = {}
    for name in trial.forbidden:
        purposes.setdefault(unneeded.get(name, _SERVICE), []).append(name)
    for purpose, names in purposes.items():
        allow = " ".join(permission(name) for name in names)
        text = f"{', '.join(names)} (NOPERM), which {purpose} needs: allow {allow} in its ACL"
        yield Finding(must if purpose == _SERVICE else Grade.WARNING, f" does not let this user run {text}")
    if trial.closed_keys:
        keys = ", ".join(f"{each}…" for each in trial.closed_keys)
        yield Finding(must, f" does not let this user use the keys {keys} (NOPERM): allow ~open-mfa:* in its ACL")
    if trial.unknown:
        yield Finding(must, f" does not know {', '.join(trial.unknown)}, renamed or switched off: let it have them")
    if master.is_replica or (trial.refusal is not None and trial.refusal.code == "READONLY"):
        yield Finding(must, " is a replica, which takes no writes: name its master, or the Sentinels")
    elif trial.refusal is not None:
        yield Finding(must, f" refuses writes ({trial.refusal.code}): it {trial.refusal.reason}")
    if master.information is not None and not master.is_replica and master.replicas < wait:
        text = f" has {master.replicas} replicas, but OPEN_MFA_REDIS_WAIT demands {wait}: add some, or demand fewer"
        yield Finding(must, text)
    elif trial.failure is not None:
        yield Finding(must, f" failed when a write was tried: {trial.failure}")


def _judge_information(master: Inspection, grave: Grade) -> Iterator[Finding]:
    must, ok = Grade.MUST_CHANGE, Grade.OK
    version = tuple(int(number) for number in re.findall("[0-9]+", master.version)[:2])
    oldest = ".".join(map(str, OLDEST_REDIS))
    if version < OLDEST_REDIS:
        yield Finding(must, f" is version {master.version}: install {oldest} or newer")
    else:
        yield Finding(ok, f" is version {master.version}")
    if master.eviction_policy == "noeviction":
        yield Finding(ok, " evicts nothing")
    else:
        text = f" may evict what is spent or enrolled (maxmemory-policy {master.eviction_policy}): set noeviction"
        yield Finding(grave, text)
    is_full = master.trial.refusal is not None and master.trial.refusal.code == "OOM"
    if master.fullness >= FULLEST and not is_full:
        yield Finding(Grade.WARNING, f" has used {master.fullness:.0%} of its memory: give it more soon (maxmemory)")
    if master.appends:
        yield Finding(ok, " keeps an append-only file")
    elif master.snapshots:
        yield Finding(Grade.WARNING, " forgets in a crash what came after its last snapshot: set appendonly yes")
    else:
        yield Finding(grave, " forgets everything when it restarts: set appendonly yes")
