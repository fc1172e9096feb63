"""What the domain refuses to build or judge."""


class DomainError(Exception):
    """Root of the domain's errors; the message is fit for the caller to read and holds nothing secret."""


class MalformedCode(DomainError):
    """A code that cannot be one: not ASCII digits, or not as many as the credential's codes have."""


class InvalidSecret(DomainError):
    """A shared secret that is not base32, or too short or too long to be used."""


class InvalidValue(DomainError):
    """A parameter outside the range that the RFCs and this service allow."""


class NotEnrolled(DomainError):
    """There is nothing of this factor to verify, read or remove."""


class AlreadyEnrolled(DomainError):
    """The factor exists; it has to be removed before it can be enrolled again."""


class AlreadyConfirmed(DomainError):
    """The secret was asked for after the first accepted code; it is shown only until then."""
