"""The stores in Redis."""
