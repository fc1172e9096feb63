"""`open-mfa reseal`: seal all secrets under the first encryption key."""

from argparse import Namespace
from typing import TYPE_CHECKING, Final

from application.errors import StoreUnavailable
from presentation.cli.arguments import AddParser
from presentation.cli.output import DONE, REFUSED, Refused, say, tell

if TYPE_CHECKING:
    from infrastructure.crypto.sealing import KeyRing
    from infrastructure.resealing import Tally
    from presentation.cli.wiring import Maintenance

EVERY: Final = 1000
"""The number of credentials between two lines of progress."""


def add(add_parser: AddParser) -> None:
    """Add the command."""
    parser = add_parser(
        "reseal",
        help="seal all stored secrets under the first encryption key",
        description="Reseal each stored secret that is not sealed under the first key of OPEN_MFA_ENCRYPTION_KEYS. The"
        " service can run in the meantime. You can interrupt this command and run it again.",
        examples=("reseal",),
        notes="When the new key is the first one on every instance, and this command reports that no secret is sealed"
        " under a former key, remove the former key from the setting.",
    )
    parser.set_defaults(run=_run)


def _run(options: Namespace) -> int:
    last: Tally | None = None

    def progress(tally: "Tally") -> None:
        nonlocal last
        last = tally
        if tally.looked_at % EVERY == 0:
            tell(f"checked {tally.looked_at:,} credentials, sealed {tally.resealed:,} secrets again")

    maintenance: Maintenance
    with options.wiring.maintenance() as maintenance:
        try:
            return _report(maintenance.resealing.run(progress), maintenance.keys)
        except StoreUnavailable as error:
            raise Refused(f"{error}. {_so_far(last)}") from None
        except KeyboardInterrupt:
            raise Refused(f"interrupted. {_so_far(last)}") from None


def _report(tally: "Tally", keys: "KeyRing") -> int:
    say(f"{tally.credentials:,} credentials, {tally.resealed:,} secrets sealed again")
    for name in keys.names:
        say(f"  {tally.keys[name]:,} sealed under {name}")
    say(f"  {tally.derived:,} derived and not stored")
    if tally.unreadable:
        say(f"  {tally.unreadable:,} can't be read: the log names each of them and the key that it needs")
    if tally.unreadable or set(tally.keys) - {keys.first}:
        say("Keep all keys in OPEN_MFA_ENCRYPTION_KEYS.")
        return REFUSED
    former = ", ".join(keys.names[1:])
    if former:
        say(f"When {keys.first} is first on every instance, you can remove {former} from OPEN_MFA_ENCRYPTION_KEYS.")
    return DONE


def _so_far(tally: "Tally | None") -> str:
    resealed = 0 if tally is None else tally.resealed
    return f"So far, {resealed:,} secrets were sealed again. Run the command again to continue"
