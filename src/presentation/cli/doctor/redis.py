"""Findings about the store: the connection to Redis, and every master."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from application.errors import StoreUnavailable
from infrastructure.crypto.derivation import HkdfDerivation
from infrastructure.crypto.sealing import KeyRing
from infrastructure.network.address import Address
from infrastructure.records.codec import RecordCodec
from infrastructure.redis.client.explanations import permission
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.url import connector, public_part, scheme_of
from infrastructure.redis.diagnostics.inspection import Inspection, inspect
from infrastructure.redis.diagnostics.trial import commands_for_sending
from infrastructure.redis.stores.credentials import RedisCredentialRepository
from infrastructure.settings import Settings
from infrastructure.system import SystemClock
from presentation.cli.doctor.credentials import check_credentials
from presentation.cli.doctor.finding import Finding, Grade

OLDEST_REDIS: Final = (6, 2)
"""The oldest supported version."""
FULLEST: Final = 0.75
"""The share of `maxmemory` above which the doctor warns."""
LARGEST_CLOCK_DIFFERENCE: Final = 1.0
"""Seconds."""
_SERVICE: Final = "the service"


def check_store(settings: Settings, now: Callable[[], float], grave: Grade) -> Iterator[Finding]:
    """Yield the findings about the store that the settings name.

    Args:
        settings: the settings.
        now: returns Unix time in seconds.
        grave: the grade of findings that matter only in production.
    """
    url = settings.redis.url
    if settings.standalone:
        text = "keeps the state in memory: a restart ends all log-ins, and removes all locks. Run one process only"
        yield Finding(Grade.WARNING, f"OPEN_MFA_ENV=standalone {text}")
        return
    if url is None:
        fine = settings.development
        remedy = "this is fine for development" if fine else "set it to the URL of a Redis with persistence"
        text = f"OPEN_MFA_REDIS_URL is not set, so all credentials are lost when the process ends: {remedy}"
        yield Finding(Grade.OK if fine else Grade.MUST_CHANGE, text)
        return
    where = public_part(url)
    gateway = Gateway(connector(url), settings.redis.wait, address=where)
    weak_secrets: list[Finding] = []
    try:
        masters = inspect(gateway, now)
        weak_secrets += check_credentials(_repository(gateway, settings), time.monotonic)
    except StoreUnavailable as error:
        masters = []
        yield Finding(Grade.MUST_CHANGE, str(error))
    finally:
        gateway.close()
    yield check_transport(url, {*where.split(","), *(master.address for master in masters)}, grave)
    for master in masters:
        for finding in check_master(master, settings.redis.wait, grave, _unneeded(settings)):
            yield Finding(finding.grade, f"Redis at {master.address or where}{finding.text}")
    yield from weak_secrets


def _repository(gateway: Gateway, settings: Settings) -> RedisCredentialRepository:
    codec = RecordCodec(KeyRing(settings.keys.encryption_keys), HkdfDerivation(settings.keys.derivation_secret))
    return RedisCredentialRepository(gateway, codec, SystemClock())


def _unneeded(settings: Settings) -> dict[str, str]:
    """Return the commands that this service does not need, and for each what does not work without it."""
    unneeded = {"SCAN": "`open-mfa reseal`, the list of accounts and the search for weak secrets"}
    if not settings.channels:
        unneeded |= dict.fromkeys(commands_for_sending(), "sending codes")
    return unneeded


def check_transport(url: str, addresses: set[str], grave: Grade) -> Finding:
    """Return a finding about the encryption of the connections to Redis.

    Args:
        url: the URL of Redis. Its scheme selects TLS.
        addresses: the hosts and ports of all servers that the URL, a Sentinel or a Cluster names.
        grave: the grade of a connection to another machine without TLS.
    """
    scheme = scheme_of(url)
    if scheme == "unix":
        return Finding(Grade.OK, "OPEN_MFA_REDIS_URL is a Unix socket")
    if scheme.startswith("rediss"):
        return Finding(Grade.OK, "OPEN_MFA_REDIS_URL uses TLS")
    remote = sorted(each for each in addresses if each and not _is_loopback(each))
    if not remote:
        return Finding(Grade.OK, "OPEN_MFA_REDIS_URL leads to this machine, so it needs no TLS")
    text = f"leads to {', '.join(remote)} without TLS: enable TLS in Redis, and use a URL that begins with rediss"
    return Finding(grave, f"OPEN_MFA_REDIS_URL {text}")


def _is_loopback(address: str) -> bool:
    """Return whether an address is this machine's own. Every name but `localhost` may lead to another machine."""
    try:
        return Address.parse(address, default_port=1).is_loopback
    except ValueError:
        return False


