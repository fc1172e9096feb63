"""Cryptography: sealing, derivation and HOTP."""
