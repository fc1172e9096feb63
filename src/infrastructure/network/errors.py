"""Failures of the network. Each protocol translates them into its own errors."""


class NameNotResolved(OSError):
    """The resolver knows no address of the host name."""


class ResolverTimeout(TimeoutError):
    """The resolver did not answer before the deadline."""


class DeadlinePassed(TimeoutError):
    """No time was left for the next wait."""
