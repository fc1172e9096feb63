"""The parts of the service that the commands use. The bootstrap provides them."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # These take a while to load, and most commands need none of them.
    from application.account_list import ListAccounts
    from application.export import Export
    from application.importing import ImportAuthenticators
    from application.ports.audit_anchors import AuditAnchors
    from application.ports.clock import Clock
    from application.reading import DescribeAll
    from application.removal import Forget, Remove, Unlock
    from infrastructure.crypto.sealing import KeyRing
    from infrastructure.resealing import Resealing
    from infrastructure.settings import Settings


@dataclass(frozen=True, slots=True)
class Maintenance:
    """The use cases that maintain the store.

    Attributes:
        tenants: the names of the API keys, each once.
        keys: the encryption keys.
    """

    tenants: Sequence[str]
    keys: "KeyRing"
    clock: "Clock"
    list_accounts: "ListAccounts"
    describe_all: "DescribeAll"
    unlock: "Unlock"
    remove: "Remove"
    forget: "Forget"
    resealing: "Resealing"
    importing: "ImportAuthenticators"
    exporting: "Export"
    audit_anchors: "AuditAnchors"


@dataclass(frozen=True, slots=True)
class Wiring:
    """The functions that load the service, each called only by the commands that need it.

    Attributes:
        load_settings: returns the settings, or raises `SettingsError`.
        serve: serves HTTP until the process gets a signal, or raises `Refused`.
        audit_key: returns the audit key of the settings, None if there is none; or raises `Refused`.
        maintenance: opens the store, or raises `Refused`. It raises `Refused` too if the store fails inside the block.
    """

    load_settings: "Callable[[], Settings]"
    serve: Callable[[], None]
    audit_key: "Callable[[], bytes | None]"
    maintenance: Callable[[], AbstractContextManager[Maintenance]]
