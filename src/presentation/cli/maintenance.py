"""What the commands share that look after what is stored."""

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from application.errors import StoreUnavailable
from infrastructure.observability.logs import configure_logging
from infrastructure.settings import Settings, SettingsError, load
from presentation.cli.conventions import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from presentation.bootstrap.container import Container


@contextmanager
def stored() -> "Iterator[tuple[Settings, Container]]":
    """The settings, and what they lead to. Raises `Refused` where that is nothing, or does not answer."""
    try:
        settings = load(os.environ)
    except SettingsError as error:
        raise Refused(str(error)) from None
    if settings.redis.url is None:
        raise Refused("OPEN_MFA_REDIS_URL is not set, so nothing is stored anywhere")
    configure_logging("WARNING")
    from presentation.bootstrap.container import Container  # noqa: PLC0415 - Flask takes a while to load

    core = Container(settings)
    try:
        yield settings, core
    except StoreUnavailable as error:
        raise Refused(str(error)) from None
    finally:
        core.store.close()
