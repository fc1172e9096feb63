"""`open-mfa account show|unlock|delete ID`: maintain one account."""

import json
from argparse import Namespace
from collections.abc import Sequence
from typing import Final

from domain.errors import InvalidValue
from domain.owner import Owner
from presentation.cli.arguments import AddParser
from presentation.cli.output import DONE, Refused, say
from presentation.cli.wiring import Maintenance

_HELP: Final = {
    "show": "print the account's credentials as JSON, without secrets",
    "unlock": "clear the counts of wrong codes, and the locks",
    "delete": "delete all credentials of the account",
}


def add(add_parser: AddParser) -> None:
    """Add the command."""
    parser = add_parser(
        "account",
        help="show, unlock or delete an account",
        description="Show, unlock or delete an account.",
        examples=tuple(f"account {action} alice" for action in _HELP),
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, text in _HELP.items():
        command = actions.add_parser(
            action,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            examples=(f"account {action} alice", f"account {action} alice --tenant shop"),
        )
        command.add_argument("id", metavar="ID", help="the account's id in the application")
        command.add_argument(
            "--tenant", help="the name of the account's API key; required if OPEN_MFA_API_KEYS has several names"
        )
        command.set_defaults(run=_run)


def _run(options: Namespace) -> int:
    maintenance: Maintenance
    with options.wiring.maintenance() as maintenance:
        try:
            owner = Owner.of_account(_tenant(maintenance.tenants, options.tenant), options.id)
        except InvalidValue as error:
            raise Refused(f"the account's id {error}") from None
        if options.action == "unlock":
            maintenance.unlock.execute(owner)
            say(f"The account {owner.account} is unlocked.")
        elif options.action == "delete":
            maintenance.forget.execute(owner)
            say(f"All credentials of the account {owner.account} are deleted.")
        else:
            _show(owner, maintenance)
    return DONE


def _show(owner: Owner, maintenance: Maintenance) -> None:
    # The serializers load Flask.
    from presentation.http.factors.serializers import describe_credential  # noqa: PLC0415

    now = maintenance.clock.now()
    factors = [describe_credential(each, now) for each in maintenance.describe_all.execute(owner)]
    say(json.dumps({"tenant": owner.tenant, "account_id": owner.account, "factors": factors}, indent=2))


def _tenant(tenants: Sequence[str], name: str | None) -> str:
    if name in tenants:
        return str(name)
    if name is not None:
        raise Refused(f"OPEN_MFA_API_KEYS has no key with this name; it has {', '.join(tenants) or 'none'}")
    if len(tenants) != 1:
        raise Refused(f"name the tenant with --tenant: {', '.join(tenants) or 'OPEN_MFA_API_KEYS is not set'}")
    return tenants[0]
