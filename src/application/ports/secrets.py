"""The ports that make secrets and codes."""

from typing import Protocol

from domain.code import Code
from domain.owner import CredentialId
from domain.recovery_codes import RecoveryCode
from domain.secret import SharedSecret


class Randomness(Protocol):
    """A random source that is fit for secrets."""

    def secret(self) -> SharedSecret:
        """Return a new shared secret of 160 bits."""

    def code(self, digits: int) -> Code:
        """Return a new one-time code. All codes are equally likely."""

    def authenticator_suffix(self) -> str:
        """Return a new suffix for the id of an additional authenticator, 50 random bits."""

    def recovery_code(self) -> RecoveryCode:
        """Return a new recovery code of 80 bits."""


class SecretDerivation(Protocol):
    """The derivation of secrets from one master secret. Derived secrets are not stored."""

    @property
    def is_set_up(self) -> bool:
        """Return whether there is a master secret."""

    def new(self, credential: CredentialId) -> SharedSecret:
        """Return a secret of 160 bits. Every enrolment gets a different one."""
