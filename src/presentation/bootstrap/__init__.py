"""The wiring: adapters meet use cases only here."""
