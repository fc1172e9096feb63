"""A trial of every command that the service sends to Redis, on keys that nothing else uses (ADR 26)."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Final, NamedTuple

from redis import Redis
from redis.exceptions import MovedError, NoPermissionError, NoScriptError, ResponseError

from application.errors import StoreUnavailable
from infrastructure.redis.client.explanations import code_of, explain, forbidden_command, is_unknown_command
from infrastructure.redis.client.gateway import Gateway, send_by_key
from infrastructure.redis.client.pipeline import Command
from infrastructure.redis.client.url import Client
from infrastructure.redis.stores.log_levels import KEY as LOG_LEVEL
from infrastructure.redis.stores.rate_limits import COUNT
from infrastructure.redis.stores.rate_limits import KEY_PREFIX as RATES
from infrastructure.redis.stores.send_limits import KEY_PREFIX as SENDS

PREFIX: Final = "open-mfa"
LIFETIME: Final = 60
"""Seconds after which the keys of a trial expire, in case it is interrupted."""
_OTHER_SLOTS: Final = 16
"""Keys that are read to recognize a node of a Cluster. A node with half of the slots has all of these keys in one of
65,536 trials, and is then not recognized."""
SENDS_SCRIPT: Final = "sends.lua"
_BY_ITSELF: Final = {"GET", "SET", "DEL", "TTL"}
"""Commands that the service also sends outside of scripts."""
_FOR_COUNTING: Final = {"SET", "DEL", "EVAL", "EVALSHA", "INCRBY", "EXPIRE"}
"""The commands of the last step of a trial, which runs the script of the rate limit."""
_NO_SCRIPT: Final = "0" * 40
_IN_SCRIPTS: Final = re.compile(r"redis\.call\('([A-Z]+)'")


class Refusal(NamedTuple):
    """A refusal of a write.

    Attributes:
        code: the code of the error response, such as OOM.
        reason: the explanation, which follows the server's name in a sentence.
    """

    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The result of a trial: the commands and keys that the service needs and Redis refuses.

    Attributes:
        forbidden: commands that the user may not run.
        unknown: commands that the server does not know.
        closed_keys: keys, or prefixes of keys, that the user may not use.
        refusal: the refusal of writes; None if writes are accepted.
        failure: why a script with the demanded number of replicas failed; None if it succeeded or was not tried.
    """

    forbidden: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    closed_keys: tuple[str, ...] = ()
    refusal: Refusal | None = None
    failure: str | None = None


NOTHING_REFUSED: Final = Trial()


def try_out(gateway: Gateway, node: str = "") -> Trial:
    """Try every command that the service sends, in a second or less. No key remains.

    Args:
        gateway: the gateway to Redis; it defines how many replicas must have a write.
        node: the name of a master of a Cluster; empty for a single master.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    tag = gateway.look(lambda client: _tag_on(client, node))
    key = f"{PREFIX}:{{{tag}}}:trial"
    trial = gateway.look(lambda client: _Attempt(client, key, tag).trial())
    refused = _FOR_COUNTING & {*trial.forbidden, *trial.unknown}
    if not (trial.refusal or trial.closed_keys or refused):
        try:
            gateway.set(key, "1", LIFETIME)
            gateway.run_script(COUNT, key, 1, LIFETIME)
            gateway.delete([key])
        except StoreUnavailable as error:
            cause = error.__cause__ or error
            command = forbidden_command(cause)
            if command:
                return replace(trial, forbidden=(*trial.forbidden, command))
            return replace(trial, failure=f"it {explain(cause)} ({code_of(cause)})")
    return trial


def commands_in_scripts() -> dict[str, set[str]]:
    """Return the commands that each script of the stores calls. The user needs the permission for them, too."""
    scripts = (file for file in files("infrastructure.redis.stores").iterdir() if file.name.endswith(".lua"))
    return {script.name: {*_IN_SCRIPTS.findall(script.read_text("utf-8"))} for script in scripts}


def commands_for_sending() -> set[str]:
    """Return the commands that only the limits of sent codes need."""
    scripts = commands_in_scripts()
    return scripts.pop(SENDS_SCRIPT).difference(_BY_ITSELF, *scripts.values())


def _tag_on(client: Client, node: str) -> str:
    """Return a random hash tag whose slot is one of the node's."""
    while True:
        tag = f"doctor:{secrets.token_hex(8)}"
        if isinstance(client, Redis) or not node or client.name_of(f"{{{tag}}}") == node:
            return tag


