"""The credential that a request is about."""

from collections.abc import Callable

from domain.owner import CredentialId, Factor, Owner

Identify = Callable[[Owner], CredentialId]
"""Returns the id of the owner's credential that the current request is about. Raises `NotEnrolled` for no id."""


def first_of(factor: Factor) -> Identify:
    """Return a function that identifies the credential of a factor, for routes that name the factor."""
    return lambda owner: CredentialId(owner, factor)
