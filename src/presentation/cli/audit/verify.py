"""`open-mfa audit verify FILE…|-`: find changed, missing and inserted lines of the audit trail."""

import re
import time
from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Final

from presentation.cli.arguments import SECRETS_AS_ARGUMENTS, AddParser
from presentation.cli.output import USAGE, Refused, tell

if TYPE_CHECKING:
    from infrastructure.observability.audit_chain.anchor import Anchor
    from infrastructure.observability.audit_verification import Options, Secrets
    from presentation.cli.audit.exports import Anchors
    from presentation.cli.wiring import Maintenance

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,3})?Z)?")


def add(add_parser: AddParser) -> None:
    """Add the command."""
    parser = add_parser(
        "verify",
        help="find changed, missing and inserted lines",
        description="Verify the lines of the audit trail in files of logs: of the service, journald, Docker, Compose,"
        " Kubernetes or CloudWatch, also compressed with gzip.",
        examples=(
            "audit verify /var/log/open-mfa.log",
            "audit verify --private-key @auditor.key --anchors anchors.jsonl audit.log.1 audit.log",
            "audit verify --no-anchors -",
        ),
        notes="The exit status is 0 if the trail is intact, 1 if it is not, 3 if there is nothing to verify, and 2 if"
        f" it could not be verified. {SECRETS_AS_ARGUMENTS}",
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help="a file of logs; - for standard input")
    parser.add_argument(
        "--key",
        metavar="KEY",
        action="append",
        help="the audit key in base64, or @FILE; several if it was replaced (default: OPEN_MFA_AUDIT_KEY)",
    )
    parser.add_argument(
        "--private-key", metavar="KEY", action="append", help="the auditor's private key in base64, or @FILE"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--anchors",
        metavar="FILE",
        action="append",
        help="an export of `open-mfa audit anchors` (default: the anchors of the store)",
    )
    source.add_argument("--no-anchors", action="store_true", help="verify without anchors: a lost end is not found")
    parser.add_argument(
        "--after", metavar="FILE", action="append", help="an export; the lines that it names may be in older files"
    )
    parser.add_argument("--until", metavar="TIME", type=_time, help="lines after this time (UTC) may be missing")
    parser.add_argument(
        "--without",
        metavar="PATTERN",
        action="append",
        help="chains of these sources may be missing, such as command@*",
    )
    parser.add_argument("--unordered", action="store_true", help="lines may be in any order")
    parser.add_argument("--allow-plain", action="store_true", help="with a private key, accept chains without a secret")
    parser.set_defaults(run=_run)


def _run(options: Namespace) -> int:
    from infrastructure.observability.audit_verification import verify  # noqa: PLC0415 - only this command needs it
    from presentation.cli.audit.reopened_files import opened_twice  # noqa: PLC0415
    from presentation.cli.audit.verdict import show, status_of  # noqa: PLC0415

    try:
        secrets, rules = _secrets(options), _rules(options)
        with opened_twice(options.files) as sources:
            result = verify(sources, secrets, rules)
    except (Refused, OSError) as error:
        # 1 would mean that the trail is not intact.
        tell(f"open-mfa: {error}")
        return USAGE
    show(result, rules, has_private_key=bool(secrets.private_keys))
    return status_of(result)


def _secrets(options: Namespace) -> "Secrets":
    from infrastructure.observability.audit_verification import Secrets  # noqa: PLC0415
    from presentation.cli.audit.keys import keys_of, private_keys_of  # noqa: PLC0415

    keys = keys_of(options.key, options.wiring.audit_key)
    return Secrets(keys, private_keys_of(options.private_key))


def _rules(options: Namespace) -> "Options":
    from infrastructure.observability.audit_verification import Options  # noqa: PLC0415
    from presentation.cli.audit.exports import Anchors  # noqa: PLC0415

    anchors = Anchors()
    return Options(
        now=time.time(),
        anchors=None if options.no_anchors or options.anchors else _stored(options, anchors),
        exported=None if options.anchors is None else anchors.in_files(options.anchors),
        baseline=anchors.in_files(options.after or ()),
        unreadable=anchors.unreadable,
        until=options.until,
        without=options.without or (),
        unordered=options.unordered,
        allow_plain=options.allow_plain,
    )


def _stored(options: Namespace, anchors: "Anchors") -> "list[Anchor]":
    maintenance: Maintenance
    try:
        with options.wiring.maintenance() as maintenance:
            return anchors.among(maintenance.audit_anchors.all(), "the store")
    except Refused as error:
        remedy = "use --anchors FILE or --no-anchors, or correct this"
        raise Refused(f"can't read the anchors of the store; {remedy}: {error}") from None


def _time(text: str) -> str:
    if not _TIME.fullmatch(text):
        raise ArgumentTypeError("must be a time in UTC such as 2026-11-28 or 2026-11-28T03:40:00Z")
    # The order of times as texts is their order in time.
    day, _, clock = text.rstrip("Z").partition("T")
    seconds, _, fraction = (clock or "00:00:00").partition(".")
    return f"{day}T{seconds}.{fraction:0<3}Z"
