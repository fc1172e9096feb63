"""HTTP and the command line, and the one place where adapters meet use cases."""
