"""Deadlines, addresses, name resolution, sockets and URLs, for every protocol that the service uses."""