class _Attempt:
    """One trial, which sends the commands one by one and records the refusals."""

    def __init__(self, client: Client, key: str, tag: str) -> None:
        self._client = client
        self._key = key
        self._tag = tag
        self._forbidden: dict[str, None] = {}
        self._unknown: dict[str, None] = {}
        self._closed: dict[str, None] = {}
        self._refusal: Refusal | None = None

    def trial(self) -> Trial:
        key = self._key
        written = self._write(key, f"{PREFIX}:{{")
        for prefix in (RATES, SENDS):
            other = f"{prefix}:{{{self._tag}}}"
            if self._write(other, prefix):
                self._send(other, prefix, "DEL", other)
        self._send(LOG_LEVEL, LOG_LEVEL, "GET", LOG_LEVEL)
        if isinstance(self._client, Redis):
            # A single node of a Cluster accepts the keys of its own slots, so the writes alone may all succeed.
            for _ in range(_OTHER_SLOTS):
                other = f"{PREFIX}:{{doctor:{secrets.token_hex(8)}}}:trial"
                self._send(other, f"{PREFIX}:{{", "GET", other)
        for name, *arguments in _commands(key):
            # If the key does not exist, these commands would create one that never expires.
            if written or name not in {"INCR", "LPUSH"}:
                self._send(key, f"{PREFIX}:{{", name, *arguments)
        if not isinstance(self._client, Redis):
            self._send(key, f"{PREFIX}:{{", "ASKING")
            # The client may request the topology from any node, so every node must answer.
            self._send(key, f"{PREFIX}:{{", "CLUSTER", "SLOTS")
        self._send(key, f"{PREFIX}:{{", "DEL", key)
        return Trial(
            forbidden=tuple(self._forbidden),
            unknown=tuple(self._unknown),
            closed_keys=tuple(self._closed),
            refusal=self._refusal,
        )

    def _write(self, key: str, prefix: str) -> bool:
        return self._send(key, prefix, "SET", key, "1", "EX", LIFETIME)

    def _send(self, key: str, prefix: str, *command: bytes | str | int) -> bool:
        """Send a command, record its refusal, and return whether it was executed."""
        name = str(command[0])
        try:
            send_by_key(self._client, key, [command])
        except NoPermissionError as error:
            if "key" in str(error):
                self._closed[prefix] = None
            else:
                self._forbidden[forbidden_command(error) or name] = None
        except NoScriptError:
            pass
        except ResponseError as error:
            if is_unknown_command(error):
                self._unknown[name] = None
            elif name == "SET" or isinstance(error, MovedError):
                self._refusal = Refusal(code_of(error), explain(error))
        else:
            return True
        return False


def _commands(key: str) -> Iterator[Command]:
    """Yield every command that the service sends, in a form that is harmless on a key that holds a number.

    Redis answers commands for lists with an error of type on such a key, but checks the user's permissions first.
    """
    yield ("GET", key)
    yield ("MGET", key)
    yield ("TTL", key)
    yield ("EVALSHA", _NO_SCRIPT, 1, key)
    yield ("EVAL", "return 1", 1, key)
    yield ("SCAN", 0, "MATCH", key, "COUNT", 1)
    yield ("PING",)
    for name in sorted(set().union(*commands_in_scripts().values()) - _BY_ITSELF):
        yield (name, *_ARGUMENTS[name](key))


_ARGUMENTS: Final[dict[str, Any]] = {
    "EXPIRE": lambda key: (key, LIFETIME),
    "INCR": lambda key: (key,),
    # Not a number, so that the command creates no key.
    "INCRBY": lambda key: (key, "one"),
    "LINDEX": lambda key: (key, 0),
    "LPUSH": lambda key: (key, 1),
    "LTRIM": lambda key: (key, 0, 0),
}
