"""The factors of all kinds of owners: enrol, verify, describe and remove."""
