"""All settings of the service. `make settings` generates everything else that lists them."""

from dataclasses import dataclass, field, fields, replace
from typing import Self

from domain.api_key import ApiKey, digest_of
from domain.parameters import HotpParameters, TotpParameters
from domain.policy import Policy
from infrastructure.delivery.channel import ChannelSettings
from infrastructure.settings.declaration import DEVELOPMENT, STANDALONE, group, optional_group
from infrastructure.settings.groups.access import Accounts, Administrator, Enrolment, Sessions
from infrastructure.settings.groups.audit import Audit
from infrastructure.settings.groups.delivery import Mail, WebhookReceiver
from infrastructure.settings.groups.gate import Gate
from infrastructure.settings.groups.server import Limits, Log, Mode, Server, Texts
from infrastructure.settings.groups.storage import DynamoDb, Keys, Redis
from infrastructure.tenants.tenants import Tenants, tenants_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings.

    Attributes:
        generated: the names of the variables whose values development mode or standalone mode generated.
        notices: messages for the operator at start.
        tenants: the tenants of the tenants file and of `OPEN_MFA_API_KEYS`, whose keys have all scopes.
    """

    mode: Mode = group(Mode, "Mode")
    redis: Redis = group(Redis, "Redis")
    dynamodb: DynamoDb = group(DynamoDb, "DynamoDB")
    keys: Keys = group(Keys, "Keys")
    accounts: Accounts = group(Accounts, "Accounts")
    administrator: Administrator | None = optional_group(Administrator, "Administrator")
    enrolment: Enrolment = group(Enrolment, "Enrolment")
    session: Sessions = group(Sessions, "Sessions")
    gate: Gate = group(Gate, "Gate")
    mail: Mail | None = optional_group(Mail, "E-mail")
    webhook: WebhookReceiver | None = optional_group(WebhookReceiver, "Webhook")
    texts: Texts = group(Texts, "Languages")
    limits: Limits = group(Limits, "Limits")
    server: Server = group(Server, "HTTP server")
    log: Log = group(Log, "Log")
    audit: Audit = group(Audit, "Audit trail")
    generated: frozenset[str] = frozenset()
    notices: tuple[str, ...] = ()
    tenants: Tenants = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tenants", self._tenants())

    def with_notices(self, *notices: str) -> Self:
        """Return the settings with further notices."""
        return replace(self, notices=(*self.notices, *notices))

    def _tenants(self) -> Tenants:
        algorithm = self.enrolment.algorithm
        default = Policy(
            issuer=self.enrolment.issuer,
            hotp=HotpParameters(algorithm=algorithm),
            totp=TotpParameters(algorithm=algorithm),
        )
        file = self.accounts.tenants
        tenants = tenants_of({} if file is None else file.tables, default)
        return tenants.with_keys(_api_key(*each) for each in self.accounts.api_keys)

    @property
    def in_memory(self) -> bool:
        """Whether the state is in the memory of one process, because the settings name no store."""
        return self.redis.url is None and self.dynamodb.table is None

    @property
    def channels(self) -> list[ChannelSettings]:
        """The channels that are set up."""
        groups = (getattr(self, each.name) for each in fields(self))
        return [group for group in groups if isinstance(group, ChannelSettings)]

    @property
    def development(self) -> bool:
        """Whether the service runs in development mode."""
        return self.mode.environment == DEVELOPMENT

    @property
    def standalone(self) -> bool:
        """Whether the service runs in standalone mode."""
        return self.mode.environment == STANDALONE

    @property
    def generated_api_key(self) -> str | None:
        """The API key that development mode generated, None if it generated none."""
        return self.accounts.api_keys[0][1] if "OPEN_MFA_API_KEYS" in self.generated else None


def _api_key(tenant: str, key: str) -> ApiKey:
    """Return a key of `OPEN_MFA_API_KEYS`. A part of its digest is its id, which stays when other keys come and go."""
    digest = digest_of(key)
    return ApiKey(tenant=tenant, id=f"key-{digest.hex()[:8]}", digest=digest)
