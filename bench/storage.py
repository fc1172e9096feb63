"""What lies in Redis: bytes a credential, round trips an operation, and a million other people's credentials."""

from collections.abc import Sequence
from typing import Any, Final

import redis

from bench.cases import Case

FACTORS: Final = ("totp", "hotp", "otp")
SESSION: Final = ("session:%032d", 3_600_000)
"""How a session's copies are named, and the milliseconds that they live."""
ACCOUNT: Final = ("account:bench:%017d", 0)
"""How an account's are: as long as alice@example.com, and for ever."""
# Inside Redis, because a client would need half a minute for a million.
_COPY: Final = """
for number = ARGV[1], ARGV[1] + ARGV[2] - 1 do
  local key = 'open-mfa:{' .. string.format(ARGV[5], number) .. '}:' .. KEYS[1]
  redis.call('SET', key, ARGV[3])
  if ARGV[4] ~= '0' then redis.call('PEXPIRE', key, ARGV[4]) end
end
"""
_BATCH: Final = 10_000


def copy(client: redis.Redis, factor: str, record: bytes, count: int, owner: tuple[str, int] = SESSION) -> None:
    """Stores a real record under the keys of `count` owners that nobody is."""
    name, lifetime = owner
    for first in range(0, count, _BATCH):
        client.eval(_COPY, 1, factor, first, min(_BATCH, count - first), record, lifetime, name)


def bytes_per_credential(client: redis.Redis, records: dict[bytes, bytes], count: int) -> dict[str, dict[str, float]]:
    """For each factor: the record's length, MEMORY USAGE of its key, and `used_memory` a credential among `count`.

    Empties the database before each.
    """
    figures = {}
    for factor in FACTORS:
        record = next(value for key, value in records.items() if key.endswith(f":{factor}".encode()))
        client.flushdb()
        before = _info(client, "memory")["used_memory"]
        copy(client, factor, record, count)
        used = _info(client, "memory")["used_memory"] - before
        key = f"open-mfa:{{session:{0:032d}}}:{factor}"
        # SAMPLES 0 has nothing to sample in a string; it only keeps the default out of it.
        usage: Any = client.memory_usage(key, samples=0)
        figures[factor] = {"record": len(record), "memory_usage": usage, "used_memory": used / count}
    client.flushdb()
    return figures


def bytes_per_account(client: redis.Redis, records: dict[bytes, bytes], count: int) -> dict[str, float]:
    """`used_memory` an account among `count`, with everything that one has; empties the database before and after."""
    client.flushdb()
    before = _info(client, "memory")["used_memory"]
    figures = {}
    for key, record in sorted(records.items(), reverse=True):
        factor = key.rpartition(b":")[2].decode()
        copy(client, factor, record, count, ACCOUNT)
        figures[" and ".join([*figures, factor][-2:])] = (_info(client, "memory")["used_memory"] - before) / count
    client.flushdb()
    return figures


def round_trips(client: redis.Redis, cases: Sequence[Case]) -> dict[str, dict[str, float]]:
    """For each case: reads of Redis from its clients, and commands by name, a request.

    What a script runs counts among the commands too. What the workers poll now and then is rounded away.
    """
    counts = {}
    for case in cases:
        requests = case.prepare()
        before, reads = _calls(client), _info(client, "stats")["total_reads_processed"]
        case.server.connections.run(requests, case.expected)
        after, reads_after = _calls(client), _info(client, "stats")["total_reads_processed"]
        total = sum(len(lane) for lane in requests)
        commands = {name: round((after[name] - before.get(name, 0)) / total, 1) for name in after}
        # Two of the reads are this function's own.
        counts[case.name] = {"round_trips": round((reads_after - reads - 2) / total, 1)} | {
            name: calls for name, calls in commands.items() if calls
        }
    return counts


def _calls(client: redis.Redis) -> dict[str, int]:
    return {name.removeprefix("cmdstat_"): stat["calls"] for name, stat in _info(client, "commandstats").items()}


def _info(client: redis.Redis, section: str) -> dict[str, Any]:
    info: Any = client.info(section)
    return dict(info)
