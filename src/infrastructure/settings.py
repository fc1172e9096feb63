"""Settings from environment variables (the twelve-factor app, III), all of them checked before anything starts."""

import difflib
import errno
import os
import re
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, cast

from dotenv import load_dotenv
from environs import Env, EnvValidationError, ValidationError, validate
from limits import RateLimitItem, parse_many

from application.log_level import LEVELS, Level
from domain.errors import InvalidSecret, InvalidValue
from domain.owner import TENANT
from domain.parameters import HashAlgorithm, check_name
from domain.secret import LONGEST_SECRET, RECOMMENDED_SECRET, SHORTEST_SECRET, SharedSecret
from infrastructure.crypto.sealing import KEY_BYTES, EncryptionKey
from infrastructure.delivery.mail_address import Sender
from infrastructure.delivery.mail_template import Template
from infrastructure.delivery.smtp import EmailDelivery, SmtpServer
from infrastructure.delivery.webhook import Webhook
from infrastructure.network.address import is_ip_address
from infrastructure.redis.client.url import InvalidRedisUrl, connector

PRODUCTION: Final = "production"
DEVELOPMENT: Final = "development"
LogFormat = Literal["json", "text"]
DEVELOPMENT_TENANT: Final = "development"
"""The tenant of the API key that development mode generates."""
DEFAULT_RATE_LIMIT: Final = "25 per 30 seconds"
"""Requests of one client address."""
MOST_WORKERS: Final = 8
"""More processes than this are a matter for more instances, or for whoever sets `WEB_CONCURRENCY`."""
_PREFIX: Final = "OPEN_MFA_"
_PLAIN: Final = ("HOST", "PORT", "WEB_CONCURRENCY", "THREADS")
"""Names that the twelve-factor app's platforms set, without a prefix."""
_LOOPBACK: Final = "127.0.0.1"
_HOST_HINT: Final = f"Another tool, such as conda, may have set HOST: unset it, or set it to {_LOOPBACK}."
SHORTEST_KEY: Final = 32
"""Characters of a key that nobody guesses."""
LONGEST_DOMAIN: Final = 253
"""Characters (RFC 1035, section 2.3.4)."""
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_MISSING: Final = (
    "Is required; one is made up only where OPEN_MFA_ENV=development stands in the environment itself, not in .env."
)


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


@dataclass(frozen=True, slots=True)
class Mail:
    """How codes are sent by e-mail."""

    server: SmtpServer
    sender: str
    text: Template = field(repr=False)


