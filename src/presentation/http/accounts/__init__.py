"""Accounts of a tenant, and their factors."""
