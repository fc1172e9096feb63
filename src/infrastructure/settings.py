"""Settings from environment variables (the twelve-factor app, III), all of them checked before anything starts."""

import difflib
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from environs import Env, EnvValidationError, ValidationError, validate
from limits import parse_many

from application.log_level import LEVELS, Level
from domain.errors import InvalidValue
from domain.parameters import HashAlgorithm, check_name
from infrastructure.redis.client import InvalidRedisUrl, connector
from infrastructure.sealing import KEY_BYTES, EncryptionKey

PRODUCTION: Final = "production"
DEVELOPMENT: Final = "development"
DEFAULT_RATE_LIMIT: Final = "25 per 30 seconds"
MOST_WORKERS: Final = 8
"""More processes than this are a matter for more instances, or for whoever sets `WEB_CONCURRENCY`."""
_PREFIX: Final = "OPEN_MFA_"
_MISSING: Final = "is required; `make run` and OPEN_MFA_ENV=development make one up."


class SettingsError(Exception):
    """One message that names every missing or wrong setting. It never repeats a value."""

    def __init__(self, problems: dict[str, list[str]]) -> None:
        self.problems = problems
        lines = "".join(f"\n  {name}: {' '.join(problems[name])}" for name in sorted(problems))
        super().__init__(f"Open-MFA can't start, because of these settings:{lines}")


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who may use the admin API."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says. Durations are in seconds; None is «not set up».

    Attributes:
        notices: what an operator should read at start.
    """

    encryption_keys: tuple[EncryptionKey, ...]
    secret_key: str = field(repr=False)
    environment: str = PRODUCTION
    redis_url: str | None = field(default=None, repr=False)
    redis_wait: int = 0
    administrator: Administrator | None = None
    issuer: str = "Open-MFA"
    algorithm: HashAlgorithm = HashAlgorithm.SHA1
    session_lifetime: int = 3600
    cookie_secure: bool = True
    rate_limit: str | None = DEFAULT_RATE_LIMIT
    trusted_proxies: int = 0
    log_level: Level = "INFO"
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    threads: int = 8
    notices: tuple[str, ...] = ()


def load_settings() -> Settings:
    """Reads the environment, and in development a `.env` file in the working directory.

    Raises:
        SettingsError: naming all that is missing or wrong, once.
    """
    _drop_empty()
    env = Env(eager=False)
    environment = env.str("OPEN_MFA_ENV", PRODUCTION, validate=validate.OneOf([PRODUCTION, DEVELOPMENT]))
    development = environment == DEVELOPMENT
    if development:
        env.read_env(".env", recurse=False)
    cores = min(os.cpu_count() or 1, MOST_WORKERS)
    embedded = env.str("OPEN_MFA_REDIS_URL", None) is None
    values: dict[str, Any] = {
        "environment": environment,
        "encryption_keys": env.str("OPEN_MFA_ENCRYPTION_KEYS", None, validate=_encryption_keys),
        "secret_key": env.str("OPEN_MFA_SECRET_KEY", None),
        "redis_url": env.str("OPEN_MFA_REDIS_URL", None, validate=_redis_url),
        "redis_wait": env.int("OPEN_MFA_REDIS_WAIT", 0, validate=validate.Range(0, 100)),
        "issuer": env.str("OPEN_MFA_ISSUER", "Open-MFA", validate=_issuer),
        "algorithm": env.enum("OPEN_MFA_ALGORITHM", HashAlgorithm.SHA1, enum=HashAlgorithm),
        "session_lifetime": env.int("OPEN_MFA_SESSION_LIFETIME", 3600, validate=validate.Range(1, 7 * 86400)),
        "cookie_secure": env.bool("OPEN_MFA_COOKIE_SECURE", not development),
        "rate_limit": env.str("OPEN_MFA_RATE_LIMIT", DEFAULT_RATE_LIMIT, validate=_rate_limit),
        "trusted_proxies": env.int("OPEN_MFA_TRUSTED_PROXIES", 0, validate=validate.Range(0, 16)),
        "log_level": env.str("OPEN_MFA_LOG_LEVEL", "INFO", validate=validate.OneOf(LEVELS)),
        "host": env.str("HOST", "127.0.0.1"),
        "port": env.int("PORT", 8080, validate=validate.Range(0, 65535)),
        "workers": env.int("WEB_CONCURRENCY", 1 if embedded else cores, validate=validate.Range(1, 256)),
        "threads": env.int("THREADS", 8, validate=validate.Range(1, 256)),
    }
    user = env.str("OPEN_MFA_ADMIN_USER", None)
    password = env.str("OPEN_MFA_ADMIN_PASSWORD", None)
    notices = _unknown(list(env.dump()))
    problems = _errors(env)
    _fill_keys(values, problems, notices, development=development)
    if embedded:
        _check_embedded(values, problems, notices)
    if (user is None) != (password is None):
        missing = "OPEN_MFA_ADMIN_USER" if user is None else "OPEN_MFA_ADMIN_PASSWORD"
        problems[missing] = ["goes with the other of the two; without both the admin API is off."]
    if problems:
        raise SettingsError(problems)
    values["rate_limit"] = _rate_limit(values["rate_limit"])
    administrator = None if user is None or password is None else Administrator(user, password)
    return Settings(**values, administrator=administrator, notices=tuple(notices))


def _drop_empty() -> None:
    """An empty variable counts as one that is not set: Compose passes on every name it is told, set or not."""
    for name in [name for name in os.environ if name.startswith(_PREFIX) and not os.environ[name]]:
        del os.environ[name]


def _fill_keys(
    values: dict[str, Any], problems: dict[str, list[str]], notices: list[str], *, development: bool
) -> None:
    made_up = []
    if (text := values["encryption_keys"]) is not None:
        values["encryption_keys"] = _encryption_keys(text)
    elif "OPEN_MFA_ENCRYPTION_KEYS" not in problems:
        made_up.append("OPEN_MFA_ENCRYPTION_KEYS")
        values["encryption_keys"] = (EncryptionKey("throw-away", secrets.token_bytes(KEY_BYTES)),)
    if values["secret_key"] is None and "OPEN_MFA_SECRET_KEY" not in problems:
        made_up.append("OPEN_MFA_SECRET_KEY")
        values["secret_key"] = secrets.token_urlsafe(KEY_BYTES)
    if not development:
        problems |= {name: [_MISSING] for name in made_up}
    elif made_up:
        notices.append(
            f"Development mode made up {' and '.join(made_up)}: what is enrolled now can't be verified after a restart."
        )


def _check_embedded(values: dict[str, Any], problems: dict[str, list[str]], notices: list[str]) -> None:
    if values["redis_wait"]:
        problems["OPEN_MFA_REDIS_WAIT"] = ["needs a Redis with replicas, but OPEN_MFA_REDIS_URL is not set."]
    if (values["workers"] or 1) > 1:
        problems["WEB_CONCURRENCY"] = ["must be 1 while OPEN_MFA_REDIS_URL is not set: processes share no memory."]
    notices.append("OPEN_MFA_REDIS_URL is not set: state is kept in this process's memory, and is gone when it ends.")


def _errors(env: Env) -> dict[str, list[str]]:
    try:
        env.seal()
    except EnvValidationError as error:
        return {
            name: [str(message) for message in messages]
            for name, messages in cast("dict[str, list[str]]", error.error_messages).items()
        }
    return {}


def _unknown(known: Sequence[str]) -> list[str]:
    notices = []
    for name in sorted(os.environ):
        if name.startswith(_PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else "."
            notices.append(f"{name} is no setting of this version{hint}")
    return notices


def _encryption_keys(text: str) -> tuple[EncryptionKey, ...]:
    keys = []
    for number, part in enumerate(text.split(","), start=1):
        try:
            keys.append(EncryptionKey.parse(part.strip()))
        except ValueError as error:
            raise ValidationError(f"Key number {number}: {error}.") from None
    if len({key.id for key in keys}) != len(keys):
        raise ValidationError("Every key needs an id of its own.")
    return tuple(keys)


def _redis_url(text: str) -> None:
    try:
        connector(text)
    except InvalidRedisUrl as error:
        raise ValidationError(f"{error}.") from None


def _rate_limit(text: str) -> str | None:
    if text.strip().lower() == "off":
        return None
    try:
        parse_many(text)
    except ValueError:
        raise ValidationError("Must read like «25 per 30 seconds», or be «off».") from None
    return text


def _issuer(text: str) -> None:
    try:
        check_name(text)
    except InvalidValue as error:
        raise ValidationError(f"{error}.") from None
