"""The Redis client: connections to every topology, and one gateway over them (ADR 29)."""
