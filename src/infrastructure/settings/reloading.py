"""Settings with another content of the tenants file."""

from dataclasses import replace

from infrastructure.delivery.channel import DeliveryProfile
from infrastructure.settings.checks import known_tenants, mail_conflicts, tenants_conflicts
from infrastructure.settings.settings import Settings
from infrastructure.tenants.tenants_file import TenantsFile, TenantsFileError


def with_tenants_file(settings: Settings, file: TenantsFile) -> Settings:
    """Return the settings with the tenants of a file.

    Raises:
        TenantsFileError: the file does not fit the other settings.
    """
    api_keys, gate_tenant = settings.accounts.api_keys, settings.gate.tenant
    problems = list(tenants_conflicts(file, api_keys))
    if gate_tenant is not None and gate_tenant not in known_tenants(file, api_keys):
        problems.append(f"the file lacks the tenant {gate_tenant}, which OPEN_MFA_GATE_TENANT names")
    if settings.mail is not None:
        service = DeliveryProfile(issuer=settings.enrolment.issuer, language=settings.texts.language)
        problems += mail_conflicts(file, settings.mail, service)
    if problems:
        raise TenantsFileError(problems)
    return replace(settings, accounts=replace(settings.accounts, tenants_file=file))
