"""`open-mfa reseal`."""

import sys
from argparse import Namespace
from typing import Final

from application.errors import StoreUnavailable
from infrastructure.crypto.sealing import KeyRing
from infrastructure.resealing import Resealing, Tally
from presentation.cli.conventions import DONE, REFUSED, AddParser, Refused, say
from presentation.cli.maintenance import stored

EVERY: Final = 1000
"""Credentials between two lines of progress."""
_DESCRIPTION: Final = (
    "Seals every stored secret again that is not sealed under the first of OPEN_MFA_ENCRYPTION_KEYS, while the service"
    " goes on serving. It can be interrupted, and run again. Once every instance has the new key first, and this says"
    " that nothing is sealed under a former one, that can be taken out of the setting."
)


def add(add_parser: AddParser) -> None:
    """Adds the command."""
    parser = add_parser("reseal", help="seal all secrets again, under the first key", description=_DESCRIPTION)
    parser.set_defaults(run=_run)


def _run(_options: Namespace) -> int:
    last = Tally()

    def progress(tally: Tally) -> None:
        nonlocal last
        last = tally
        if tally.looked_at % EVERY == 0:
            _tell(f"{tally.looked_at:,} credentials looked at, {tally.resealed:,} secrets sealed again")

    with stored() as (settings, core):
        keys = KeyRing(settings.keys.encryption_keys)
        try:
            return _report(Resealing(core.repository, keys).run(progress), keys)
        except StoreUnavailable as error:
            raise Refused(f"{error}. {_so_far(last)}") from None
        except KeyboardInterrupt:
            raise Refused(f"interrupted. {_so_far(last)}") from None


def _report(tally: Tally, keys: KeyRing) -> int:
    say(f"{tally.credentials:,} credentials, {tally.resealed:,} secrets sealed again")
    for name in keys.names:
        say(f"  {tally.keys[name]:,} sealed under {name}")
    say(f"  {tally.derived:,} derived, of which nothing is sealed")
    if tally.unreadable:
        say(f"  {tally.unreadable:,} can't be read: the log names them, and the key that each one needs")
    if tally.unreadable or set(tally.keys) - {keys.first}:
        say("Leave all keys where they are.")
        return REFUSED
    former = ", ".join(keys.names[1:])
    if former:
        say(f"Once every instance has {keys.first} first, {former} can be taken out of OPEN_MFA_ENCRYPTION_KEYS.")
    return DONE


def _so_far(tally: Tally) -> str:
    return f"{tally.resealed:,} secrets have been sealed again; run it once more to go on"


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - progress, apart from the answer
