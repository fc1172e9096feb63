"""The API keys of requests (RFC 6750): which key a request has, and what the key may do."""

import hmac
import logging
from collections.abc import Iterable, Mapping
from enum import StrEnum
from hashlib import sha256
from typing import Final, Protocol

from flask import request

from application.ports.clock import Clock
from application.request_context import FIELDS, current_request
from application.timestamps import rfc3339
from domain.api_key import ApiKey, Scope
from domain.api_key_format import is_mistyped
from presentation.http.framework.access import SecurityScheme
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import Problem

API_KEY: Final = SecurityScheme(
    "apiKey",
    {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key of the tenants file or of `OPEN_MFA_API_KEYS`. Each operation names the scope that "
        "its key needs (`x-required-scope`): `verify`, `enrol` or `manage`, each of which includes those before it. In "
        "development, the service generates a key and prints it when it starts.",
    },
)
WARNING_INTERVAL: Final = 86400
"""Seconds between two log lines of a process about the expiry of the same key."""
_KEY: Final = "open_mfa.api_key"
_REALM: Final = 'Bearer realm="Open-MFA accounts"'
_CHALLENGE: Final = {"WWW-Authenticate": _REALM}
_INVALID: Final = {"WWW-Authenticate": f'{_REALM}, error="invalid_token"'}
_MISTYPED: Final = (
    "The API key begins with omfa_, but its checksum is wrong: it is mistyped or incomplete. Copy the whole key again."
)

_log = logging.getLogger("open_mfa.keys")


class Refusal(StrEnum):
    """The reasons why a request is refused because of its API key."""

    UNKNOWN = "unknown"
    MISTYPED = "mistyped"
    EXPIRED = "expired"
    SCOPE = "scope"


class KeyMetrics(Protocol):
    """The counters of API keys."""

    def key_used(self, tenant: str, key: str) -> None:
        """Count a request with a valid key."""

    def key_refused(self, reason: str, tenant: str = "", key: str = "") -> None:
        """Count a refused request. The tenant and the key are empty if no key of the service matches."""


class ApiKeys:
    """Finds the API key of a request, and checks what it may do (`Authorization`).

    Args:
        keys: the API keys of all tenants.
        clock: the clock.
        metrics: the counters.
    """

    def __init__(self, keys: Iterable[ApiKey], clock: Clock, metrics: KeyMetrics) -> None:
        self._keys = tuple(keys)
        self._clock = clock
        self._metrics = metrics
        self._warned_at: dict[tuple[str, str], int] = {}

    def admit(self, scope: Scope) -> None:
        """Raise a problem with status 401 for a wrong or expired key, or 403 for a key without the scope."""
        self._require(scope, self._authenticated())

    def authenticate(self) -> None:
        """Find the API key of the request. Raise a problem with status 401 for a wrong or expired key."""
        self._authenticated()

    def require(self, scope: Scope) -> None:
        """Raise a problem with status 403 unless the key of the request has the scope."""
        self._require(scope, self.current())

    def current(self) -> ApiKey:
        """Return the API key of the request, which `authenticate` has found."""
        key: ApiKey = request.environ[_KEY]
        return key

    def _authenticated(self) -> ApiKey:
        environ = request.environ
        scheme, _, rest = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        sent = rest.strip(" \t")
        key = self._find(sent)
        if key is None or scheme.lower() != "bearer":
            self._refuse_unknown(sent)
            raise Problem(Problems.UNAUTHENTICATED, headers=_CHALLENGE)
        if key.expires_at is not None:
            self._check_expiry(key, key.expires_at)
        self._metrics.key_used(key.tenant, key.id)
        environ[_KEY] = key
        context = current_request.get()
        if context is not None:
            context.key = key.id
        return key

    def _require(self, scope: Scope, key: ApiKey) -> None:
        if key.scope.includes(scope):
            return
        self._metrics.key_refused(Refusal.SCOPE, key.tenant, key.id)
        detail = f'This needs an API key with the scope "{scope}". The key "{key.id}" has the scope "{key.scope}".'
        # RFC 6750, section 3.1.
        challenge = f'{_REALM}, error="insufficient_scope", scope="{scope}"'
        members = {"scope": scope, "key_scope": key.scope}
        raise Problem(Problems.FORBIDDEN, detail, members, {"WWW-Authenticate": challenge})

    def _find(self, sent: str) -> ApiKey | None:
        """Return the key that was sent. All keys are compared, even after a match, so that the time is constant."""
        # WSGI decodes header fields as Latin-1. A key in UTF-8 becomes the same bytes again.
        digest = sha256(sent.encode("latin-1", "replace")).digest()
        compare = hmac.compare_digest
        found = [key for key in self._keys if compare(key.digest, digest)]
        return found[0] if found else None

    def _refuse_unknown(self, sent: str) -> None:
        if is_mistyped(sent):
            self._metrics.key_refused(Refusal.MISTYPED)
            raise Problem(Problems.UNAUTHENTICATED, _MISTYPED, headers=_INVALID)
        self._metrics.key_refused(Refusal.UNKNOWN)

    def _check_expiry(self, key: ApiKey, expires_at: int) -> None:
        now = self._clock.now()
        if key.expires_soon(now):
            self._warn(key, expires_at, now)
        if key.expired(now):
            self._metrics.key_refused(Refusal.EXPIRED, key.tenant, key.id)
            detail = f'The API key "{key.id}" expired at {rfc3339(expires_at)}. Ask the operator for a new one.'
            raise Problem(Problems.UNAUTHENTICATED, detail, headers=_INVALID)

    def _warn(self, key: ApiKey, expires_at: int, now: int) -> None:
        """Log that a key in use expires. A process that runs for a long time has no other occasion to say so."""
        name = key.tenant, key.id
        if now - self._warned_at.get(name, now - WARNING_INTERVAL) < WARNING_INTERVAL:
            return
        self._warned_at[name] = now
        fields: Mapping[str, str] = {"tenant": key.tenant, "key": key.id, "expires_at": rfc3339(expires_at)}
        message = "an API key that is in use has expired" if key.expired(now) else "an API key in use expires soon"
        _log.warning(message, extra={FIELDS: fields})
