"""The Redis adapters of the ports that a store implements."""
