"""The use of Redis: bytes of a credential, round trips of a request, and many stored credentials."""

from collections.abc import Sequence
from typing import Any, Final

import redis

from bench.cases import Case

FACTORS: Final = ("totp", "hotp", "otp")
SESSION: Final = ("session:%032d", 3_600_000)
"""The format of the names of sessions, and their lifetime in milliseconds."""
ACCOUNT: Final = ("account:bench:%017d", 0)
"""The format of the names of accounts, as long as alice@example.com. They do not expire."""
# A script, because a client would need half a minute for a million records.
_COPY: Final = """
for number = ARGV[1], ARGV[1] + ARGV[2] - 1 do
  local key = 'open-mfa:{' .. string.format(ARGV[5], number) .. '}:' .. KEYS[1]
  redis.call('SET', key, ARGV[3])
  if ARGV[4] ~= '0' then redis.call('PEXPIRE', key, ARGV[4]) end
end
"""
NAMES: Final = {"totp": "TOTP", "recovery-codes": "recovery codes"}
"""The factors of the measured account, as the capacity page names them."""
_BATCH: Final = 10_000


def copy(client: redis.Redis, factor: str, record: bytes, count: int, owner: tuple[str, int] = SESSION) -> None:
    """Store a real record under the keys of `count` owners that do not exist."""
    name, lifetime = owner
    for first in range(0, count, _BATCH):
        client.eval(_COPY, 1, factor, first, min(_BATCH, count - first), record, lifetime, name)


def bytes_per_credential(client: redis.Redis, records: dict[bytes, bytes], count: int) -> dict[str, dict[str, float]]:
    """Return for each factor the length of the record, MEMORY USAGE of its key, and `used_memory` of one among `count`.

    The function deletes everything in the database.
    """
    figures: dict[str, dict[str, float]] = {}
    for factor in FACTORS:
        record = next(value for key, value in records.items() if key.endswith(f":{factor}".encode()))
        client.flushdb()
        before = info(client, "memory")["used_memory"]
        copy(client, factor, record, count)
        used = info(client, "memory")["used_memory"] - before
        key = f"open-mfa:{{session:{0:032d}}}:{factor}"
        # A string has no elements to sample, so SAMPLES 0 only replaces the default.
        usage: Any = client.memory_usage(key, samples=0)
        figures[factor] = {"record": len(record), "memory_usage": usage, "used_memory": used / count}
    client.flushdb()
    return figures


def bytes_per_account(client: redis.Redis, records: dict[bytes, bytes], count: int) -> dict[str, float]:
    """Return `used_memory` of one account among `count`. The function deletes everything in the database."""
    client.flushdb()
    before = info(client, "memory")["used_memory"]
    figures: dict[str, float] = {}
    for key, record in sorted(records.items(), reverse=True):
        factor = key.rpartition(b":")[2].decode()
        copy(client, factor, record, count, ACCOUNT)
        figures[" and ".join([*figures, NAMES[factor]][-2:])] = (info(client, "memory")["used_memory"] - before) / count
    client.flushdb()
    return figures


def round_trips(client: redis.Redis, cases: Sequence[Case]) -> dict[str, dict[str, float]]:
    """Return for each case the reads from clients and the commands, both for one request.

    Commands that a script runs are included. Rounding removes the commands that the workers send periodically.
    """
    counts = {}
    for case in cases:
        requests = case.prepare()
        before, reads = _calls(client), info(client, "stats")["total_reads_processed"]
        case.server.connections.run(requests, case.expected)
        after, reads_after = _calls(client), info(client, "stats")["total_reads_processed"]
        total = sum(len(lane) for lane in requests)
        commands = {name: round((after[name] - before.get(name, 0)) / total, 1) for name in after}
        # This function causes two of the reads.
        counts[case.name] = {"round_trips": round((reads_after - reads - 2) / total, 1)} | {
            name: calls for name, calls in commands.items() if calls
        }
    return counts


def _calls(client: redis.Redis) -> dict[str, int]:
    return {name.removeprefix("cmdstat_"): stat["calls"] for name, stat in info(client, "commandstats").items()}


def info(client: redis.Redis, section: str) -> dict[str, Any]:
    """Return a section of INFO."""
    info: Any = client.info(section)
    return dict(info)