@dataclass(frozen=True, slots=True)
class Hook:
    """How codes are handed to a webhook."""

    url: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says. Durations are in seconds; None is «not set up».

    Attributes:
        gate_setting: the name of the setting that holds the gate's secret.
        api_keys: tenants' names and keys; a tenant has several while one takes another's place.
        generated_api_key: the key in `api_keys` that development mode generated, if it did.
        log_format: None selects it automatically: text in development on a terminal, JSON otherwise.
        notices: what an operator should read at start.
    """

    encryption_keys: tuple[EncryptionKey, ...]
    secret_key: str = field(repr=False)
    environment: str = PRODUCTION
    redis_url: str | None = field(default=None, repr=False)
    redis_wait: int = 0
    administrator: Administrator | None = None
    api_keys: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    generated_api_key: str | None = field(default=None, repr=False)
    derivation_secret: str | None = field(default=None, repr=False)
    mail: Mail | None = None
    webhook: Hook | None = None
    gate_secret: SharedSecret | None = None
    gate_setting: str = "OPEN_MFA_GATE_SECRET"
    gate_lifetime: int = 86400
    gate_tenant: str | None = None
    gate_cookie_domain: str | None = None
    gate_show_qr: bool = False
    issuer: str = "Open-MFA"
    algorithm: HashAlgorithm = HashAlgorithm.SHA1
    session_lifetime: int = 3600
    cookie_secure: bool = True
    path_prefix: str = ""
    rate_limit: tuple[RateLimitItem, ...] = ()
    sends_per_hour: int = 1000
    trusted_proxies: int = 0
    log_level: Level = "INFO"
    log_format: LogFormat | None = None
    host: str = _LOOPBACK
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
        load_dotenv(".env")
        _drop_empty()
    cores = min(os.cpu_count() or 1, MOST_WORKERS)
    embedded = env.str("OPEN_MFA_REDIS_URL", None) is None
    values: dict[str, Any] = {
        "environment": environment,
        "encryption_keys": env.str("OPEN_MFA_ENCRYPTION_KEYS", None, validate=_encryption_keys),
        "secret_key": env.str("OPEN_MFA_SECRET_KEY", None, validate=_text),
        "redis_url": env.str("OPEN_MFA_REDIS_URL", None, validate=_redis_url),
        "redis_wait": _whole(env, "OPEN_MFA_REDIS_WAIT", 0, 0, 100),
        "api_keys": env.str("OPEN_MFA_API_KEYS", None, validate=_api_keys),
        "derivation_secret": env.str("OPEN_MFA_DERIVATION_SECRET", None, validate=_text),
        "gate_secret": env.str("OPEN_MFA_GATE_SECRET", None, validate=_base32),
        "gate_lifetime": _whole(env, "OPEN_MFA_GATE_LIFETIME", 86400, 60, 90 * 86400),
        "gate_tenant": env.str("OPEN_MFA_GATE_TENANT", None),
        "gate_cookie_domain": env.str("OPEN_MFA_GATE_COOKIE_DOMAIN", None, validate=_domain),
        "gate_show_qr": env.bool("OPEN_MFA_GATE_SHOW_QR", development, **_saying("Must be true or false.")),
        "issuer": env.str("OPEN_MFA_ISSUER", "Open-MFA", validate=_issuer),
        "algorithm": env.enum("OPEN_MFA_ALGORITHM", HashAlgorithm.SHA1, enum=HashAlgorithm),
        "session_lifetime": _whole(env, "OPEN_MFA_SESSION_LIFETIME", 3600, 1, 7 * 86400),
        "cookie_secure": env.bool("OPEN_MFA_COOKIE_SECURE", not development, **_saying("Must be true or false.")),
        "path_prefix": env.str("OPEN_MFA_PATH_PREFIX", "", validate=_path_prefix),
        "rate_limit": env.str("OPEN_MFA_RATE_LIMIT", DEFAULT_RATE_LIMIT, validate=_rate_limit),
        "sends_per_hour": _whole(env, "OPEN_MFA_SENDS_PER_HOUR", 1000, 1, 1_000_000),
        "trusted_proxies": _whole(env, "OPEN_MFA_TRUSTED_PROXIES", 0, 0, 16),
        "log_level": env.str("OPEN_MFA_LOG_LEVEL", "INFO", validate=validate.OneOf(LEVELS)),
        "log_format": env.str("OPEN_MFA_LOG_FORMAT", None, validate=validate.OneOf(["json", "text"])),
        "host": env.str("HOST", _LOOPBACK),
        "port": _whole(env, "PORT", 8080, 0, 65535),
        "workers": _whole(env, "WEB_CONCURRENCY", 1 if embedded else cores, 1, 256),
        "threads": _whole(env, "THREADS", 8, 1, 256),
    }
    gate_text = env.str("OPEN_MFA_GATE_SECRET_TEXT", None, validate=_gate_text)
    user = env.str("OPEN_MFA_ADMIN_USER", None, validate=_user)
    password = env.str("OPEN_MFA_ADMIN_PASSWORD", None, validate=_text)
    mail = _mail(env)
    hook = _hook(env)
    notices = _unknown(list(env.dump()))
    problems = _errors(env)
    _pair(problems, "OPEN_MFA_ADMIN_USER", user, "OPEN_MFA_ADMIN_PASSWORD", password)
    _pair(problems, "OPEN_MFA_SMTP_URL", mail[0], "OPEN_MFA_MAIL_FROM", mail[1])
    _pair(problems, "OPEN_MFA_WEBHOOK_URL", hook[0], "OPEN_MFA_WEBHOOK_SECRET", hook[1])
    if values["gate_secret"] is not None and gate_text is not None:
        problems["OPEN_MFA_GATE_SECRET_TEXT"] = [
            "Must not be set beside OPEN_MFA_GATE_SECRET: the gate has one secret."
        ]
    _fill_keys(values, problems, notices, development=development)
    if embedded:
        _check_embedded(values, problems, notices)
    if "OPEN_MFA_API_KEYS" not in problems:
        if development and values["api_keys"] is None:
            key = values["generated_api_key"] = secrets.token_urlsafe(KEY_BYTES)
            values["api_keys"] = f"{DEVELOPMENT_TENANT}:{key}"
            notices.append(
                f"OPEN_MFA_API_KEYS is not set: one API key, of the tenant {DEVELOPMENT_TENANT}, was generated for"
                " development. It is valid until the process exits."
            )
        values["api_keys"] = _api_keys(values["api_keys"] or "")
        if values["gate_tenant"] is not None and values["gate_tenant"] not in dict(values["api_keys"]):
            problems["OPEN_MFA_GATE_TENANT"] = ["Must be the name of one of OPEN_MFA_API_KEYS."]
    if problems:
        raise SettingsError(problems)
    values["rate_limit"] = _rate_limit(values["rate_limit"])
    notices += _weaknesses(values, development=development)
    administrator = None if user is None or password is None else Administrator(user, password)
    _fill_gate(values, gate_text, notices, development=development)
    smtp_url, sender, template = mail
    if smtp_url is not None and sender is not None:
        values["mail"] = _made_mail(smtp_url, sender, template, values["issuer"])
    if hook[0] is not None and hook[1] is not None:
        values["webhook"] = Hook(hook[0], hook[1])
    return Settings(**values, administrator=administrator, notices=tuple(notices))


def _mail(env: Env) -> tuple[str | None, str | None, str | None]:
    return (
        env.str("OPEN_MFA_SMTP_URL", None, validate=_told_by(SmtpServer.parse)),
        env.str("OPEN_MFA_MAIL_FROM", None, validate=_told_by(Sender.parse)),
        env.str("OPEN_MFA_MAIL_TEMPLATE", None, validate=_told_by(Template.load)),
    )


def _made_mail(url: str, sender: str, template: str | None, issuer: str) -> Mail:
    mail = Mail(SmtpServer.parse(url), sender, Template.load(template))
    try:
        EmailDelivery(mail.server, mail.sender, mail.text, issuer)
    except ValueError as error:
        raise SettingsError({"OPEN_MFA_ISSUER": [f"Can't stand in a mail: {error}."]}) from None
    return mail


def _hook(env: Env) -> tuple[str | None, str | None]:
    return (
        env.str("OPEN_MFA_WEBHOOK_URL", None, validate=_told_by(Webhook.check_url)),
        env.str("OPEN_MFA_WEBHOOK_SECRET", None, validate=_text),
    )


def _told_by(read: Callable[[str], object]) -> Callable[[str], None]:
    """What whoever reads a setting has against it."""

    def check(text: str) -> None:
        try:
            read(text)
        except ValueError as error:
            raise ValidationError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None

    return check


def _pair(problems: dict[str, list[str]], one: str, first: str | None, other: str, second: str | None) -> None:
    """Two settings of which neither works without the other."""
    if (first is None) != (second is None):
        missing, there = (one, other) if first is None else (other, one)
        problems.setdefault(missing, [f"Must be set where {there} is, or neither of the two."])


def _drop_empty() -> None:
    """An empty variable counts as one that is not set: Compose passes on every name it is told, set or not."""
    for name in [name for name in os.environ if not os.environ[name] and (name.startswith(_PREFIX) or name in _PLAIN)]:
        del os.environ[name]


def _whole(env: Env, name: str, default: int, low: int, high: int) -> int | None:
    """A whole number in its range."""
    refusal = f"Must be a whole number from {low} to {high}."
    number: int | None = env.int(name, default, validate=validate.Range(low, high, error=refusal), **_saying(refusal))
    return number


def _saying(refusal: str) -> dict[str, Any]:
    """Says what the value must be rather than what it is not."""
    return {"error_messages": {"invalid": refusal}}


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


def _fill_gate(values: dict[str, Any], text: str | None, notices: list[str], *, development: bool) -> None:
    if text is not None:
        values["gate_secret"] = SharedSecret(text.encode())
        values["gate_setting"] = "OPEN_MFA_GATE_SECRET_TEXT"
    elif values["gate_secret"] is not None:
        values["gate_secret"] = SharedSecret.from_base32(values["gate_secret"])
    elif development:
        values["gate_secret"] = SharedSecret(secrets.token_bytes(RECOMMENDED_SECRET))
        notices.append("Development mode made up OPEN_MFA_GATE_SECRET: the gate is open to its codes until the end.")


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
            plain = name.removeprefix(_PREFIX)
            close = [plain] if plain in _PLAIN else close
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


def _api_keys(text: str) -> tuple[tuple[str, str], ...]:
    keys = []
    for number, part in enumerate(text.split(",") if text else (), start=1):
        name, colon, key = part.strip().partition(":")
        if not colon or not re.fullmatch(TENANT, name):
            raise ValidationError(f"Key number {number} must be name:key, with a name of A-Z a-z 0-9 . _ -")
        if len(key) < SHORTEST_KEY or not (key.isascii() and key.isprintable()) or " " in key:
            raise ValidationError(
                f"Key number {number} must have {SHORTEST_KEY} characters or more, ASCII without spaces."
            )
        keys.append((name, key))
    if len({key for _, key in keys}) != len(keys):
        raise ValidationError("The same key is there twice: every tenant needs keys of its own.")
    return tuple(keys)


def _redis_url(text: str) -> None:
    try:
        connector(text)
    except InvalidRedisUrl as error:
        raise ValidationError(f"{error}.") from None


def _rate_limit(text: str) -> tuple[RateLimitItem, ...]:
    if text.strip().lower() == "off":
        return ()
    try:
        limits = tuple(parse_many(text))
    except ValueError:
        limits = ()
    if not limits or any(limit.amount < 1 for limit in limits):
        raise ValidationError("Must read like «25 per 30 seconds», or be «off».")
    return limits


def _text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValidationError("Must be UTF-8.") from None


def _base32(text: str) -> None:
    try:
        SharedSecret.from_base32(text)
    except InvalidSecret as error:
        raise ValidationError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None


def _gate_text(text: str) -> None:
    _text(text)
    if len(text) < SHORTEST_SECRET or len(text.encode()) > LONGEST_SECRET:
        raise ValidationError(f"Must have {SHORTEST_SECRET} characters or more, and at most {LONGEST_SECRET} bytes.")


def _domain(text: str) -> None:
    # If the last label begins with a digit, the text may be an IP address. Browsers refuse cookies for a single label.
    if len(text) > LONGEST_DOMAIN or not re.fullmatch(rf"(?:{_LABEL}\.)+(?=[a-z]){_LABEL}", text):
        raise ValidationError("Must be a domain in lower-case ASCII, such as example.com.")


def _path_prefix(text: str) -> None:
    segments = text.split("/")[1:]
    if not re.fullmatch(r"(?:/[A-Za-z0-9._~-]+)+", text) or {".", ".."} & set(segments):
        raise ValidationError(
            "Must begin with a slash and not end with one, such as /mfa, and may contain only letters, digits, "
            "slashes and . _ ~ -"
        )


def _user(text: str) -> None:
    _text(text)
    if ":" in text:
        raise ValidationError("Must have no colon: HTTP Basic could not tell where the name ends.")


def _weaknesses(values: dict[str, Any], *, development: bool) -> list[str]:
    """What works, but not well."""
    if development:
        return []
    secrets_of = {
        "OPEN_MFA_SECRET_KEY": (values["secret_key"], "sign cookies"),
        "OPEN_MFA_DERIVATION_SECRET": (values["derivation_secret"], "derive everybody's secret"),
    }
    return [
        f"{name} is shorter than {SHORTEST_KEY} characters: whoever guesses it can {harm}."
        for name, (text, harm) in secrets_of.items()
        if text is not None and len(text) < SHORTEST_KEY
    ]


def checked_address(settings: Settings) -> Settings:
    """Return the settings with an address on which the service can listen.

    Some tools set HOST for their own purposes: conda sets it to a platform such as x86_64-conda-linux-gnu. So in
    development, the default replaces a name that does not lead to this machine, with a notice.

    Raises:
        SettingsError: the service cannot listen there. gunicorn would try five times and write many lines.
    """
    problem = _problem_of(settings.host, settings.port)
    if problem is None:
        return settings
    name, why = problem
    if name == "HOST" and not is_ip_address(settings.host):
        why = f"{why} {_HOST_HINT}"
        if settings.environment == DEVELOPMENT and _problem_of(_LOOPBACK, settings.port) is None:
            notice = (
                f"HOST leads to no address of this machine, so development mode listens on {_LOOPBACK}. {_HOST_HINT}"
            )
            return replace(settings, host=_LOOPBACK, notices=(*settings.notices, notice))
    raise SettingsError({name: [why]})


def _problem_of(host: str, port: int) -> tuple[str, str] | None:
    """Try to listen. Return the setting that prevents it and the reason, None if it works."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (socket.gaierror, UnicodeError):
        return "HOST", "Must be an address of this machine, or a name that leads to one."
    except OSError as error:
        name = "HOST" if error.errno == errno.EADDRNOTAVAIL else "PORT"
        return name, f"Can't listen on {host}, port {port}: {os.strerror(error.errno or 0)}."
    return None


def _issuer(text: str) -> None:
    try:
        check_name(text)
    except InvalidValue as error:
        raise ValidationError(f"{error}.") from None
