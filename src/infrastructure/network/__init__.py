"""Deadlines, name resolution, sockets and URLs."""
