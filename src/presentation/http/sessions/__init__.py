"""Sessions, and the factors of one."""
