"""Checks of the table for `open-mfa doctor`."""
