"""Call the service with the client that openapi-python-client generates, and print the result of each step.

Arguments: the service's URL, an API key, the name and the password of an administrator.
"""

import json
import sys
from typing import Any

from client import AuthenticatedClient, Client
from client.api.account import account_get_all, account_post_challenge
from client.api.account_hotp import account_post_hotp, account_post_hotp_replacement, account_post_hotp_verify
from client.api.account_one_time_code import account_get_otp, account_post_otp, account_post_otp_verify
from client.api.account_recovery_codes import account_post_recovery_codes, account_post_recovery_codes_verify
from client.api.account_totp import account_get_totp_qr, account_post_totp
from client.api.administration import admin_get_server
from client.api.session import session_get_all
from client.api.session_hotp import session_get_hotp, session_post_hotp, session_post_hotp_verify
from client.models import Challenge, EnrolAccountTotp, EnrolHotp, IssueCode, ReplaceHotp, Verify, VerifyRecovery
from client.types import Response

base, api_key, user, password = sys.argv[1:]
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
CODES = ("755224", "287082", "359152")
account = "auth0|openapi-python-client;a=b,c[1]&d+$e~f"
steps: dict[str, Any] = {}


def note(step: str, response: Response[Any], **members: Any) -> Any:
    steps[step] = {"status": int(response.status_code), "model": type(response.parsed).__name__, **members}
    return response.parsed


def factors(parsed: Any) -> list[str]:
    return sorted(type(factor).__name__ for factor in parsed.factors)


def replacements(parsed: Any) -> list[str]:
    """Return the types of the members, including null. A parsed time proves that the object was read."""
    found = [factor.replacement for factor in parsed.factors if hasattr(factor, "replacement")]
    assert all(replacement.created_at.year > 2020 for replacement in found if replacement is not None)
    return sorted("null" if replacement is None else type(replacement).__name__ for replacement in found)


shop = AuthenticatedClient(base_url=base, token=api_key)
answer = account_post_hotp.sync_detailed(account, client=shop, body=EnrolHotp(secret=SECRET))
note("enrol", answer, state=answer.parsed.status.value)
answer = account_post_hotp_verify.sync_detailed(account, client=shop, body=Verify(CODES[0]))
note("confirm", answer, state=answer.parsed.status.value)
answer = account_post_challenge.sync_detailed(account, client=shop, body=Challenge(CODES[1]))
note("challenge", answer, factor=answer.parsed.factor.value)
answer = account_post_challenge.sync_detailed(account, client=shop, body=Challenge(CODES[1]))
note("replay", answer, reason=answer.parsed.reason.value)
codes = note("recovery codes", account_post_recovery_codes.sync_detailed(account, client=shop)).codes
answer = account_post_recovery_codes_verify.sync_detailed(account, client=shop, body=VerifyRecovery(codes[0]))
note("recovery code", answer, remaining=answer.parsed.remaining)
account_post_totp.sync_detailed(account, client=shop, body=EnrolAccountTotp())
answer = account_get_totp_qr.sync_detailed(account, client=shop)
note("picture", answer, start=answer.content[:5].decode())
answer = account_get_all.sync_detailed(account, client=shop)
note("account", answer, factors=factors(answer.parsed), replacements=replacements(answer.parsed))
account_post_hotp_replacement.sync_detailed(account, client=shop, body=ReplaceHotp())
answer = account_get_all.sync_detailed(account, client=shop)
note("account with a replacement", answer, replacements=replacements(answer.parsed))
issued = note("one-time code", account_post_otp.sync_detailed(account, client=shop, body=IssueCode(digits=8)))
answer = account_post_otp_verify.sync_detailed(account, client=shop, body=Verify(issued.code))
note("verify the one-time code", answer, factor=answer.parsed.factor.value)
note("not enrolled", account_get_otp.sync_detailed(f"{account}-unknown", client=shop))

stranger = Client(base_url=base)
answer = session_post_hotp.sync_detailed(client=stranger, body=EnrolHotp(secret=SECRET))
cookie = answer.headers["set-cookie"].partition(";")[0].partition("=")
note("session", answer)
person = Client(base_url=base, cookies={cookie[0]: cookie[2]})
answer = session_post_hotp_verify.sync_detailed(client=person, body=Verify(CODES[0]))
note("confirm in the session", answer, state=answer.parsed.status.value)
note("factor of the session", session_get_hotp.sync_detailed(client=person))
answer = session_get_all.sync_detailed(client=person)
note("list of the session", answer, factors=factors(answer.parsed))
for _ in range(5):
    session_post_hotp_verify.sync_detailed(client=person, body=Verify("000000"))
note("locked", session_post_hotp_verify.sync_detailed(client=person, body=Verify("000000")))

administrator = Client(base_url=base, httpx_args={"auth": (user, password)})
answer = admin_get_server.sync_detailed(client=administrator)
note("server", answer, state=answer.parsed.status.value, century=answer.parsed.datetime_[:2])
sys.stdout.write(json.dumps(steps))
