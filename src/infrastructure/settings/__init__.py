"""The settings of the service: their declaration in `groups`, and `load`, which reads them from a mapping."""

from infrastructure.settings.address import checked_address
from infrastructure.settings.groups.access import Accounts, Administrator, Enrolment, Sessions
from infrastructure.settings.groups.audit import Audit
from infrastructure.settings.groups.delivery import Mail, WebhookReceiver
from infrastructure.settings.groups.gate import Gate
from infrastructure.settings.groups.server import Limits, Log, LogFormat, Mode, Server
from infrastructure.settings.groups.storage import DynamoDb, Keys, Redis
from infrastructure.settings.loading import FILE_VARIABLES, GROUPS, VARIABLES, SettingsError, audit_key_of, load
from infrastructure.settings.parsers import SHORTEST_KEY
from infrastructure.settings.reloading import with_tenants_file
from infrastructure.settings.settings import Settings

__all__ = [
    "FILE_VARIABLES",
    "GROUPS",
    "SHORTEST_KEY",
    "VARIABLES",
    "Accounts",
    "Administrator",
    "Audit",
    "DynamoDb",
    "Enrolment",
    "Gate",
    "Keys",
    "Limits",
    "Log",
    "LogFormat",
    "Mail",
    "Mode",
    "Redis",
    "Server",
    "Sessions",
    "Settings",
    "SettingsError",
    "WebhookReceiver",
    "audit_key_of",
    "checked_address",
    "load",
    "with_tenants_file",
]
