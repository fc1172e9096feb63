"""The receiver's check in the page about the webhook accepts the service's requests and no others."""

import json
import re
import time
from typing import Any

from infrastructure.delivery.webhook import Webhook
from tests.infrastructure.delivery.servers import Receiver, message
from tests.support.documents import block, page
from tests.support.fakes import FakeClock

PAGE = page("reference/webhook")
SECRET = "a secret of thirty-two chars: é!"


def test_the_check_accepts_a_request_of_the_service_only() -> None:
    names: dict[str, Any] = {}
    exec(block(PAGE, "import hmac", "python"), names)
    is_genuine = names["is_genuine"]
    with Receiver() as receiver:
        Webhook(receiver.url, SECRET, FakeClock(int(time.time()))).send(message("+15550100"))
    request = receiver.request
    stale = {**request.headers, "Open-MFA-Timestamp": str(int(time.time()) - 301)}

    assert is_genuine(SECRET, request.headers, request.body)
    assert not is_genuine("another secret", request.headers, request.body)
    assert not is_genuine(SECRET, request.headers, request.body + b" ")
    assert not is_genuine(SECRET, stale, request.body)


def test_the_sample_has_the_members_of_a_request() -> None:
    (sample,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    with Receiver() as receiver:
        Webhook(receiver.url, SECRET, FakeClock(0)).send(message("+15550100", language="de-AT"))

    assert json.loads(sample).keys() == receiver.request.json().keys()
