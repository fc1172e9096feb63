"""`open-mfa doctor`: report the parts of the set-up that must change before production."""

import logging
from argparse import Namespace

from presentation.cli.arguments import AddParser
from presentation.cli.output import DONE, REFUSED, say


def add(add_parser: AddParser) -> None:
    """Add the command."""
    parser = add_parser(
        "doctor",
        help="check the settings and the store before production",
        description="Check the settings (the same environment variables as for `serve`), the strength of their"
        " secrets, and every Redis master: version, eviction policy, persistence, TLS, clock, and each command that the"
        " service needs, with keys that only the doctor uses. Print one line for each finding.",
        examples=("doctor",),
        notes="The exit status is 1 if something must change. In development mode, findings that matter only in"
        " production are warnings.",
    )
    parser.set_defaults(run=_run)


def _run(options: Namespace) -> int:
    # The Redis client takes a while to load, and other commands do not need it.
    from infrastructure.settings import SettingsError  # noqa: PLC0415
    from presentation.cli.doctor.diagnosis import diagnose  # noqa: PLC0415
    from presentation.cli.doctor.finding import Finding, Grade  # noqa: PLC0415

    log = logging.getLogger("open_mfa")
    level = log.level
    # Each failure is a finding. The lines that the service would log about it repeat it without its explanation.
    log.setLevel(logging.CRITICAL + 1)
    try:
        findings = diagnose(options.wiring.load_settings())
    except SettingsError as error:
        findings = [
            Finding(Grade.MUST_CHANGE, f"{name}: {' '.join(error.problems[name])}") for name in sorted(error.problems)
        ]
    finally:
        log.setLevel(level)
    for finding in findings:
        say(str(finding))
    return REFUSED if any(finding.grade is Grade.MUST_CHANGE for finding in findings) else DONE
