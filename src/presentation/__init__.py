"""HTTP and the command line, and the bootstrap, where adapters meet use cases."""
