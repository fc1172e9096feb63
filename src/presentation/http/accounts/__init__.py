"""Accounts and their factors."""
