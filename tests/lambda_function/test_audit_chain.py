"""The chain of an environment of AWS Lambda: it is anchored within requests, and ends without notice."""

import base64
import json

from infrastructure.observability.audit_chain.anchor import read_anchor
from tests.infrastructure.audit.trail import PLAIN_SECRETS, kinds, verified
from tests.lambda_function.conftest import SETTINGS
from tests.support.lambda_events import KINDS, LambdaClient
from tests.support.redis_server import RedisServer
from tests.support.runtime_api import Environment

KEY = base64.b64encode(bytes(range(32))).decode()


def test_the_chain_of_an_environment_is_anchored_within_the_request() -> None:
    with RedisServer() as redis:
        settings = SETTINGS | {"OPEN_MFA_REDIS_URL": redis.url, "OPEN_MFA_AUDIT_KEY": KEY}
        with Environment(**settings) as environment:
            client = LambdaClient(environment.invoke, next(iter(KINDS.values())))
            assert client.ask("POST", "/api/v1/session/totp", {}).status == 201
            keys = redis.client().keys("open-mfa:audit-anchor:*")
            (anchor,) = [read_anchor(redis.client().get(key).decode()) for key in keys]
            assert client.ask("POST", "/api/v1/session/hotp", {}).status == 201
            lines = [line for line in environment.lines() if line.get("logger") == "open_mfa.audit"]
            assert [line["seq"] for line in lines] == [0, 1, 2]
            assert [line["message"] for line in lines] == ["chain-started", "enrolled", "enrolled"]
            # The next anchor is due a minute later.
            assert (anchor.seq, anchor.source.partition("@")[0]) == (1, "function")
            content = "".join(f"{json.dumps(line, separators=(',', ':'))}\n" for line in lines).encode()
        assert verified(content, secrets=PLAIN_SECRETS, anchors=[anchor]).is_intact
        first, second, _ = content.splitlines(keepends=True)
        assert verified(first + second, secrets=PLAIN_SECRETS, anchors=[anchor]).is_intact
        assert kinds(verified(first, secrets=PLAIN_SECRETS, anchors=[anchor])) == {"truncated"}
