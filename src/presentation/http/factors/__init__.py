"""Factors of any owner: enrol, verify, describe, remove."""
