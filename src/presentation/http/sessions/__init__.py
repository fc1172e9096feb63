"""Sessions and their factors."""
