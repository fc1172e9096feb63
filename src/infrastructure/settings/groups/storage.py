"""The stored state: Redis or DynamoDB, and the keys that encrypt secrets in it."""

import base64
import secrets
from dataclasses import dataclass

from infrastructure.crypto.sealing import KEY_BYTES, EncryptionKey
from infrastructure.dynamodb.url import TableUrl
from infrastructure.settings.declaration import setting
from infrastructure.settings.parsers import WholeNumber, checked_by, encryption_keys, random_text, utf8


def _check_redis_url(url: str) -> None:
    # Loading the Redis client takes a while, and a function with DynamoDB does not need it.
    from infrastructure.redis.client.url import connector  # noqa: PLC0415

    connector(url)


@dataclass(frozen=True, slots=True)
class Redis:
    """Redis stores the state. Without it, the state is in the memory of one process and is lost when the process exits.

    `OPEN_MFA_REDIS_URL` has one of these forms:

    | form | Redis |
    |---|---|
    | `redis://host:port/database` | one server |
    | `unix:///path/to/socket?db=database` | one server on the same machine |
    | `redis+sentinel://host:port,host:port/service/database` | the master that Sentinels name |
    | `redis+cluster://host:port,host:port` | a Cluster |

    - `rediss://`, `rediss+sentinel://` and `rediss+cluster://` use TLS. Its options, such as `ssl_ca_certs=/path`,
      follow a `?`.
    - `user:password@` precedes the first host, percent-encoded: `/` is `%2F`, `?` is `%3F`, `#` is `%23`, `@` is `%40`.
    """

    url: str | None = setting(
        "OPEN_MFA_REDIS_URL",
        checked_by(_check_redis_url),
        "The Redis that stores the state, as a URL: `redis://`, `rediss://` for TLS, and other forms.",
        absence="none: state in memory, one process",
        secret=True,
    )
    wait: int = setting(
        "OPEN_MFA_REDIS_WAIT",
        WholeNumber(0, 100),
        "The number of replicas that must store a verdict before the service responds. If too few store it in time,"
        " the response is `503`. With `0`, a fail-over of Redis can lose the last verdicts, and a spent code can be"
        " accepted again.",
        default="0",
    )


@dataclass(frozen=True, slots=True)
class DynamoDb:
    """A table of Amazon DynamoDB can store the state instead of Redis; see [use DynamoDB](../how-to/use-dynamodb.md).

    `OPEN_MFA_STORE_URL` has the form `dynamodb://TABLE?region=REGION`. `&endpoint=URL` names another server than the
    public one of the region. The AWS credentials come from the environment or the role of the service.
    """

    table: TableUrl | None = setting(
        "OPEN_MFA_STORE_URL",
        TableUrl.parse,
        "The DynamoDB table that stores the state: `dynamodb://TABLE?region=REGION`. Needs the package botocore.",
        absence="none: Redis, or memory",
    )


def _random_encryption_key() -> str:
    return f"throw-away:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"


@dataclass(frozen=True, slots=True)
class Keys:
    """The service cannot read stored secrets without the keys that encrypted them. Keep a copy of all keys."""

    encryption_keys: tuple[EncryptionKey, ...] = setting(
        "OPEN_MFA_ENCRYPTION_KEYS",
        encryption_keys,
        "The keys that encrypt stored secrets: `id:base64-of-32-bytes`, separated by commas. The first key encrypts,"
        " all keys decrypt. `open-mfa key` prints a new key.",
        required=True,
        secret=True,
        generate=_random_encryption_key,
    )
    secret_key: str = setting(
        "OPEN_MFA_SECRET_KEY",
        utf8,
        "Signs the session cookie. Use at least 32 random characters.",
        required=True,
        secret=True,
        generate=random_text,
    )
    derivation_secret: str | None = setting(
        "OPEN_MFA_DERIVATION_SECRET",
        utf8,
        "The master secret of derived TOTP secrets. Use at least 32 random characters. If it is lost, all derived"
        " secrets are lost.",
        absence="none: no derived secrets",
        secret=True,
    )
