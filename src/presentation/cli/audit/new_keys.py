"""`open-mfa audit new-keys`: print new keys of the audit trail."""

import base64
import secrets
from argparse import Namespace

from infrastructure.observability.audit_chain import construction
from presentation.cli.arguments import AddParser
from presentation.cli.output import DONE, say


def add(add_parser: AddParser) -> None:
    """Add the command."""
    parser = add_parser(
        "new-keys",
        help="print new keys of the audit trail",
        description="Print a new audit key, and a new pair of keys of the auditor.",
        examples=("audit new-keys",),
        notes="Run it on the auditor's machine. The service gets the first two lines as its settings. The private key"
        " stays with the auditor. Without OPEN_MFA_AUDIT_PUBLIC_KEY, somebody who takes over the service can rewrite"
        " all lines.",
    )
    parser.set_defaults(run=_run)


def _run(_options: Namespace) -> int:
    private_key = secrets.token_bytes(construction.KEY_BYTES)
    say(f"OPEN_MFA_AUDIT_KEY={_text(secrets.token_bytes(construction.KEY_BYTES))}")
    say(f"OPEN_MFA_AUDIT_PUBLIC_KEY={_text(construction.public_key(private_key))}")
    say("# The auditor's private key. Never give it to the service:")
    say(f"# {_text(private_key)}")
    return DONE


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode("ascii")
