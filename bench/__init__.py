"""Benchmarks of the service, in comparison with the minimum that every such service needs. `make bench` runs them."""
