"""`open-mfa account show|unlock|delete ID`."""

import json
from argparse import Namespace
from typing import TYPE_CHECKING, Final

from domain.errors import InvalidValue
from domain.owner import Owner
from infrastructure.settings import Settings
from presentation.cli.conventions import DONE, AddParser, Refused, say
from presentation.cli.maintenance import stored
from presentation.http.factors.serializers import describe_credential

if TYPE_CHECKING:
    from presentation.bootstrap.container import Container

_HELP: Final = {
    "show": "show what is enrolled, as JSON; never a secret",
    "unlock": "clear failure counts and locks",
    "delete": "forget everything of the account, at once",
}


def add(add_parser: AddParser) -> None:
    """Adds the command."""
    parser = add_parser("account", help="look after one account", description="Looks after one account.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, text in _HELP.items():
        command = actions.add_parser(action, help=text, description=f"{text[0].upper()}{text[1:]}.")
        command.add_argument("id", metavar="ID", help="the account, as the application knows it")
        command.add_argument(
            "--tenant", help="the name of the API key whose account it is; needed where there are several"
        )
        command.set_defaults(run=_run)


def _run(options: Namespace) -> int:
    with stored() as (settings, core):
        try:
            owner = Owner.of_account(_tenant(settings, options.tenant), options.id)
        except InvalidValue as error:
            raise Refused(f"the account's id {error}") from None
        _do(options.action, core, owner)
    return DONE


def _do(action: str, core: "Container", owner: Owner) -> None:
    if action == "unlock":
        core.accounts.unlock.execute(owner)
        say(f"{owner.account} is unlocked")
    elif action == "delete":
        core.factors.forget.execute(owner)
        say(f"nothing is left of {owner.account}")
    else:
        now = core.clock.now()
        factors = [describe_credential(each, now) for each in core.factors.describe_all.execute(owner)]
        say(json.dumps({"tenant": owner.tenant, "account_id": owner.account, "factors": factors}, indent=2))


def _tenant(settings: Settings, named: str | None) -> str:
    names = list(dict.fromkeys(name for name, _ in settings.accounts.api_keys))
    if named in names:
        return str(named)
    if named is not None:
        raise Refused(f"OPEN_MFA_API_KEYS has no key of that name; it has {', '.join(names) or 'none'}")
    if len(names) != 1:
        raise Refused(f"name the tenant with --tenant: {', '.join(names) or 'OPEN_MFA_API_KEYS is not set'}")
    return names[0]
