"""`open-mfa account list` and `open-mfa account show|unlock|delete ID`: list the accounts, and maintain one."""

import json
from argparse import Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from application.errors import InvalidCursor
from domain.errors import InvalidValue, NotEnrolled
from domain.owner import CredentialId, Owner
from presentation.cli.arguments import AddParser, Parser, whole
from presentation.cli.output import DONE, Refused, say
from presentation.cli.tenant import tenant_of
from presentation.cli.wiring import Maintenance
from presentation.http.factors.serializers import describe_credential

if TYPE_CHECKING:
    from collections.abc import Iterator

    from application.account_list import AccountPage

_HELP: Final = {
    "show": "print the account's credentials as JSON, without secrets",
    "unlock": "clear the counts of wrong codes, and the locks",
    "delete": "delete all credentials of the account, or one authenticator",
}


def add(add_parser: AddParser) -> None:
    """Add the command."""
    parser = add_parser(
        "account",
        help="list the accounts; show, unlock or delete an account",
        description="List the accounts of a tenant, or show, unlock or delete one account.",
        examples=("account list", *(f"account {action} alice" for action in _HELP)),
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_list(actions.add_parser)
    for action, text in _HELP.items():
        command = actions.add_parser(
            action,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            examples=(f"account {action} alice", f"account {action} alice --tenant shop"),
        )
        command.add_argument("id", metavar="ID", help="the account's id in the application")
        if action == "delete":
            command.add_argument(
                "--authenticator",
                metavar="ID",
                help="delete only this authenticator, such as totp or totp-7k2m9q4x8d; show prints the ids",
            )
        _add_tenant(command)
        command.set_defaults(run=_run)


def _add_list(add_parser: AddParser) -> None:
    command = add_parser(
        "list",
        help="print the accounts of a tenant as JSON",
        description="Print a page of the accounts of a tenant as JSON, or all accounts, one on each line.",
        examples=("account list --tenant shop --limit 500", "account list --all | sort -u"),
        notes="The accounts have no order. An account can appear more than once. To get the next page, pass the member"
        " next of a page as --cursor, until it is null.",
    )
    _add_tenant(command)
    command.add_argument(
        "--limit", metavar="N", type=whole(1, 500), default=100, help="at most N accounts on a page: 1 to 500 (100)"
    )
    command.add_argument("--cursor", help="the member next of the previous page")
    command.add_argument("--all", action="store_true", help="print all accounts, one on each line")
    command.set_defaults(run=_list)


def _add_tenant(command: Parser) -> None:
    command.add_argument(
        "--tenant", help="the name of the account's API key; required if OPEN_MFA_API_KEYS has several names"
    )


def _list(options: Namespace) -> int:
    maintenance: Maintenance
    with options.wiring.maintenance() as maintenance:
        pages = _pages(maintenance, tenant_of(maintenance.tenants, options.tenant), options)
        try:
            if options.all:
                for page in pages:
                    for account in page.accounts:
                        say(json.dumps(asdict(account)))
            else:
                say(json.dumps(asdict(next(pages)), indent=2))
        except InvalidCursor:
            raise Refused("the cursor is not from a page of this tenant") from None
    return DONE


def _pages(maintenance: Maintenance, tenant: str, options: Namespace) -> "Iterator[AccountPage]":
    cursor = options.cursor
    while True:
        page = maintenance.list_accounts.execute(tenant, cursor, options.limit)
        yield page
        cursor = page.next
        if cursor is None:
            return


def _run(options: Namespace) -> int:
    maintenance: Maintenance
    with options.wiring.maintenance() as maintenance:
        try:
            owner = Owner.of_account(tenant_of(maintenance.tenants, options.tenant), options.id)
        except InvalidValue as error:
            raise Refused(f"the account's id {error}") from None
        if options.action == "unlock":
            maintenance.unlock.execute(owner)
            say(f"The account {owner.account} is unlocked.")
        elif options.action == "delete" and options.authenticator is not None:
            _delete_one(owner, options.authenticator, maintenance)
        elif options.action == "delete":
            maintenance.forget.execute(owner)
            say(f"All credentials of the account {owner.account} are deleted.")
        else:
            _show(owner, maintenance)
    return DONE


def _delete_one(owner: Owner, authenticator: str, maintenance: Maintenance) -> None:
    try:
        maintenance.remove.execute(CredentialId.of_authenticator(owner, authenticator))
    except (InvalidValue, NotEnrolled):
        raise Refused(f"the account {owner.account} has no authenticator {authenticator!r}") from None
    say(f"The authenticator {authenticator} of the account {owner.account} is deleted.")


def _show(owner: Owner, maintenance: Maintenance) -> None:
    now = maintenance.clock.now()
    factors = [describe_credential(each, now) for each in maintenance.describe_all.execute(owner)]
    say(json.dumps({"tenant": owner.tenant, "account_id": owner.account, "factors": factors}, indent=2))
