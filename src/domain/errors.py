"""The errors of the domain."""


class DomainError(Exception):
    """The root of the domain's errors. Messages may be shown to clients and contain no secrets."""


class MalformedCode(DomainError):
    """The text is not a code, or does not have as many digits as the credential's codes."""


class InvalidSecret(DomainError):
    """The shared secret is not base32, or is too short or too long."""


class InvalidValue(DomainError):
    """A value is outside the range that the RFCs and this service allow."""


class NotEnrolled(DomainError):
    """There is no credential of this factor to verify, read or remove."""


class AlreadyEnrolled(DomainError):
    """The factor is enrolled. It has to be removed before it can be enrolled again."""


class DuplicateSecret(AlreadyEnrolled):
    """An authenticator of the owner has this secret, so each code would be accepted twice.

    Attributes:
        authenticator: the id of that authenticator.
    """

    def __init__(self, authenticator: str) -> None:
        super().__init__(f"the authenticator {authenticator} has this secret")
        self.authenticator = authenticator


class SameSecretEnrolled(DuplicateSecret):
    """An authenticator is confirmed and has the same codes, so the request has nothing to do."""


class TooManyAuthenticators(DomainError):
    """The owner has as many authenticators as allowed. One of them has to be removed first."""


class AlreadyConfirmed(DomainError):
    """The secret was requested after the first accepted code. It is shown only before that."""
