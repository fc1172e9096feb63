"""Call the service with the client that openapi-generator generates, and print the result of each step.

Arguments: the service's URL, an API key, the name and the password of an administrator.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from openapi_client import ApiClient, ApiException, Configuration, api
from openapi_client.models import Challenge, EnrolAccountTotp, EnrolHotp, IssueCode, ReplaceHotp, Verify, VerifyRecovery

base, api_key, user, password = sys.argv[1:]
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
CODES = ("755224", "287082", "359152")
account = "auth0|openapi-generator;a=b,c[1]&d+$e~f"
steps: dict[str, Any] = {}


def of_union(parsed: Any) -> Any:
    """Return the object inside the wrapper that the generator makes for a union."""
    return getattr(parsed, "actual_instance", parsed)


def note(step: str, call: Callable[..., Any], *arguments: Any, **members: Callable[[Any], Any]) -> Any:
    """Make a call, record status, model and members of the answer, and return the answer with its headers."""
    try:
        answer = call(*arguments)
        status, parsed = answer.status_code, answer.data
    except ApiException as error:
        answer, status, parsed = error, error.status, of_union(error.data)
    shown = {name: read(parsed) for name, read in members.items()}
    steps[step] = {"status": status, "model": type(parsed).__name__, **shown}
    return answer


def state(parsed: Any) -> str:
    return str(parsed.status.value)


def factors(parsed: Any) -> list[str]:
    return sorted(type(of_union(factor)).__name__ for factor in parsed.factors)


def replacements(parsed: Any) -> list[str]:
    """Return the types of the members, including null. A parsed time proves that the object was read."""
    credentials = [of_union(factor) for factor in parsed.factors]
    found = [credential.replacement for credential in credentials if hasattr(credential, "replacement")]
    assert all(replacement.created_at.year > 2020 for replacement in found if replacement is not None)
    return sorted("null" if replacement is None else type(replacement).__name__ for replacement in found)


shop = ApiClient(Configuration(host=base, access_token=api_key))
accounts, hotp, totp = api.AccountApi(shop), api.AccountHOTPApi(shop), api.AccountTOTPApi(shop)
recovery, otp = api.AccountRecoveryCodesApi(shop), api.AccountOneTimeCodeApi(shop)
note("enrol", hotp.account_post_hotp_with_http_info, account, EnrolHotp(secret=SECRET), state=state)
note("confirm", hotp.account_post_hotp_verify_with_http_info, account, Verify(code=CODES[0]), state=state)
challenge = accounts.account_post_challenge_with_http_info
note("challenge", challenge, account, Challenge(code=CODES[1]), factor=lambda parsed: parsed.factor.value)
note("replay", challenge, account, Challenge(code=CODES[1]), reason=lambda parsed: parsed.reason.value)
codes = note("recovery codes", recovery.account_post_recovery_codes_with_http_info, account).data.codes
note(
    "recovery code",
    recovery.account_post_recovery_codes_verify_with_http_info,
    account,
    VerifyRecovery(code=codes[0]),
    remaining=lambda parsed: parsed.remaining,
)
totp.account_post_totp(account, EnrolAccountTotp())
note("picture", totp.account_get_totp_qr_with_http_info, account, start=lambda parsed: bytes(parsed)[:5].decode())
describe = accounts.account_get_all_with_http_info
note("account", describe, account, factors=factors, replacements=replacements)
hotp.account_post_hotp_replacement(account, ReplaceHotp())
note("account with a replacement", describe, account, replacements=replacements)
issued = note("one-time code", otp.account_post_otp_with_http_info, account, IssueCode(digits=8)).data
verify_otp = otp.account_post_otp_verify_with_http_info
note(
    "verify the one-time code",
    verify_otp,
    account,
    Verify(code=issued.code),
    factor=lambda parsed: parsed.factor.value,
)
note("not enrolled", otp.account_get_otp_with_http_info, f"{account}-unknown")

stranger = api.SessionHOTPApi(ApiClient(Configuration(host=base)))
started = note("session", stranger.session_post_hotp_with_http_info, EnrolHotp(secret=SECRET))
cookie = started.headers["Set-Cookie"].partition(";")[0].partition("=")[2]
browser = ApiClient(Configuration(host=base, api_key={"session": cookie}))
person = api.SessionHOTPApi(browser)
verify = person.session_post_hotp_verify_with_http_info
note("confirm in the session", verify, Verify(code=CODES[0]), state=state)
note("factor of the session", person.session_get_hotp_with_http_info)
note("list of the session", api.SessionApi(browser).session_get_all_with_http_info, factors=factors)
for _ in range(5):
    note("wrong", verify, Verify(code="000000"))
del steps["wrong"]
note("locked", verify, Verify(code="000000"))

administrator = api.AdministrationApi(ApiClient(Configuration(host=base, username=user, password=password)))
note("server", administrator.admin_get_server_with_http_info, state=state, century=lambda parsed: parsed.datetime[:2])
sys.stdout.write(json.dumps(steps))
