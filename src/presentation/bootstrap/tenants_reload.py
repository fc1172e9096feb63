"""Applying a changed tenants file while the service runs (ADR 39)."""

import logging
import time
from collections.abc import Callable
from typing import Final

from application.request_context import FIELDS
from infrastructure.settings import Settings, with_tenants_file
from infrastructure.tenants.changes import changes_between
from infrastructure.tenants.tenants_file import TenantsFile, TenantsFileError
from infrastructure.tenants.watch import Content, TenantsWatch

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at the file."""

_log = logging.getLogger("open_mfa.tenants")


class TenantsReload:
    """Reads the tenants file again if it has changed. The master process is the only reader.

    Workers get the settings when they start, so all workers of a generation have the same tenants, and a worker that
    replaces a crashed one has them, too.

    Args:
        settings: the settings with which the service has started.
        monotonic: returns the seconds of a clock that never goes back.

    Attributes:
        settings: the settings in force.
    """

    def __init__(self, settings: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._monotonic = monotonic
        self._next_look = monotonic()
        self._is_invalid = False
        file = settings.accounts.tenants_file
        self._watch = None if file is None or file.path is None else TenantsWatch(file.path, file.text)

    def is_due(self) -> bool:
        """Return whether a change of the file was found and applied, so that new workers are needed.

        This looks at the file at most once in `LOOK_EVERY` seconds.
        """
        now = self._monotonic()
        if self._watch is None or now < self._next_look:
            return False
        self._next_look = now + LOOK_EVERY
        content = self._watch.changed()
        if content is None:
            return False
        if self.settings.in_memory:
            remedy = "restart the service to apply the change: a new worker would lose the state in memory"
            _log.warning("the tenants file has changed", extra={FIELDS: {"remedy": remedy}})
            return False
        return self._apply(self._watch.path, content)

    def apply(self) -> bool:
        """Read the file at once, and log the result. Return whether other tenants are in force now.

        An invalid file changes nothing. The error that is logged lists its problems.
        """
        return self._watch is not None and self._apply(self._watch.path, self._watch.read())

    def _apply(self, path: str, content: Content) -> bool:
        try:
            file = _parsed(path, content)
            settings = with_tenants_file(self.settings, file)
        except TenantsFileError as error:
            message = "the tenants file is invalid, so the former tenants stay in force"
            _log.error(message, extra={FIELDS: {"problems": list(error.problems)}})
            self._is_invalid = True
            return False
        except Exception:  # noqa: BLE001 - an error in the master process would end the service
            _log.exception("the tenants file could not be read, so the former tenants stay in force")
            return False
        former = self.settings.accounts.tenants_file
        changes = changes_between({} if former is None else former.tables, file.tables)
        self.settings = settings
        if changes:
            _log.info("the tenants have changed", extra={FIELDS: changes})
        elif self._is_invalid:
            _log.info("the tenants file is valid again, and nothing has changed")
        self._is_invalid = False
        return bool(changes)


def _parsed(path: str, content: Content) -> TenantsFile:
    if content.problem is not None:
        raise TenantsFileError([content.problem])
    return TenantsFile.parse(content.text, path)