def check_master(
    master: Inspection, wait: int, grave: Grade, unneeded: Mapping[str, str] | None = None
) -> Iterator[Finding]:
    """Yield the findings about a server. The caller puts the server's name before their texts.

    Args:
        master: the server's report about itself, and the commands that it refuses.
        wait: the number of replicas that must confirm a write.
        grave: the grade of findings that matter only in production.
        unneeded: the commands that the service does not need, and for each what does not work without it.
    """
    if master.information is not None:
        yield from _check_information(master, grave)
    refused = list(_check_commands(master, wait, unneeded or {}))
    yield from refused or [Finding(Grade.OK, " accepts every command that the service needs")]
    answers = {"INFO": master.information, "CONFIG GET": master.snapshots, "TIME": master.clock_ahead}
    unanswered = [name for name, answer in answers.items() if answer is None]
    unknown = [name for name in unanswered if name.split()[0] in master.unknown]
    forbidden = [name for name in unanswered if name not in unknown]
    for names, verb, remedy in (
        (forbidden, "does not let this user run", "allow them, or"),
        (unknown, "does not know", "they are renamed or disabled, so"),
    ):
        if names:
            text = f"so some checks were skipped: {remedy} check version, eviction, persistence and clock yourself"
            yield Finding(Grade.WARNING, f" {verb} {', '.join(names)}, {text}")
    ahead = master.clock_ahead
    if ahead is not None and abs(ahead) > LARGEST_CLOCK_DIFFERENCE:
        yield Finding(
            Grade.MUST_CHANGE,
            f" has a clock that is {ahead:+.1f} s off this machine's: synchronize both with NTP",
        )
    elif ahead is not None:
        yield Finding(Grade.OK, " has the same time as this machine")


def _check_commands(master: Inspection, wait: int, unneeded: Mapping[str, str]) -> Iterator[Finding]:
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
        yield Finding(must, f" does not know {', '.join(trial.unknown)}, which are renamed or disabled: enable them")
    if master.is_replica or (trial.refusal is not None and trial.refusal.code == "READONLY"):
        yield Finding(must, " is a replica, which accepts no writes: use the URL of its master, or of the Sentinels")
    elif trial.refusal is not None:
        yield Finding(must, f" refuses writes ({trial.refusal.code}): it {trial.refusal.reason}")
    if master.information is not None and not master.is_replica and master.replicas < wait:
        text = f" has {master.replicas} replicas, but OPEN_MFA_REDIS_WAIT requires {wait}: add some, or lower it"
        yield Finding(must, text)
    elif trial.failure is not None:
        yield Finding(must, f" failed during a trial write: {trial.failure}")


def _check_information(master: Inspection, grave: Grade) -> Iterator[Finding]:
    must, ok = Grade.MUST_CHANGE, Grade.OK
    version = tuple(int(number) for number in re.findall("[0-9]+", master.version)[:2])
    oldest = ".".join(map(str, OLDEST_REDIS))
    if version < OLDEST_REDIS:
        yield Finding(must, f" is version {master.version}: install {oldest} or newer")
    else:
        yield Finding(ok, f" is version {master.version}")
    if master.eviction_policy == "noeviction":
        yield Finding(ok, " evicts no keys")
    else:
        text = f" may evict credentials (maxmemory-policy {master.eviction_policy}): set noeviction"
        yield Finding(grave, text)
    is_full = master.trial.refusal is not None and master.trial.refusal.code == "OOM"
    if master.fullness >= FULLEST and not is_full:
        yield Finding(Grade.WARNING, f" has used {master.fullness:.0%} of its memory: raise maxmemory soon")
    if master.appends:
        yield Finding(ok, " has an append-only file")
    elif master.snapshots:
        yield Finding(Grade.WARNING, " loses all writes since its last snapshot if it crashes: set appendonly yes")
    else:
        yield Finding(grave, " loses all data when it restarts: set appendonly yes")
