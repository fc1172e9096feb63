"""The first steps, printed at the start. They are not log records, because they contain secrets for development."""

import sys
from importlib.metadata import version
from typing import Final

from application.enrolment import EnrolRequest, build
from application.provisioning import key_uri
from domain.credential import Lifecycle
from domain.failures import NO_FAILURES
from domain.owner import Owner, OwnerKind
from domain.parameters import TotpParameters
from domain.secret import SharedSecret
from infrastructure.qr import qr_on_terminal
from infrastructure.settings import Settings

_GATE: Final = """
  To log in at the gate, scan this code with an authenticator app:

{picture}

{uri}
"""
_LINKS: Final = """
  Open-MFA {version} runs in development mode. Press Ctrl+C to stop it.

    Try it       {url}/
    Swagger UI   {url}/docs
"""
_GATE_LINK: Final = """\
    Gate         {url}/auth/login
"""
_API_KEY: Final = """\
    API key      {key}

  The API key belongs to the tenant "{tenant}". It is valid until the
  process exits. In Swagger UI, select Authorize and enter it. In another
  terminal, enrol an account with it:

    curl -X POST {url}/api/v1/accounts/alice/totp \\
      -H "Authorization: Bearer {key}"
"""


def welcome(settings: Settings, url: str) -> None:
    """Print the gate's QR code if the settings require it. In development, also print the first steps.

    Args:
        settings: the settings.
        url: the URL of the service, without a slash at its end.
    """
    text = ""
    if settings.gate.show_qr and settings.gate.shared_secret is not None:
        uri = _gate_uri(settings.enrolment.issuer, settings.gate.shared_secret)
        text += _GATE.format(picture=qr_on_terminal(uri, colours=sys.stderr.isatty()), uri=uri)
    if settings.development:
        text += _LINKS.format(version=version("open-mfa"), url=url)
        if settings.gate.shared_secret is not None:
            text += _GATE_LINK.format(url=url)
        if settings.generated_api_key is not None:
            text += _API_KEY.format(url=url, key=settings.generated_api_key, tenant=settings.accounts.api_keys[0][0])
    if text:
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - not a log record, see above


def _gate_uri(issuer: str, secret: SharedSecret) -> str:
    request = EnrolRequest(Owner(OwnerKind.GATE, "gate"), None, TotpParameters(), secret=secret)
    return key_uri(build(request, secret, Lifecycle.starting(0, None), NO_FAILURES), issuer)
