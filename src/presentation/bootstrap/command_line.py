"""The command `open-mfa`: the command line with the parts of the service that its commands use.

Flask, gunicorn and the Redis client take a while to load. So each function imports what it uses, and `open-mfa --help`
and the commands without a store stay fast.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from presentation import cli
from presentation.cli.output import Refused
from presentation.cli.wiring import Maintenance, Wiring

if TYPE_CHECKING:
    from infrastructure.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status.

    Args:
        arguments: the arguments; None for those of the process.
    """
    return cli.run(arguments, Wiring(_load_settings, _serve, _audit_key, _maintenance))


def _load_settings() -> "Settings":
    from infrastructure.settings import load  # noqa: PLC0415

    return load(os.environ)


def _audit_key() -> bytes | None:
    from infrastructure.settings import SettingsError, audit_key_of  # noqa: PLC0415

    try:
        return audit_key_of(os.environ)
    except SettingsError as error:
        raise Refused(str(error)) from None


def _serve() -> None:
    from infrastructure.settings import SettingsError, checked_address  # noqa: PLC0415

    try:
        settings = checked_address(_load_settings())
    except SettingsError as error:
        raise Refused(str(error)) from None
    # gunicorn reads this variable when it is imported, and fails if it is empty, which Compose makes it by default.
    if not os.environ.get("WEB_CONCURRENCY", "1"):
        del os.environ["WEB_CONCURRENCY"]
    from presentation.bootstrap.server import serve  # noqa: PLC0415

    serve(settings)


@contextmanager
def _maintenance() -> Iterator[Maintenance]:
    from application.errors import StoreUnavailable  # noqa: PLC0415
    from infrastructure.crypto.sealing import KeyRing  # noqa: PLC0415
    from infrastructure.observability.logs import configure_logging  # noqa: PLC0415
    from infrastructure.resealing import Resealing  # noqa: PLC0415
    from infrastructure.settings import SettingsError  # noqa: PLC0415
    from presentation.bootstrap.container import Container  # noqa: PLC0415
    from presentation.bootstrap.logs import selected_format  # noqa: PLC0415

    try:
        settings = _load_settings()
    except SettingsError as error:
        raise Refused(str(error)) from None
    if settings.in_memory:
        raise Refused("OPEN_MFA_REDIS_URL is not set, so there is no store to maintain")
    configure_logging("WARNING", selected_format(settings))
    container = Container(settings, kind="command")
    keys = KeyRing(settings.keys.encryption_keys)
    try:
        yield Maintenance(
            tenants=tuple(container.tenants.by_name),
            keys=keys,
            clock=container.clock,
            list_accounts=container.accounts.list_accounts,
            describe_all=container.factors.describe_all,
            unlock=container.accounts.unlock,
            remove=container.factors.remove,
            forget=container.factors.forget,
            resealing=Resealing(container.repository, keys),
            importing=container.importing,
            exporting=container.exporting,
            audit_anchors=container.store.audit_anchors,
        )
    except StoreUnavailable as error:
        raise Refused(str(error)) from None
    finally:
        container.close()
