"""The parts of the store, in items of the table."""
