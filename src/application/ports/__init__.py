"""The ports: the interfaces of everything outside the application that the use cases call."""
