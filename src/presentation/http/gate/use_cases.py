"""The use cases that the handlers of the gate need."""

from dataclasses import dataclass

from application.gate import LogInAtGate, VerifyShared
from application.ports.stores import GateSessions


@dataclass(frozen=True, slots=True)
class GateUseCases:
    """The use cases of the gate."""

    sessions: GateSessions
    log_in: LogInAtGate
    shared: VerifyShared
