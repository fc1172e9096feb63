"""No response has a member that the OpenAPI document does not name."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from werkzeug.test import TestResponse

from domain.secret import SharedSecret
from tests.presentation.api import (
    ACCOUNTS,
    ADMINISTRATOR,
    SESSION,
    Account,
    Api,
    document,
)
from tests.presentation.docs.document import validator, with_own_responses


def test_no_response_has_a_member_that_the_document_does_not_name() -> None:
    account = Account(gate_secret=SharedSecret(b"a secret of the gate"))
    openapi = without_further_members(with_own_responses(document(account.client.get("/openapi.json"))))
    wrong, statuses = [], Counter[int]()
    for path, answer in answers_of(account, list(openapi["paths"])):
        operation = openapi["paths"][path][answer.request.method.lower()]
        schema = operation["responses"][str(answer.status_code)]["content"][answer.mimetype]["schema"]
        wrong += [(path, error.message) for error in validator(openapi, schema).iter_errors(answer.get_json())]
        statuses[answer.status_code] += 1

    assert wrong == []
    assert set(statuses) >= {200, 201, 400, 401, 403, 404, 409, 429}


def without_further_members(openapi: dict[str, Any]) -> dict[str, Any]:
    """Return the document with schemas that allow only the members that they name."""
    schemas = {
        name: {**schema, "additionalProperties": False} if "properties" in schema else schema
        for name, schema in openapi["components"]["schemas"].items()
    }
    return {**openapi, "components": {**openapi["components"], "schemas": schemas}}


def answers_of(account: Account, paths: list[str]) -> Iterator[tuple[str, TestResponse]]:
    """Yield the path of the document and the response, for requests with every factor in several states."""

    def ask(method: str, body: Any = None, **credentials: Any) -> Iterator[tuple[str, TestResponse]]:
        for path in paths:
            url = path.replace("{account_id}", account.name)
            answer = account.client.open(url, method=method, json=body, **credentials)
            if answer.status_code != 405 and answer.is_json:
                yield path, answer

    key = {"headers": {"Authorization": f"Bearer {account.key}"}}
    yield from ask("GET")
    for credentials in (key, {"auth": ADMINISTRATOR}):
        yield from ask("GET", **credentials)
        # Without members these bodies enrol factors and issue codes.
        yield from ask("POST", {}, **credentials)
        yield from ask("GET", **credentials)
        yield from ask("POST", {"no such member": 1}, **credentials)
    session = Api(account.redis, account.clock)
    session.app, session.client = account.app, account.client
    for owner, base in ((account, f"{ACCOUNTS}/{{account_id}}"), (session, SESSION)):
        owner.delete()
        yield from verdicts(owner, base)
        yield from ask("POST", {}, **key)
        yield from ask("GET", **key)
    codes = account.recovery_codes()
    yield f"{ACCOUNTS}/{{account_id}}/challenge", account.challenge(codes[0])
    yield f"{ACCOUNTS}/{{account_id}}/recovery-codes/verify", account.post("recovery-codes/verify", {"code": codes[1]})


def verdicts(owner: Api, base: str) -> Iterator[tuple[str, TestResponse]]:
    """Yield the responses to valid, spent, wrong and locked codes of every factor."""
    for factor, enrolled in {name: owner.enrol(name) for name in ("hotp", "totp")}.items():
        for ahead in (0, 0, 1):
            yield f"{base}/{factor}/verify", owner.verify(factor, owner.good_code(factor, enrolled, ahead))
        codes = [owner.good_code(factor, enrolled, ahead) for ahead in (2, 3)]
        yield f"{base}/{factor}/resync", owner.post(f"{factor}/resync", {"codes": codes})
    yield f"{base}/otp/verify", owner.verify("otp", owner.enrol("otp")["code"])
    for _ in range(7):
        yield f"{base}/hotp/verify", owner.verify("hotp", "000000")
