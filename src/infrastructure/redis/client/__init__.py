"""Connections to Redis of every topology."""
